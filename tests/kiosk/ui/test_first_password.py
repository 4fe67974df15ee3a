"""设置登录密码 at the screen: who has no password yet needs no sign-in, and no keyboard."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from kiosk.desk.keys.first_password import FirstPasswordResult, FirstPasswordView
from kiosk.domain.password_rules import PasswordFault
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.widgets.touch_boards import Control
from tests.support.kiosk import NEWCOMER, SMS_CODE, Kiosk, LoginCentre, answer_next, go
from tests.support.screens import press, sentence, settle, shown, text_of, type_in
from tests.support.touching import touch, touch_in, touch_key

SIZE = (80, 24)
PASSWORD = "Aa#9-_xy"
RESULT = FirstPasswordResult


async def open_it(app: KeydeskApp, pilot: Pilot[None]) -> None:
    await go(app, pilot, Route.KEY_SERVICES)
    await press(pilot, "5")
    assert shown(app) == "FirstPasswordScreen"


async def fill_in(pilot: Pilot[None], code: str = SMS_CODE, again: str = PASSWORD) -> None:
    await type_in(pilot, NEWCOMER)
    await type_in(pilot, code)
    await type_in(pilot, PASSWORD)
    await type_in(pilot, again)


async def test_a_newcomer_sets_the_password_without_signing_in(app: KeydeskApp, kiosk: Kiosk) -> None:
    LoginCentre(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_it(app, pilot)
        assert "打开短信里的链接" in sentence(app)
        await fill_in(pilot)
        assert "密码已设置" in text_of(app)
        assert PASSWORD not in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "KeyServicesScreen"


async def test_it_goes_by_touch_alone(app: KeydeskApp, kiosk: Kiosk) -> None:
    LoginCentre(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await touch(pilot, "#key-services")
        await touch(pilot, "#first-password")
        await touch(pilot, "#account")
        for text in (NEWCOMER, SMS_CODE, PASSWORD, PASSWORD):
            await touch_in(pilot, text)
            await touch_key(pilot, Control.ENTER)
        await settle(pilot)
        assert "密码已设置" in text_of(app)


async def test_a_code_that_is_over_says_what_to_do(app: KeydeskApp, kiosk: Kiosk) -> None:
    LoginCentre(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_it(app, pilot)
        await fill_in(pilot, code="000000")
        assert "已经设置好密码的，直接登录" in sentence(app)
        assert "0371-68085231" in sentence(app)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (FirstPasswordView(RESULT.WRONG_CODE, 3), "验证码不对，还可试3次"),
        (FirstPasswordView(RESULT.MALFORMED), "短信验证码是6位数字"),
        (FirstPasswordView(RESULT.FAULTY, fault=PasswordFault.PLAIN), "字母、数字、符号至少用两种"),
        (FirstPasswordView(RESULT.NOT_HEARD), "请用手机打开短信里的链接设置"),
    ],
)
async def test_every_answer_is_said(
    app: KeydeskApp, kiosk: Kiosk, view: FirstPasswordView, said: str
) -> None:
    answer_next(kiosk.service, "choose_first_password", view)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_it(app, pilot)
        await fill_in(pilot)
        assert said in sentence(app)


async def test_without_a_network_the_link_is_named(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.go_offline()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_it(app, pilot)
        await fill_in(pilot)
        assert "现在连不上中心" in sentence(app)


async def test_what_is_missing_or_differs_is_said_beside_the_field(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_it(app, pilot)
        await fill_in(pilot, again="Aa#9-_xz")
        assert "两次输入的密码不一样" in sentence(app)
        await press(pilot, "escape")
        assert shown(app) == "KeyServicesScreen"
