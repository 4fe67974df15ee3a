"""The services for a key: the way there, one password for several of them, and which key is meant."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import KeyService
from tests.support.desk import PIN
from tests.support.kiosk import (
    CERTIFICATE,
    NEWCOMER,
    OTHER_SERIAL,
    OWNER,
    SERIAL,
    Kiosk,
    answer_next,
    go,
    until,
)
from tests.support.screens import (
    fill,
    focused,
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


async def test_the_last_tile_of_home_is_reached_by_arrows_and_esc_leads_back_step_by_step(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("right", "down", "down")
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
        assert shown(app) == "TakeKeyScreen"
        assert app.visit.session is None
        assert not any(field.value for page in app.screen_stack for field in page.query(Input))


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


@pytest.mark.parametrize("service", [KeyService.STATUS, KeyService.CHANGE_PIN])
async def test_a_key_that_another_program_holds_is_said_until_it_is_free(
    app: KeydeskApp, kiosk: Kiosk, service: KeyService
) -> None:
    other = kiosk.source.open(kiosk.source.insert(kiosk.owners_key()))
    async with app.run_test(size=SIZE) as pilot:
        await open_service(app, pilot, kiosk, service)
        if service is KeyService.CHANGE_PIN:
            fill(app, old=PIN, new="234567", again="234567")
            app.screen.query_one("#again").focus()
            await press(pilot, "enter")
        assert "key盘正被别的程序占用，等它放开" in sentence(app)
        other.close()
        await until(pilot, lambda: SERIAL in text_of(app))
        assert "占用" not in text_of(app)
