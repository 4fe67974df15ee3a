"""The member's services for a key: status, PIN, login check, report of a loss."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input

from kiosk.desk.keys.views import Check, CheckResult, KeyView, LoginCheckView
from kiosk.desk.views import KeyStatus, Refusal, Refused, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.entries import LossReported, PinChanged
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN
from tests.support.kiosk import (
    CERTIFICATE,
    NEWCOMER,
    NOW,
    OTHER_SERIAL,
    OWNER,
    OWNERS_FIRM,
    SERIAL,
    SMS_CODE,
    Kiosk,
    LoginCentre,
    answer_next,
    go,
    until,
)
from tests.support.screens import (
    fill,
    focused,
    press,
    press_button,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)

SIZE = (80, 24)
SUPPORT = "0371-68085231"


async def open_service(
    app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, service: KeyService, account: str = OWNER
) -> None:
    """The service as it opens once the password was right."""
    await settle(pilot)
    app.visit.service = service
    await go(app, pilot, Route.KEY_SERVICES, kiosk.session(account))


def view_of(kiosk: Kiosk) -> KeyView:
    """What the desk says of the key that is in."""
    view = kiosk.service.key_status(kiosk.session(OWNER))
    assert isinstance(view, KeyView)
    return view


def token_of(kiosk: Kiosk) -> TokenView:
    """What the key that is in says of itself."""
    token = kiosk.service.read_token()
    assert isinstance(token, TokenView)
    return token


def pin_changes(kiosk: Kiosk) -> list[str]:
    return [body.token_serial for body in kiosk.setup.bodies() if isinstance(body, PinChanged)]


# The menu


async def test_the_last_row_of_home_is_reached_by_arrows_and_esc_leads_back_step_by_step(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("right", "down", "down", "down", "down")
        assert focused(app) == "key-services"
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"
        await press(pilot, "down", "enter")
        assert "修改PIN码" in text_of(app)
        await press(pilot, "escape")
        assert shown(app) == "KeyServicesScreen"
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"


async def test_the_password_is_asked_for_once_for_several_services(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.KEY_SERVICES)
        await press(pilot, "1")
        assert shown(app) == "SignInScreen"
        await type_in(pilot, OWNER, "Keydesk-2")
        assert shown(app) == "KeyStatusScreen"
        await press(pilot, "escape")
        assert "已登录：11000002 陈静" in text_of(app)
        await press(pilot, "3")
        assert shown(app) == "LoginCheckScreen"


async def test_nobody_there_ends_the_visit_and_forgets_the_pin(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        fill(app, old=PIN)
        kiosk.ticker.seconds += 200
        app.call_later(app._tick)
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert app.visit.session is None
        assert not any(field.value for page in app.screen_stack for field in page.query(Input))


# 状态


async def test_status_tells_of_the_key_only_after_the_password_and_follows_the_key(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(1)
    asked = answer_next(kiosk.service, "key_status")
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.KEY_SERVICES)
        await press(pilot, "1")
        await type_in(pilot, OWNER, "wrong")
        assert "账号或密码不对" in text_of(app)
        assert SERIAL not in text_of(app)
        assert asked == []
        await type_in(pilot, "Keydesk-2")
        for fact in (
            SERIAL,
            "KEYDESK / gmt / Virtual reader",
            "还可试 5 次（共 6 次）",
            "已改成自己的",
            CERTIFICATE,
            "2026-03-02 14:05:31 ~ 2027-03-02 14:05:31",
            "还有 100 天",
            "使用中",
            "11000002  陈静",
        ):
            assert fact in text_of(app)
        kiosk.source.remove()
        await until(pilot, lambda: "请插入key盘" in text_of(app))
        assert SERIAL not in text_of(app)
        kiosk.source.insert(kiosk.blank(OTHER_SERIAL))
        await until(pilot, lambda: OTHER_SERIAL in text_of(app))
        assert "空白，还没有绑定" in text_of(app)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (KeyStatus.ON_HOLD, "解除挂失"),
        (KeyStatus.REVOKED, "不能再用"),
        (KeyStatus.UNDER_WAY, "继续办理"),
        (KeyStatus.UNKNOWN, SUPPORT),
        (KeyStatus.NOT_PREPARED, SUPPORT),
    ],
)
async def test_status_says_what_to_do_with_a_key_that_is_not_in_use(
    app: KeydeskApp, kiosk: Kiosk, status: KeyStatus, said: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "key_status", replace(view_of(kiosk), status=status))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert said in text_of(app)


async def test_status_warns_of_the_end_the_factory_pin_and_a_blocked_pin(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    view = view_of(kiosk)
    answer_next(
        kiosk.service,
        "key_status",
        replace(view, token=replace(view.token, factory_pin=True), days_left=12),
        replace(view, days_left=-3),
        replace(view, token=replace(view.token, pin_blocked=True, tries_left=0)),
    )
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert "还有 12 天" in text_of(app)
        assert "还是初始PIN码，请用「修改PIN码」" in sentence(app)
        assert "key盘续期" in text_of(app)
        app.on_tokens_changed()
        await settle(pilot)
        assert "已过期 3 天" in text_of(app)
        app.on_tokens_changed()
        await settle(pilot)
        assert "已锁死" in text_of(app)
        assert SUPPORT in text_of(app)


@pytest.mark.parametrize(
    ("card", "said"),
    [(None, "未知的卡"), ("bank-card", "像是银行卡"), ("other-key", "配置厂商的驱动")],
)
async def test_a_card_that_is_no_key_is_told_with_its_answer_to_reset(
    app: KeydeskApp, kiosk: Kiosk, card: str | None, said: str
) -> None:
    atr = "3B9F95811BFFC70031E073FE211B57375550010000D1"
    answer_next(kiosk.service, "key_status", TokenRefused(TokenRefusal.NOT_RECOGNISED, detail=atr, card=card))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert f"ATR {atr}" in text_of(app)
        assert said in sentence(app)
        assert SUPPORT in sentence(app)


# Several keys


async def test_of_several_keys_one_is_asked_for_and_used(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.source.insert(kiosk.blank(OTHER_SERIAL), "Other reader")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS, NEWCOMER)
        assert shown(app) == "KeyChoiceScreen"
        for fact in (SERIAL, "Virtual reader", CERTIFICATE, OTHER_SERIAL, "Other reader", "空白"):
            assert fact in text_of(app)
        await press(pilot, "2")
        assert shown(app) == "KeyStatusScreen"
        assert OTHER_SERIAL in text_of(app)


async def test_a_pin_is_changed_on_the_key_that_was_chosen_and_on_none_without_a_choice(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    key = kiosk.owners_key(OTHER_SERIAL)
    kiosk.source.insert(kiosk.blank(SERIAL), "Virtual reader")
    kiosk.source.insert(key, "Other reader")
    several = kiosk.service.read_token()
    answer_next(kiosk.service, "change_pin", several, several)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "办理时会问用哪一把" in text_of(app)
        await type_in(pilot, PIN, "234567", "234567")
        assert shown(app) == "KeyChoiceScreen"
        await press(pilot, "escape")
        assert "没有选key盘" in text_of(app)
        assert pin_changes(kiosk) == []
        await press(pilot, "enter")
        await press(pilot, "down", "enter")
        assert "PIN码已修改" in text_of(app)
    assert pin_changes(kiosk) == [OTHER_SERIAL]


async def test_a_key_pulled_while_it_is_asked_which_takes_the_question_away(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    for serial, reader in ((SERIAL, "Virtual reader"), (OTHER_SERIAL, "Other reader")):
        kiosk.source.insert(kiosk.blank(serial), reader)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        assert shown(app) == "KeyChoiceScreen"
        kiosk.source.remove("Other reader")
        await until(pilot, lambda: shown(app) == "KeyStatusScreen")
        await settle(pilot)
        await until(pilot, lambda: SERIAL in text_of(app))
        await settle(pilot)


# 修改PIN码


async def test_a_pin_is_changed_by_keyboard_alone_and_nothing_typed_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "6 至 16 位数字或字母" in text_of(app)
        await pilot.press(*PIN, "enter", *"234567", "enter", *"234567", "enter")
        await settle(pilot)
        assert "PIN码已修改" in text_of(app)
        assert not any(field.value for field in app.screen.query(Input))
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"
    assert [given[1:] for given in asked] == [(PIN, "234567", False, None)]
    assert pin_changes(kiosk) == [SERIAL]


@pytest.mark.parametrize(
    ("typed", "said", "cursor"),
    [
        (("", "234567", "234567"), "请填写", "old"),
        (("111111", "2345", "2345"), "要 6 至 16 位", "new"),
        (("111111", "234567", ""), "请再输一遍", "again"),
        (("111111", "234567", "234568"), "两次输入的不一样", "again"),
        (("234567", "234567", "234567"), "和原PIN码一样", "new"),
        (("111111", "二三四五六七", "二三四五六七"), "只能用数字和字母", "new"),
        (("111111", "234567 ", "234567 "), "只能用数字和字母", "new"),
    ],
)
async def test_what_the_form_can_tell_costs_no_try(
    app: KeydeskApp, kiosk: Kiosk, typed: tuple[str, str, str], said: str, cursor: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        fill(app, **dict(zip(("old", "new", "again"), typed, strict=True)))
        await press_button(app, pilot, "next")
        assert said in text_of(app)
        assert focused(app) == cursor
    assert asked == []


async def test_a_piv_key_takes_digits_alone_and_at_most_eight(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    piv = replace(token_of(kiosk), driver="piv", application="PIV")
    answer_next(kiosk.service, "read_token", piv, piv, piv)
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        assert "6 至 8 位数字" in text_of(app)
        await type_in(pilot, "111111", "abcdefg", "abcdefg")
        assert "只能用数字" in text_of(app)
    assert asked == []


async def test_a_wrong_old_pin_tells_the_tries_the_last_is_asked_for_and_a_blocked_one_goes_to_the_staff(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.waste_tries(4)
    asked = answer_next(kiosk.service, "change_pin")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        await type_in(pilot, "000000", "234567", "234567")
        assert "PIN 不对，还可试 1 次" in text_of(app)
        assert app.screen.query_one("#old", Input).value == ""
        fill(app, old="111112")
        await press(pilot, "enter", "enter", "enter")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "escape")
        assert token_of(kiosk).tries_left == 1
        fill(app, old="111112")
        await press(pilot, "enter", "enter", "enter")
        await press(pilot, "tab", "enter")
        assert asked[-1][1:] == ("111112", "234567", True, None)
        assert "已锁死，请找工作人员" in sentence(app)
        assert SUPPORT in text_of(app)


async def test_a_key_with_the_factory_pin_needs_no_old_one(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.setup.bound_here(kiosk.service, NEWCOMER, SERIAL))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN, NEWCOMER)
        assert "初始PIN码可不填" in text_of(app)
        await type_in(pilot, "", "234567", "234567")
        assert "PIN码已修改" in text_of(app)
    assert pin_changes(kiosk) == [SERIAL]


@pytest.mark.parametrize("trouble", [TokenRefusal.PIN_UNCHANGED, TokenRefusal.PIN_UNCERTAIN])
async def test_a_new_pin_that_the_desk_does_not_take_or_is_not_sure_of_is_said(
    app: KeydeskApp, kiosk: Kiosk, trouble: TokenRefusal
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    answer_next(kiosk.service, "change_pin", TokenRefused(trouble))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.CHANGE_PIN)
        await type_in(pilot, "111111", "222222", "222222")
        said = "新PIN码不能是初始PIN码" if trouble is TokenRefusal.PIN_UNCHANGED else "请先用新PIN码试"
        assert said in sentence(app)


# 登录验证


def judged(results: dict[Check, CheckResult], feed_as_of: int | None = None) -> LoginCheckView:
    """A check that is over, with these results; all others passed."""
    every = tuple((check, results.get(check, CheckResult.PASSED)) for check in Check)
    return LoginCheckView(
        SERIAL, CERTIFICATE, NOW + 8_640_000, every, "", "138****5678", NOW + 300, 5, feed_as_of
    )


async def test_a_login_check_ends_with_the_sms_code_in_large_words(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    LoginCentre(kiosk)
    codes = answer_next(kiosk.service, "login_code")
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await type_in(pilot, PIN)
        assert text_of(app).count("通过") == 7
        assert "已发到 138****5678" in text_of(app)
        assert "还可试 5 次，剩余 0" in text_of(app)
        assert "可以登录" not in text_of(app)
        await type_in(pilot, "12345")
        assert "6 位短信验证码" in text_of(app)
        assert codes == []
        await type_in(pilot, "000000")
        assert "验证码不对，还可试 4 次" in text_of(app)
        await type_in(pilot, SMS_CODE)
        assert "可以登录" in str(app.screen.query_one("#verdict").render())
        assert app.screen.query_one("#verdict").has_class("good")
        kiosk.source.remove()
        await settle(pilot)
        assert "可以登录" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"


async def test_offline_it_is_said_what_could_not_be_checked(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await type_in(pilot, PIN)
        assert "本机离线：未核对中心登记和短信验证码；吊销信息截至11-2213:55" in sentence(app)
        assert "登记未核对" in str(app.screen.query_one("#verdict").render())
        assert app.screen.query_one("#verdict").has_class("partly")


async def test_what_was_not_checked_is_said_in_full_in_english(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await press(pilot, "f2")
        await type_in(pilot, PIN)
        rows = [" ".join(row.split()) for row in text_of(app).splitlines()]
        assert "[-] Listed by the centre not checked │" in rows
        assert "[-] SMS code not checked │" in rows


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
    app: KeydeskApp, kiosk: Kiosk, failed: Check, said: str
) -> None:
    answer_next(kiosk.service, "login_check", judged({failed: CheckResult.FAILED}))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await type_in(pilot, "123456")
        assert "暂不能登录" in str(app.screen.query_one("#verdict").render())
        assert said in sentence(app)
        assert app.screen.query_one("#code").display is False


async def test_a_key_that_the_centre_has_not_listed_yet_is_checked_again_in_a_moment(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    left_out = judged({Check.REGISTER: CheckResult.NOT_CHECKED, Check.SMS: CheckResult.NOT_CHECKED})
    answer_next(kiosk.service, "login_check", replace(left_out, received=True))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await type_in(pilot, "123456")
        assert "登记未核对" in str(app.screen.query_one("#verdict").render())
        assert "请过一会儿再验证一次" in sentence(app)
        assert "离线" not in sentence(app)


async def test_a_wrong_pin_in_a_login_check_is_typed_again(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    LoginCentre(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.LOGIN_CHECK)
        await type_in(pilot, "000000")
        assert "PIN 不对，还可试 5 次" in text_of(app)
        await type_in(pilot, PIN)
        assert "已发到" in text_of(app)


# 挂失


def losses(kiosk: Kiosk) -> list[str]:
    return [body.account for body in kiosk.setup.bodies() if isinstance(body, LossReported)]


async def test_a_loss_is_reported_after_a_question_and_leads_on_to_a_replacement(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        assert "不收费" in text_of(app)
        assert "联网后生效" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "ConfirmScreen"
        await press(pilot, "escape")
        assert losses(kiosk) == []
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert losses(kiosk) == [OWNER]
        kiosk.setup.contact()
        await until(pilot, lambda: "中心已登记" in text_of(app))
        await settle(pilot)
        await press(pilot, "enter")
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT
        await press(pilot, "enter")
        assert app.screen.query_one("#account", Input).value == OWNER
        assert app.screen.query_one("#enterprise", Input).value == OWNERS_FIRM


async def test_offline_a_loss_takes_effect_once_online(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert "联网后生效" in text_of(app)
        assert SUPPORT in text_of(app)
        kiosk.setup.contact()
        await until(pilot, lambda: "中心已登记" in text_of(app))
        await settle(pilot)


async def test_without_a_key_there_is_nothing_to_report(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS, NEWCOMER)
        assert "不用挂失" in text_of(app)
        assert app.screen.query_one("#next").disabled
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"


async def test_a_refused_loss_is_said(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    answer_next(kiosk.service, "report_loss", Refused(Refusal.DISK_FULL))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        await press(pilot, "enter")
        await press(pilot, "tab", "enter")
        assert "存储空间已满" in text_of(app)
        assert "Enter  挂失" in text_of(app)


async def test_of_a_revoked_key_it_is_not_said_that_its_hold_could_be_lifted(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    kiosk.revoke_owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.REPORT_LOSS)
        assert "证书已作废，不能再用" in text_of(app)
        assert "解除挂失" not in text_of(app)
        assert "现在补办key盘" in text_of(app)


async def test_what_was_said_of_a_key_changes_with_the_language(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, KeyService.STATUS)
        await press(pilot, "f2")
        assert "100 days" in text_of(app)
        assert "In use" in text_of(app)
        assert "使用中" not in text_of(app)
