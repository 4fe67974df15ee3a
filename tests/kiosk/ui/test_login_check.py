"""Trying at the screen whether a key logs in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.keys.views import Check, CheckResult, LoginCheckView
from kiosk.ui.app import KeydeskApp
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN
from tests.support.kiosk import (
    CERTIFICATE,
    NOW,
    SERIAL,
    SMS_CODE,
    Kiosk,
    LoginCentre,
    answer_next,
)
from tests.support.screens import (
    press,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import open_service

SIZE = (80, 24)
SUPPORT = "0371-68085231"


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
        assert "PIN码不对，还可试 5 次" in text_of(app)
        await type_in(pilot, PIN)
        assert "已发到" in text_of(app)
