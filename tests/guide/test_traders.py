"""Several keys of an enterprise: a trader is added at the kiosk, reviewed in the console, and served in the same visit."""

from __future__ import annotations

import html
import re

import httpx2
import pytest

from tests.guide.conftest import Browser, GuideDemo
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.xdist_group("guide")]

PROPOSER, PASSWORD = "11000002", "Keydesk-2"
CHOSEN = "Zhongyuan-9"
WAITING = "/admin/ledger/ledgerproposal/?state__exact=under-review"
_LINK = re.compile(r"/admin/ledger/ledgerproposal/[^\"?]+/change/")


def propose(guide: GuideDemo, name: str, number: str, phone: str, *, passport: bool = False) -> str:
    """Fill in the form of the page that shows the account's proposals; that page afterwards."""
    terminal = guide.terminal
    terminal.press("n")
    terminal.wait("有效证件类型")
    terminal.type(name)
    terminal.wait(name)
    if passport:
        terminal.press("BTab", "Right", "Tab")
        terminal.wait(r"\(\*\) ?护照")
    terminal.press("Tab")
    terminal.type(number, phone)
    terminal.press("Enter")
    terminal.wait("添加交易员要有盖章的法人授权书")
    terminal.press("Right", "Enter")
    return terminal.wait("已提交，审核中")


def only_waiting(console: Browser) -> str:
    """The page of the only proposal that waits, once the kiosk has sent it up with what it is about."""
    found: list[str] = []

    def arrived() -> bool:
        found[:] = sorted(set(_LINK.findall(console.get(WAITING))))
        return len(found) == 1 and "未送到" not in console.get(found[0])

    wait_until(arrived, "the proposal reaches the console")
    return found[0]


def choose_password(guide: GuideDemo, account: str, password: str) -> None:
    """Set the first password at the kiosk, with the code of the message; the link in it is over then."""
    said = re.search(r"(https?://\S+/password/[A-Za-z0-9_-]{22}) .*验证码 (\d{6})", guide.message(account))
    assert said is not None
    link, code = said.groups()
    with httpx2.Client(follow_redirects=True) as phone:
        assert f"账号 {account}" in phone.get(link).text
    guide.back_out()
    guide.reach("6", "请选择一项")
    guide.terminal.press("5")
    guide.terminal.wait("短信验证码")
    guide.terminal.type(account, code, password, password)
    guide.terminal.press("Enter")
    guide.terminal.wait("密码已设置")
    with httpx2.Client(follow_redirects=True) as phone:
        assert "data-over" in phone.get(link).text


def renewed(guide: GuideDemo) -> None:
    """The proposer renews, and takes the key when the next one of the enterprise is to be served."""
    terminal = guide.terminal
    guide.home()
    guide.order("3", PROPOSER, PASSWORD, "hnzycblyxgszz")
    guide.pay()
    guide.insert("11000002 的key盘")
    terminal.press("Enter")
    terminal.wait("请输入这把key盘的PIN")
    terminal.type("111111")
    terminal.press("Enter")
    terminal.wait("绑定完成：key盘续期(?s:.*)凭条已打印")
    terminal.press("n")
    terminal.wait("请取走key盘")
    guide.drawer("拔出key盘")
    guide.close_drawer()


def test_a_trader_is_proposed_refused_with_a_reason_proposed_again_and_approved(
    guide: GuideDemo, console: Browser
) -> None:
    guide.home()
    terminal = guide.terminal
    terminal.wait("网络 在线")
    guide.query(PROPOSER, PASSWORD)
    terminal.wait("企业账户信息")
    guide.reach("1", "A  添加交易员")
    terminal.press("a")
    shown = terminal.wait("还没有申请")
    assert "「用户中心」-「企业账户信息」" in shown
    shown = propose(guide, "王晓芳", "E12345678", "13912341234", passport=True)
    assert re.search(r"王\*\* +E\*+78 ", shown)
    refused = only_waiting(console)
    revealed = console.post(refused, reveal="x")
    assert "护照" in revealed
    assert "E12345678" in revealed
    console.post(refused, **{"refuse": "x", "refuse-reason": "授权书不清楚"})
    terminal.wait("授权书不清楚")

    propose(guide, "王晓芳", "11010519491231002X", "13912341234")
    approved = only_waiting(console)
    assert "王晓芳" not in console.get(approved)
    assert "11010519491231002X" in console.post(approved, reveal="x")
    said = html.unescape(console.post(approved, **{"approve": "x", "approve-checked": "on"}))
    made = re.search(r"已通过，账号 (\d{8})", said)
    assert made is not None
    account = made[1]
    terminal.wait(account)
    choose_password(guide, account, CHOSEN)

    renewed(guide)
    shown = terminal.wait("已办好 1 把")
    assert PROPOSER not in shown
    terminal.press("1")
    terminal.wait("您要办理")
    terminal.press("Enter")
    shown = terminal.wait("带 . 的都要填")
    assert "河南中原储备粮有限公司（郑州）" in shown
    terminal.type("zzq")
    terminal.press("Tab", "Tab")
    terminal.type(account, "wxf", CHOSEN)
    terminal.press("Enter")
    terminal.wait("应付 340.00 元")
    guide.pay()
    guide.insert("空白 PIV key盘")
    terminal.press("Enter")
    assert account in terminal.wait("绑定完成：新办key盘(?s:.*)凭条已打印")
