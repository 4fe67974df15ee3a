from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from textual.widgets import Input

from kiosk.desk.keys.views import Check, CheckResult
from kiosk.desk.views import KeyStatus, Network, Refusal, Refused, TokenRefused, TokenTrouble
from kiosk.domain.fees import OrderKind

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from kiosk.ui.app import KeydeskApp

# The fake desk of conftest.py, which cannot be imported by name.
Desk = Any
SUPPORT = "0371-68085231"
replace = msgspec.structs.replace


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def shown(app: KeydeskApp) -> str:
    return type(app.screen).__name__


def text_of(app: KeydeskApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def sentence(app: KeydeskApp) -> str:
    """What is shown without the breaks between the lines."""
    return "".join(text_of(app).replace("\n", "").split())


async def type_in(pilot: Pilot[None], *values: str) -> None:
    """Every value and Enter, as a member does."""
    for value in values:
        await pilot.press(*value, "enter")
    await settle(pilot)


async def open_service(app: KeydeskApp, pilot: Pilot[None], number: str, account: str = "11000002") -> None:
    """From home to a service, by keyboard alone."""
    await settle(pilot)
    await pilot.press("9")
    await settle(pilot)
    await pilot.press(number)
    await settle(pilot)
    assert shown(app) == "SignInScreen"
    await type_in(pilot, account, f"Keydesk-{account[-1]}")


def other(token: Any) -> Any:
    """A second key, in another reader."""
    return replace(token, serial="E8AD652202221F09", reader="Other reader")


def several(*tokens: Any) -> TokenRefused:
    return TokenRefused(TokenTrouble.SEVERAL, candidates=tokens)


# The menu


async def test_the_last_row_of_home_is_reached_by_arrows_and_esc_leads_back_step_by_step(
    app: KeydeskApp,
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("right", "down", "down", "down", "down")
        assert app.focused is not None
        assert app.focused.id == "key-services"
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "KeyServicesScreen"
        await pilot.press("down", "enter")
        await settle(pilot)
        assert "修改PIN码" in text_of(app)
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "KeyServicesScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_the_password_is_asked_for_once_for_several_services(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert shown(app) == "KeyStatusScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert "已登录：11000002 陈静" in text_of(app)
        await pilot.press("3")
        await settle(pilot)
        assert shown(app) == "LoginCheckScreen"


async def test_nobody_there_ends_the_visit_and_forgets_the_pin(
    app: KeydeskApp, desk: Desk, used: Any, ticker: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        await pilot.press(*"123456")
        ticker.seconds += 200
        app.call_later(app._tick)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
        assert not any(field.value for page in app.screen_stack for field in page.query(Input))


# 状态


async def test_status_tells_of_the_key_only_after_the_password_and_follows_the_key(
    app: KeydeskApp, desk: Desk, used: Any, blank: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("9", "1")
        await settle(pilot)
        await type_in(pilot, "11000002", "wrong")
        assert "账号或密码不对" in text_of(app)
        assert used.serial not in text_of(app)
        assert desk.calls == []
        await type_in(pilot, "Keydesk-2")
        for fact in (
            used.serial,
            "KEYDESK / gmt / Virtual reader",
            "还可试 5 次（共 6 次）",
            "已改成自己的",
            used.certificate,
            "2026-03-02 14:05:31 ~ 2027-03-02 14:05:31",
            "还有 100 天",
            "使用中",
            "11000002  陈静",
        ):
            assert fact in text_of(app)
        desk.insert(TokenRefused(TokenTrouble.ABSENT))
        await settle(pilot)
        assert "请插入key盘" in text_of(app)
        assert used.serial not in text_of(app)
        desk.insert(other(blank))
        await settle(pilot)
        assert "E8AD652202221F09" in text_of(app)
        assert "空白，还没有绑定" in text_of(app)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (KeyStatus.ON_HOLD, "解除挂失"),
        (KeyStatus.REVOKED, "不能再用"),
        (KeyStatus.UNDER_WAY, "继续办理"),
        (KeyStatus.UNKNOWN, SUPPORT),
        (KeyStatus.NOT_PREPARED, SUPPORT),
    ],
)
async def test_status_says_what_to_do_with_a_key_that_is_not_in_use(
    app: KeydeskApp, desk: Desk, used: Any, standing: KeyStatus, said: str
) -> None:
    desk.token, desk.standing = used, standing
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert said in text_of(app)


async def test_status_warns_of_the_end_the_factory_pin_and_a_blocked_pin(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = replace(used, factory_pin=True)
    view = desk.named(desk.token)
    desk.outcomes["key_status"] = [
        replace(view, days_left=12),
        replace(view, days_left=-3),
        replace(view, token=replace(used, pin_blocked=True, tries_left=0)),
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert "还有 12 天" in text_of(app)
        assert "还是初始PIN码，请用「修改PIN码」" in sentence(app)
        assert "key盘续期" in text_of(app)
        desk.insert(desk.token)
        await settle(pilot)
        assert "已过期 3 天" in text_of(app)
        desk.insert(desk.token)
        await settle(pilot)
        assert "已锁死" in text_of(app)
        assert SUPPORT in text_of(app)


@pytest.mark.parametrize(
    ("card", "said"),
    [(None, "未知的卡"), ("bank-card", "像是银行卡"), ("other-key", "配置厂商的驱动")],
)
async def test_a_card_that_is_no_key_is_told_with_its_answer_to_reset(
    app: KeydeskApp, desk: Desk, card: str | None, said: str
) -> None:
    atr = "3B9F95811BFFC70031E073FE211B57375550010000D1"
    desk.token = TokenRefused(TokenTrouble.NOT_RECOGNISED, detail=atr, card=card)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert f"ATR {atr}" in text_of(app)
        assert said in sentence(app)
        assert SUPPORT in sentence(app)


# Several keys


async def test_of_several_keys_one_is_asked_for_and_used(
    app: KeydeskApp, desk: Desk, used: Any, blank: Any
) -> None:
    desk.token = several(used, other(blank))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert shown(app) == "KeyChoiceScreen"
        for fact in (
            used.serial,
            "Virtual reader",
            used.certificate,
            "E8AD652202221F09",
            "Other reader",
            "空白",
        ):
            assert fact in text_of(app)
        await pilot.press("2")
        await settle(pilot)
        assert shown(app) == "KeyStatusScreen"
        assert "E8AD652202221F09" in text_of(app)
        assert desk.calls[-1] == ("key_status", "E8AD652202221F09")


async def test_a_pin_is_changed_on_the_key_that_was_chosen_and_on_none_without_a_choice(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = several(used, other(used))
    desk.outcomes["change_pin"] = [desk.token, desk.token]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        assert "办理时会问用哪一把" in text_of(app)
        await type_in(pilot, "123456", "234567", "234567")
        assert shown(app) == "KeyChoiceScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert "没有选key盘" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert "PIN码已修改" in text_of(app)
        assert [call[-1] for call in desk.calls] == [None, None, "E8AD652202221F09"]


async def test_a_key_pulled_while_it_is_asked_which_takes_the_question_away(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = several(used, other(used))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        assert shown(app) == "KeyChoiceScreen"
        desk.insert(used)
        await settle(pilot)
        assert shown(app) == "KeyStatusScreen"
        assert used.serial in text_of(app)


# 修改PIN码


async def test_a_pin_is_changed_by_keyboard_alone_and_nothing_typed_stays(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        assert "6 至 16 位数字或字母" in text_of(app)
        await type_in(pilot, "111111", "234567", "234567")
        assert desk.calls == [("change_pin", "111111", "234567", False, None)]
        assert "PIN码已修改" in text_of(app)
        assert not any(field.value for field in app.screen.query(Input))
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "KeyServicesScreen"


@pytest.mark.parametrize(
    ("typed", "said", "cursor"),
    [
        (("", "234567", "234567"), "请填写", "old"),
        (("111111", "2345", "2345"), "要 6 至 16 位", "new"),
        (("111111", "234567", ""), "请再输一遍", "again"),
        (("111111", "234567", "234568"), "两次输入的不一样", "again"),
        (("234567", "234567", "234567"), "和原PIN码一样", "new"),
        (("111111", "二三四五六七", "二三四五六七"), "只能用数字和字母", "new"),
    ],
)
async def test_what_the_form_can_tell_costs_no_try(
    app: KeydeskApp, desk: Desk, used: Any, typed: tuple[str, ...], said: str, cursor: str
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        for name, value in zip(("old", "new", "again"), typed, strict=True):
            app.screen.query_one(f"#{name}", Input).value = value
        app.screen.query_one("#next").focus()
        await pilot.press("enter")
        await settle(pilot)
        assert said in text_of(app)
        assert app.focused is not None
        assert app.focused.id == cursor
        assert desk.calls == []


async def test_a_piv_key_takes_digits_alone_and_at_most_eight(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = replace(used, driver="piv", application="PIV")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        assert "6 至 8 位数字" in text_of(app)
        await type_in(pilot, "111111", "abcdefg", "abcdefg")
        assert "只能用数字" in text_of(app)
        assert desk.calls == []


async def test_a_wrong_old_pin_tells_the_tries_the_last_is_asked_for_and_a_blocked_one_goes_to_the_staff(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    desk.outcomes["change_pin"] = [
        TokenRefused(TokenTrouble.PIN_WRONG, tries_left=1),
        TokenRefused(TokenTrouble.PIN_LAST_TRY, tries_left=1),
        TokenRefused(TokenTrouble.PIN_LAST_TRY, tries_left=1),
        TokenRefused(TokenTrouble.PIN_BLOCKED, tries_left=0),
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        await type_in(pilot, "000000", "234567", "234567")
        assert "PIN 不对，还可试 1 次" in text_of(app)
        assert app.screen.query_one("#old", Input).value == ""
        await type_in(pilot, "111112", "", "")
        assert shown(app) == "ConfirmScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert len(desk.calls) == 2
        await type_in(pilot, "111111", "", "")
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert desk.calls[-1] == ("change_pin", "111111", "234567", True, None)
        assert "已锁死，请找工作人员" in sentence(app)
        assert SUPPORT in text_of(app)


async def test_a_key_with_the_factory_pin_needs_no_old_one(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = replace(used, factory_pin=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        assert "初始PIN码可不填" in text_of(app)
        await type_in(pilot, "", "234567", "234567")
        assert desk.calls == [("change_pin", None, "234567", False, None)]


@pytest.mark.parametrize("trouble", [TokenTrouble.PIN_UNCHANGED, TokenTrouble.PIN_UNCERTAIN])
async def test_a_new_pin_that_the_desk_does_not_take_or_is_not_sure_of_is_said(
    app: KeydeskApp, desk: Desk, used: Any, trouble: TokenTrouble
) -> None:
    desk.token = used
    desk.outcomes["change_pin"] = [TokenRefused(trouble)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "2")
        await type_in(pilot, "111111", "222222", "222222")
        said = "新PIN码不能是初始PIN码" if trouble is TokenTrouble.PIN_UNCHANGED else "请先用新PIN码试"
        assert said in sentence(app)


# 登录验证


async def test_a_login_check_ends_with_the_sms_code_in_large_words(
    app: KeydeskApp, desk: Desk, used: Any, sms_code: str
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "3")
        await type_in(pilot, "123456")
        assert desk.calls == [("login_check", "123456", False, None)]
        assert text_of(app).count("通过") == 7
        assert "已发到 138****5678" in text_of(app)
        assert "还可试 5 次，剩余 05:00" in text_of(app)
        assert "可以登录" not in text_of(app)
        await type_in(pilot, "12345")
        assert "6 位短信验证码" in text_of(app)
        assert len(desk.calls) == 1
        app.screen.query_one("#code", Input).value = ""
        await type_in(pilot, "000000")
        assert "验证码不对，还可试 4 次" in text_of(app)
        await type_in(pilot, sms_code)
        assert "可以登录" in str(app.screen.query_one("#verdict").render())
        assert app.screen.query_one("#verdict").has_class("good")
        desk.insert(TokenRefused(TokenTrouble.ABSENT))
        await settle(pilot)
        assert "可以登录" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "KeyServicesScreen"


async def test_offline_it_is_said_what_could_not_be_checked(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token, desk.network = used, Network.OFFLINE
    left_out = {Check.REGISTER, Check.SMS}
    results = tuple(
        (check, CheckResult.NOT_CHECKED if check in left_out else CheckResult.PASSED) for check in Check
    )
    desk.login = replace(desk.login, results=results, check="", feed_as_of=desk.now - 53_700)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "3")
        await type_in(pilot, "123456")
        assert "本机离线：未核对中心登记和短信验证码；吊销信息截至11-2123:10" in sentence(app)
        assert "登记未核对" in str(app.screen.query_one("#verdict").render())
        assert app.screen.query_one("#verdict").has_class("partly")


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        (Check.VALIDITY, "key盘续期"),
        (Check.REVOCATION, "补办key盘"),
        (Check.REGISTER, "请过几分钟再试"),
        (Check.CHAIN, SUPPORT),
        (Check.SIGNATURE, SUPPORT),
    ],
)
async def test_a_check_that_failed_is_said_with_what_to_do(
    app: KeydeskApp, desk: Desk, used: Any, failed: Check, said: str
) -> None:
    desk.token = used
    results = tuple((check, CheckResult.FAILED if check is failed else CheckResult.PASSED) for check in Check)
    desk.login = replace(desk.login, results=results, check="")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "3")
        await type_in(pilot, "123456")
        assert "暂不能登录" in str(app.screen.query_one("#verdict").render())
        assert said in sentence(app)
        assert app.screen.query_one("#code").display is False


async def test_a_wrong_pin_in_a_login_check_is_typed_again(app: KeydeskApp, desk: Desk, used: Any) -> None:
    desk.token = used
    desk.outcomes["login_check"] = [TokenRefused(TokenTrouble.PIN_WRONG, tries_left=4)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "3")
        await type_in(pilot, "000000")
        assert "PIN 不对，还可试 4 次" in text_of(app)
        await type_in(pilot, "123456")
        assert "已发到" in text_of(app)


# 挂失


async def test_a_loss_is_reported_after_a_question_and_leads_on_to_a_replacement(
    app: KeydeskApp, desk: Desk
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "4")
        assert "不收费" in text_of(app)
        assert "联网后生效" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "ConfirmScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert desk.calls == []
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert desk.calls == [("report_loss", "11000002")]
        await pilot.pause(0.7)
        await settle(pilot)
        assert "中心已登记" in text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen.query_one("#account", Input).value == "11000002"
        assert app.screen.query_one("#enterprise", Input).value == "河南中原储备粮有限公司（郑州）"


async def test_offline_a_loss_takes_effect_once_online(app: KeydeskApp, desk: Desk) -> None:
    desk.network, desk.loss_reaches_centre = Network.OFFLINE, False
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "4")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        await pilot.pause(0.6)
        assert "联网后生效" in text_of(app)
        assert SUPPORT in text_of(app)
        desk.loss_reaches_centre = True
        await pilot.pause(0.7)
        await settle(pilot)
        assert "中心已登记" in text_of(app)


async def test_without_a_key_there_is_nothing_to_report(app: KeydeskApp, desk: Desk) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "4", "11000001")
        assert "不用挂失" in text_of(app)
        assert app.screen.query_one("#next").disabled
        await pilot.press("enter")
        await settle(pilot)
        assert shown(app) == "KeyServicesScreen"


async def test_a_refused_loss_is_said(app: KeydeskApp, desk: Desk) -> None:
    desk.outcomes["report_loss"] = [Refused(Refusal.DISK_FULL)]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "4")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert "存储空间已满" in text_of(app)
        assert "Enter  挂失" in text_of(app)


async def test_what_was_said_of_a_key_changes_with_the_language(
    app: KeydeskApp, desk: Desk, used: Any
) -> None:
    desk.token = used
    async with app.run_test(size=(80, 24)) as pilot:
        await open_service(app, pilot, "1")
        await pilot.press("f2")
        await settle(pilot)
        assert "100 days" in text_of(app)
        assert "In use" in text_of(app)
        assert "使用中" not in text_of(app)
