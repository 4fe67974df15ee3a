"""What holds on every screen: help, languages, the mouse, the session."""

from __future__ import annotations

from textual.widgets import OptionList

from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.kiosk import (
    NEWCOMER,
    Kiosk,
    go,
)
from tests.support.screens import (
    fill,
    press,
    settle,
    shown,
    text_of,
)
from tests.support.walks import SIZE, to_pay, verify


async def test_the_adviser_leads_to_the_right_service(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ADVISER)
        await press(pilot, "1", "3")
        assert shown(app) == "NoticeScreen"
        assert app.visit.kind is OrderKind.REPLACEMENT


async def test_help_is_searched_while_it_is_typed(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "f1")
        fill(app, search="发票")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"


async def test_what_was_said_changes_with_the_language(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot, password="wrong")
        assert "账号或密码不对" in text_of(app)
        await press(pilot, "f2")
        assert "账号或密码不对" not in text_of(app)
        assert "Wrong account or password" in text_of(app)


async def test_a_question_changes_with_the_language(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        await press(pilot, "f8")
        assert "确定取消订单" in text_of(app)
        await press(pilot, "f2")
        assert shown(app) == "ConfirmScreen"
        assert "Keep it" in text_of(app)
        assert "不取消" not in text_of(app)


async def test_a_real_kiosk_has_neither_drawer_nor_way_out(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("f12", "ctrl+d", "ctrl+q", "ctrl+c", "ctrl+p", "ctrl+z", "ctrl+backslash"):
            await press(pilot, key)
            assert shown(app) == "HomeScreen"
        assert app.is_running


async def test_a_mouse_or_a_finger_is_enough(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.click("#bind")
        await settle(pilot)
        assert shown(app) == "BindScreen"
        await pilot.click("#back")
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_a_session_is_held_only_while_the_member_is_there(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await verify(app, pilot)
        assert app.visit.session is not None
        assert app.visit.session.account == NEWCOMER
        await press(pilot, "ctrl+s")
        assert app.visit.session is None
        assert app.visit.typed == {}
