"""What comes to a screen before it is whole, or once it is left: it is nobody's error, and not the next member's either."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual import events
from textual.screen import Screen
from textual.widgets import Button

from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Page
from kiosk.ui.routes import Route
from kiosk.ui.screens.binding.bind import BindScreen
from kiosk.ui.screens.key.key_status import KeyStatusScreen
from kiosk.ui.screens.order.pay import PayScreen
from tests.support.kiosk import OWNER, Kiosk, answer_next, go, held, until
from tests.support.screens import fill, press, settle, shown, text_of
from tests.support.waiting import Patience
from tests.support.walks import SIZE, TYPED, to_pay


def pages(app: KeydeskApp) -> list[str]:
    """The open pages, the lowest first."""
    return [type(page).__name__ for page in app.pages]


async def once(holds: Callable[[], bool]) -> None:
    """Let the others go on until something holds; for what runs in the app's own loop or a screen's."""
    patience = Patience()
    while not holds():
        assert not patience.ended(), "waited in vain"
        await asyncio.sleep(0)


def mounting_slowly(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """Let something happen while the next step is mounted, with the one before it still there."""
    get_screen = app._get_screen

    def slowly(screen: Screen[object]) -> tuple[Screen[object], Callable[[], Awaitable[None]]]:
        monkeypatch.setattr(app, "_get_screen", get_screen)
        found, mounted = get_screen(screen)

        async def later() -> None:
            await meanwhile()
            await mounted()

        return found, later

    monkeypatch.setattr(app, "_get_screen", slowly)


def recomposing_slowly(
    monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Screen[object]], Awaitable[None]]
) -> None:
    """Let something happen while a screen that is composed again has no widgets."""
    recompose = Screen.recompose

    async def slowly(screen: Screen[object]) -> None:
        monkeypatch.setattr(Screen, "recompose", recompose)
        await screen.query("*").remove()
        await meanwhile(screen)
        await recompose(screen)

    monkeypatch.setattr(Screen, "recompose", slowly)


async def test_a_timer_waits_until_the_screen_is_whole(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[Callable[[], object]] = []
    set_interval = BindScreen.set_interval

    def noted(page: BindScreen, interval: float, tick: Callable[[], object], **named: Any) -> object:
        if not named:  # Textual's own have names
            ticks.append(tick)
        return set_interval(page, interval, tick, **named)

    async def tick(_screen: Screen[object]) -> None:
        for each in ticks:
            each()

    monkeypatch.setattr(BindScreen, "set_interval", noted)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.BIND)
        assert isinstance(app.screen, BindScreen)
        assert ticks
        app.screen.run.begin(0)
        recomposing_slowly(monkeypatch, tick)
        await press(pilot, "f2")
        assert shown(app) == "BindScreen"


async def test_a_key_that_is_pulled_before_a_screen_is_composed_is_read_once_it_is(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        asked = answer_next(kiosk.service, "key_status")
        app.push_screen(KeyStatusScreen(kiosk.session(OWNER)))
        app.on_tokens_changed()
        await settle(pilot)
        assert shown(app) == "KeyStatusScreen"
        assert len(asked) == 2


async def test_a_key_that_is_pressed_while_a_screen_is_composed_again_meets_no_widget_that_goes(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    recompose = Screen.recompose

    async def slowly(screen: Screen[object]) -> None:
        monkeypatch.setattr(Screen, "recompose", recompose)
        removed = screen.query("*").remove()
        await app.on_event(events.Key("tab", None))
        await removed
        await app.on_event(events.Key("enter", "\r"))
        await recompose(screen)

    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.SIGN_IN)
        monkeypatch.setattr(Screen, "recompose", slowly)
        await press(pilot, "f2")
        assert shown(app) == "SignInScreen"
        assert not app.error_code


async def test_a_screen_that_is_removed_while_the_language_changes_takes_nothing_more(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def removed(screen: Screen[object]) -> None:
        screen.post_message(events.Resize(app.size, app.size))
        app.pop_screen()
        await once(lambda: not screen.display)

    async with app.run_test(size=(78, 22)) as pilot:
        await settle(pilot)
        assert shown(app) == "TooSmallScreen"
        recomposing_slowly(monkeypatch, removed)
        app.screen.call_later(app.pages[-1].rebuild)
        await settle(pilot)
        assert pages(app) == ["HomeScreen", "TooSmallScreen"]


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.RENEWAL])
async def test_what_is_pressed_last_in_a_visit_is_not_for_the_next_one(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch, kind: OrderKind
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.VERIFY, kind=kind)
        fill(app, account=TYPED["account"], enterprise=TYPED["enterprise"])
        page = app.screen
        back = page.query_one("#back", Button)

        async def pressed() -> None:
            page.post_message(Button.Pressed(back))
            await once(lambda: not page.message_queue_size)

        mounting_slowly(app, monkeypatch, pressed)
        app.go_home()
        await settle(pilot)
        assert shown(app) == "HomeScreen"
        assert app.visit.typed == {}


async def test_the_order_of_a_hidden_step_does_not_come_into_the_visit_of_who_signs_in(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        pay = app.screen
        assert isinstance(pay, PayScreen)
        app.call_later(app.hide_step)
        await settle(pilot)
        fill(app, account=OWNER, password="Keydesk-2")
        with held(kiosk.service, "open_orders"):
            await pilot.press("enter", "enter")
            await until(pilot, lambda: app.visit.order is None)
            pay._polling = False
            asked = answer_next(kiosk.service, "order")
            pay._poll()
            await until(pilot, lambda: bool(asked))
            await until(
                pilot, lambda: all(each.group != "desk" or each.node is not pay for each in app.workers)
            )
            await pilot.pause()
        await settle(pilot)
        assert shown(app) == "AccountScreen"
        assert app.visit.order is None


async def test_staff_who_sign_in_beneath_the_help_come_to_their_desk_once_it_closes(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f6")
        fill(app, staff_name="林涛", staff_password="Super-1")
        with held(kiosk.service, "staff_sign_in"):
            await pilot.press("enter", "enter", "f1")
            await until(pilot, lambda: shown(app) == "HelpScreen")
        await settle(pilot)
        assert pages(app) == ["HomeScreen", "StaffScreen", "HelpScreen"]
        await press(pilot, "escape")
        assert pages(app) == ["HomeScreen", "StaffDeskScreen"]


async def test_a_screen_that_nobody_uses_is_not_hidden_in_the_middle_of_a_change(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[Callable[[], object]] = []
    set_interval = KeydeskApp.set_interval

    def noted(app: KeydeskApp, interval: float, tick: Callable[[], object], **named: Any) -> object:
        ticks.append(tick)
        return set_interval(app, interval, tick, **named)

    async def tick() -> None:
        for each in ticks:
            if inspect.isawaitable(waited := each()):
                await waited

    monkeypatch.setattr(KeydeskApp, "set_interval", noted)
    async with app.run_test(size=SIZE) as pilot:
        await to_pay(app, pilot, kiosk)
        kiosk.ticker.seconds += 1000
        mounting_slowly(app, monkeypatch, tick)
        app.go(Route.ADVISER)
        await settle(pilot)
        assert ticks
        app.go(Route.NOTICE)
        await settle(pilot)
        assert pages(app) == ["NoticeScreen"]


async def cancelled() -> None:
    """Something was cancelled that a handler waits for."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "wait",
    [
        lambda app: app.call_later(cancelled),
        lambda app: app.call_next(cancelled),
        lambda app: app.screen.call_later(cancelled),
        lambda app: app.screen.call_next(cancelled),
    ],
    ids=["app", "app after a message", "screen", "screen after a message"],
)
async def test_what_was_cancelled_beneath_a_handler_is_an_error_with_a_number(
    kiosk: Kiosk, wait: Callable[[KeydeskApp], object]
) -> None:
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        wait(app)
        await settle(pilot)
        assert f"错误编号 {app.error_code}" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "HomeScreen"


async def test_errors_end_the_app_that_come_together_and_not_those_of_a_year(kiosk: Kiosk) -> None:
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for _ in range(10):
            app.report(RuntimeError("once in a while"))
            await settle(pilot)
            kiosk.ticker.seconds += 3600
        assert isinstance(app.screen, Page)
        assert app.return_code is None
        for _ in range(6):
            app.report(RuntimeError("over and over"))
        assert app.return_code == 70
