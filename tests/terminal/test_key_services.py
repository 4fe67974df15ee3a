"""「key盘服务」 at `keydesk demo`, in a terminal of 80×24: a PIN, a login, a loss, and the staff's part."""

from __future__ import annotations

import re

import pytest

from tests.support.terminal import Demo
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("terminal")]

ACCOUNT, PASSWORD, PIN = "11000002", "Keydesk-2", "246810"


def service(demo: Demo, choice: str) -> None:
    """Open one of the key services with the member's account."""
    demo.back_out()
    demo.terminal.press("6")
    demo.terminal.wait("请选择一项")
    demo.terminal.press(choice)
    demo.terminal.wait("请输入登录账号和密码")
    demo.terminal.type(ACCOUNT, PASSWORD)
    demo.terminal.press("Enter")


def staff_service(demo: Demo, place: int) -> None:
    """Open one of the key services of staff, as the supervisor."""
    demo.back_out()
    demo.terminal.press("F6")
    demo.terminal.wait("工作人员登录")
    demo.terminal.type("lt", "Super-1")
    demo.terminal.press("Enter")
    demo.terminal.wait("主管 林涛")
    demo.terminal.press("BTab")
    for tab in (r"待办事项", r"未处理的消息", r"待打凭条", r"夜间检查", r"网络", r"key盘"):
        demo.terminal.press("Right")
        demo.terminal.wait(r"\(\*\) ?" + tab)
    demo.terminal.press("Tab", *["Down"] * place, "Enter")


def test_a_pin_is_changed_and_a_login_is_checked_with_the_code_on_the_members_phone(demo: Demo) -> None:
    demo.home()
    terminal = demo.terminal
    terminal.wait("网络 在线")
    demo.insert("11000002 的key盘")
    assert ACCOUNT not in terminal.wait("有效期至 .*还有 [0-9]+ 天")
    service(demo, "2")
    terminal.wait("原PIN码")
    terminal.type("111111", PIN, PIN)
    terminal.press("Enter")
    terminal.wait("PIN码已修改")
    assert demo.entries("pin-changed", ACCOUNT)
    demo.back_out()
    demo.insert("11000002 的key盘")
    terminal.press("b")
    terminal.wait(f"登录账号.*{ACCOUNT}")
    terminal.type(PASSWORD)
    terminal.press("Enter")
    terminal.wait("请输入key盘的PIN码")
    terminal.type(PIN)
    terminal.press("Enter")
    shown = terminal.wait(re.escape("已发到 138****0002"))
    assert shown.count("通过") == 7
    demo.drawer("看会员手机的短信")
    digits = re.search(r"验证码 (\d{6})", terminal.wait("验证码 [0-9]{6}"))
    assert digits is not None
    demo.close_drawer()
    terminal.type(f"{(int(digits[1]) + 1) % 1000000:06}")
    terminal.press("Enter")
    terminal.wait("验证码不对，还可试 2 次")
    terminal.press("C-u")
    terminal.type(digits[1])
    terminal.press("Enter")
    terminal.wait("各项都已核对")


def test_a_loss_without_the_network_takes_effect_with_it_and_is_lifted_for_the_owner(demo: Demo) -> None:
    demo.home()
    terminal = demo.terminal
    demo.drawer("断开网络")
    demo.close_drawer()
    terminal.wait("网络 离线")
    service(demo, "4")
    terminal.wait("挂失马上生效")
    terminal.press("Enter")
    terminal.wait("确认挂失")
    terminal.press("Tab", "Enter")
    assert "联网后生效" in terminal.wait("已挂失，记在本机")
    (reported,) = demo.entries("loss-reported", ACCOUNT)
    demo.drawer("接上网络")
    demo.close_drawer()
    terminal.wait("已挂失，中心已登记")
    demo.back_out()
    demo.insert("11000002 的key盘")
    staff_service(demo, 4)
    terminal.wait("核对会员本人和证件")
    terminal.type(ACCOUNT, PASSWORD, PIN)
    terminal.press("Enter")
    terminal.wait("已解除挂失")
    (lifted,) = demo.entries("hold-lifted", ACCOUNT)
    assert (lifted["key"]["number"], lifted["staff"]) == (reported["key"]["number"], "林涛")
    wait_until(lambda: demo.backlog() == 0, "the lifting is sent up")


def test_a_key_that_is_locked_is_unblocked_by_the_supervisor_and_erased_after_two_questions(
    demo: Demo,
) -> None:
    demo.home()
    terminal = demo.terminal
    demo.insert("PIN码已锁的key盘")
    staff_service(demo, 1)
    terminal.wait("管理员PIN")
    terminal.press("Down")
    terminal.type(PIN, PIN)
    terminal.press("Enter")
    terminal.wait("PIN码已解锁")
    terminal.press("Enter")
    staff_service(demo, 2)
    terminal.wait("空白，还没有绑定")
    terminal.press("Tab", "Enter")
    terminal.wait("会删掉，不能恢复")
    terminal.press("Tab", "Enter")
    terminal.wait("再确认一次")
    terminal.type("1FFF")
    terminal.press("Enter")
    terminal.wait("已清空，是空白key盘")
    (erased,) = demo.entries("key-erased", "")
    assert (erased["token_serial"], erased["staff"]) == ("E8AD652202221FFF", "林涛")
