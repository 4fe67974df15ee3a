"""Which screen a key is for: the one that was on display when it was pressed, and none that came up since."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from textual import events

from kiosk.domain.fees import OrderKind
from kiosk.ui import steps as steps_module
from kiosk.ui.app import KeydeskApp
from kiosk.ui.page import Overlay, Page
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screen_table import layer_of, screen_of
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.key.key_status import KeyStatusScreen, StaffKeyStatusScreen
from kiosk.ui.screens.key.login_check import LoginCheckScreen
from kiosk.ui.screens.key.report_loss import ReportLossScreen
from kiosk.ui.screens.staff.erase_key import EraseKeyScreen
from kiosk.ui.screens.staff.found_key import FoundKeyScreen
from kiosk.ui.screens.staff.lift_hold import LiftHoldScreen
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from kiosk.ui.screens.staff.unblock_pin import UnblockPinScreen
from kiosk.ui.widgets.first_layout import FirstLayout
from tests.support.desk import SUPERVISOR
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, go, held, until
from tests.support.screens import settle, shown, text_of
from tests.support.walks import SIZE

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen


def post(app: KeydeskApp, key: str, *, since: float | None = None) -> None:
    """A key as a terminal hands it over; of one that is held down, the press was at that time."""
    event = events.Key(key, None)
    event.time = event.time if since is None else since
    app.post_message(event)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Route]:
    """The steps that are made."""
    made: list[Route] = []

    def recorded(route: Route) -> Page[None]:
        made.append(route)
        return screen_of(route)

    monkeypatch.setattr(steps_module, "screen_of", recorded)
    return made


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_a_key_that_was_held_down_makes_one_step(app: KeydeskApp, steps: list[Route], key: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE if key == "enter" else Route.VERIFY)
        steps.clear()
        for _ in range(40):
            post(app, key)
        await settle(pilot)
        assert steps == [Route.VERIFY if key == "enter" else Route.NOTICE]
        assert "请填写" not in text_of(app)


async def test_keys_from_before_a_page_was_shown_are_not_for_it(app: KeydeskApp, steps: list[Route]) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        begun = events.Key("a", "a").time
        await go(app, pilot, Route.NOTICE)
        post(app, "enter", since=begun)
        post(app, "escape", since=begun)
        post(app, "f1", since=begun)
        await settle(pilot)
        assert shown(app) == "NoticeScreen"
        post(app, "enter")
        await settle(pilot)
        assert shown(app) == "VerifyScreen"


async def test_a_key_held_down_on_a_question_is_not_for_the_page_beneath(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE)
        await pilot.press("f1")
        await settle(pilot)
        begun = events.Key("a", "a").time
        for _ in range(20):
            post(app, "escape", since=begun)
        await settle(pilot)
        assert shown(app) == "NoticeScreen"


async def test_a_key_is_for_the_overlay_that_stays_while_the_step_beneath_changes(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE)
        await pilot.press("f1")
        await settle(pilot)
        post(app, "escape")
        app.go(Route.ADVISER)
        await settle(pilot)
        assert shown(app) == "AdviserScreen"


async def test_an_overlay_that_stays_is_on_display_while_the_step_beneath_changes(
    app: KeydeskApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[str] = []
    display = KeydeskApp._display

    def recorded(of: KeydeskApp, screen: Screen[object], renderable: RenderableType | None) -> None:
        painted.append(shown(of))
        display(of, screen, renderable)

    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE)
        await pilot.press("f1")
        await settle(pilot)
        monkeypatch.setattr(KeydeskApp, "_display", recorded)
        app.go(Route.ADVISER)
        await settle(pilot)
        assert set(painted) <= {"HelpScreen"}
        assert type(app.step).__name__ == "AdviserScreen"
        await pilot.press("escape")
        await settle(pilot)
        assert painted[-1] == shown(app) == "AdviserScreen"


async def test_a_key_is_for_no_overlay_that_goes_with_the_visit(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.NOTICE)
        await pilot.press("f1")
        await settle(pilot)
        post(app, "escape")
        app.go_home()
        await settle(pilot)
        assert shown(app) == "HomeScreen"


async def test_the_same_step_is_made_once_however_often_it_is_asked_for(
    app: KeydeskApp, steps: list[Route]
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        steps.clear()
        for _ in range(5):
            app.go(Route.ADVISER)
        for _ in range(5):
            app.go_home()
        await settle(pilot)
        assert steps == [Route.ADVISER, Route.HOME]
        app.go(Route.ADVISER)
        await settle(pilot)
        assert shown(app) == "AdviserScreen"


async def test_a_click_from_before_is_not_for_the_page_that_came_up(app: KeydeskApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        down = events.MouseDown(None, 10, 21, 0, 0, 1, shift=False, meta=False, ctrl=False)
        await go(app, pilot, Route.NOTICE)
        app.post_message(down)
        app.post_message(events.MouseUp(None, 10, 21, 0, 0, 1, shift=False, meta=False, ctrl=False))
        await settle(pilot)
        assert shown(app) == "NoticeScreen"


OVER: dict[str, Callable[[Kiosk], Overlay[bool] | Overlay[None]]] = {
    "help": lambda _: layer_of(Layer.HELP),
    "staff": lambda _: layer_of(Layer.STAFF),
    "privacy": lambda _: layer_of(Layer.PRIVACY),
    "key status": lambda kiosk: KeyStatusScreen(kiosk.session(OWNER)),
    "change pin": lambda kiosk: ChangePinScreen(kiosk.session(OWNER)),
    "login check": lambda kiosk: LoginCheckScreen(kiosk.session(OWNER)),
    "report loss": lambda kiosk: ReportLossScreen(kiosk.session(OWNER)),
    "staff's key status": lambda _: StaffKeyStatusScreen(SUPERVISOR),
    "erase": lambda _: EraseKeyScreen(SUPERVISOR),
    "found": lambda _: FoundKeyScreen(SUPERVISOR),
    "lift": lambda _: LiftHoldScreen(SUPERVISOR),
    "unblock": lambda _: UnblockPinScreen(SUPERVISOR),
    "staff's desk": lambda _: StaffDeskScreen(SUPERVISOR),
}
Begin = Callable[[KeydeskApp, Kiosk], object]


def _route(route: Route) -> Begin:
    def begin(app: KeydeskApp, kiosk: Kiosk) -> None:
        account, kind = (OWNER, OrderKind.RENEWAL) if route is Route.ACCOUNT else (NEWCOMER, OrderKind.NEW)
        order = kiosk.place(account, kind) if route is Route.PAY else kiosk.place_paid(account, kind)
        app.visit.session, app.visit.order, app.visit.kind = kiosk.session(account), order, kind
        app.go(route)

    return begin


def _over(name: str) -> Begin:
    return lambda app, kiosk: app.push_screen(OVER[name](kiosk))


@pytest.mark.parametrize(
    "begin",
    [pytest.param(_route(route), id=route.name) for route in Route if route is not Route.DONE]
    + [pytest.param(_over(name), id=name) for name in OVER],
)
async def test_enter_means_the_same_from_the_first_paint_on(
    app: KeydeskApp, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, begin: Begin
) -> None:
    first: dict[object, str | None] = {}
    shown_first = FirstLayout.shown

    def recorded(screen: FirstLayout[object]) -> None:
        first.setdefault(screen, screen.focused.id if screen.focused is not None else None)
        shown_first(screen)

    monkeypatch.setattr(FirstLayout, "shown", recorded)
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        begin(app, kiosk)
        await settle(pilot)
        settled = app.screen.focused.id if app.screen.focused is not None else None
        assert first[app.screen] in {None, settled}


@pytest.mark.parametrize(("name", "verb"), [("report loss", "account"), ("found", "key_status")])
async def test_enter_before_there_is_anything_to_agree_to_neither_agrees_nor_leaves(
    app: KeydeskApp, kiosk: Kiosk, name: str, verb: str
) -> None:
    kiosk.source.insert(kiosk.owners_key())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        with held(kiosk.service, verb):
            page = OVER[name](kiosk)
            app.push_screen(page)
            await until(pilot, lambda: page.was_shown(events.Key("a", "a").time))
            before = kiosk.setup.bodies()
            await pilot.press("enter")
            await pilot.pause()
        await settle(pilot)
        assert app.screen is page
        assert kiosk.setup.bodies() == before
