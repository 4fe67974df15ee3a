from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyte
import pytest
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.tokens import BoundView, TokenOutcome
from kiosk.domain.fees import OrderKind
from kiosk.settings import Display
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.binding.bind import BindScreen
from kiosk.ui.screens.common.too_small import TooSmallScreen
from kiosk.ui.screens.key.change_pin import ChangePinScreen
from kiosk.ui.screens.order.pay import PayScreen
from kiosk.ui.visit import Visit
from kiosk.ui.widgets.lines import Prose
from tests.support.desk import SESSION, YEAR, DeskSetup, place, session_of
from tests.support.kiosk import until
from tests.support.pictures import LANGUAGES, SIZES
from tests.support.screens import settle

if TYPE_CHECKING:
    from textual.app import App
    from textual.css.styles import RulesMap
    from textual.dom import DOMNode
    from textual.geometry import Region
    from textual.pilot import Pilot

SERIAL = "E8AD652202221F03"
# The account's rows come with the desk's answer, when the screen stands already.
LAYOUTS = dict.fromkeys(Route, 1) | {Route.ACCOUNT: 2}


class Steps:
    """An app over a desk with a key in its reader, and the visits with which its steps are shown."""

    def __init__(self, setup: DeskSetup, language: Language = Language.CHINESE) -> None:
        self._service = setup.open_service()
        self.app = KeydeskApp(self._service, display=Display(language), monotonic=lambda: 0.0)
        setup.source.insert(setup.blank(SERIAL))
        self._placed = place(self._service, SESSION, OrderKind.NEW)
        self._paid = setup.paid_order("11000003", OrderKind.NEW)

    def _visit(self, route: Route) -> Visit:
        session, number = (
            (SESSION, self._placed) if route is Route.PAY else (session_of("11000003"), self._paid)
        )
        order = self._service.order(number)
        assert isinstance(order, OrderView)
        bound = BoundView(order, SERIAL, "0003000001000019", order.placed_at, order.ends_at)
        return Visit(session=session, order=order, bound=bound)

    async def show(self, pilot: Pilot[None], route: Route) -> None:
        """Show that step and wait until it is settled."""
        self.begin(route)
        await settle(pilot)

    def begin(self, route: Route) -> None:
        """Go to that step."""
        self.app.visit = self._visit(route)
        self.app.go(route)


class Counts:
    """The layouts by the name of the screen, and the style applications by the node, from now on."""

    def __init__(self, app: KeydeskApp) -> None:
        self.layouts: Counter[str] = Counter()
        self.styled: Counter[DOMNode] = Counter()
        self._app = app
        app.screen_change_signal.subscribe(app, self._watch, immediate=True)
        apply = app.stylesheet.apply

        def counted(
            node: DOMNode, *, animate: bool = False, cache: dict[tuple[object, ...], RulesMap] | None = None
        ) -> None:
            self.styled[node] += 1
            apply(node, animate=animate, cache=cache)

        app.stylesheet.apply = counted  # type: ignore[method-assign] # Textual has no hook for it

    def _watch(self, screen: Screen[object]) -> None:
        screen.screen_layout_refresh_signal.subscribe(self._app, self._laid_out, immediate=True)

    def _laid_out(self, screen: Screen[object]) -> None:
        self.layouts[type(screen).__name__] += 1


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[DeskSetup]:
    setup = DeskSetup(tmp_path)
    yield setup
    setup.close()


@pytest.mark.parametrize("size", SIZES)
async def test_a_change_of_the_screen_lays_the_new_one_out_once(
    setup: DeskSetup, size: tuple[int, int]
) -> None:
    steps = Steps(setup)
    async with steps.app.run_test(size=size) as pilot:
        await settle(pilot)
        counts = Counts(steps.app)
        for route in Route:
            counts.layouts.clear()
            await steps.show(pilot, route)
            assert counts.layouts == {type(steps.app.screen).__name__: LAYOUTS[route]}
    assert steps.app.error_code == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_page_that_looks_again_and_finds_nothing_new_lays_nothing_out(
    setup: DeskSetup, size: tuple[int, int]
) -> None:
    """As the pay page does twice a second, and the bind page whenever a key is heard of."""
    steps = Steps(setup)
    async with steps.app.run_test(size=size) as pilot:
        await settle(pilot)
        counts = Counts(steps.app)
        for route in (Route.PAY, Route.BIND):
            await steps.show(pilot, route)
            counts.layouts.clear()
            screen = steps.app.screen
            assert isinstance(screen, PayScreen | BindScreen)
            screen.update_content()
            await settle(pilot)
            assert not counts.layouts, route
    assert steps.app.error_code == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_key_that_is_put_in_or_pulled_on_the_first_screen_lays_nothing_out(
    setup: DeskSetup, size: tuple[int, int]
) -> None:
    now = setup.clock.wall()
    key = setup.bound_elsewhere("11000002", "0A", now - YEAR // 2, now + YEAR // 2)
    steps = Steps(setup)
    async with steps.app.run_test(size=size) as pilot:
        await settle(pilot)
        counts = Counts(steps.app)
        await steps.show(pilot, Route.HOME)
        slot = steps.app.screen.query_one("#key", Prose)
        counts.layouts.clear()
        setup.source.remove()
        await until(pilot, lambda: not slot.text)
        await settle(pilot)
        setup.source.insert(key)
        await until(pilot, lambda: "有效期至" in slot.text)
        await settle(pilot)
        assert not counts.layouts
    assert steps.app.error_code == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_change_of_the_screen_styles_its_widgets_once(
    setup: DeskSetup, size: tuple[int, int]
) -> None:
    steps = Steps(setup)
    async with steps.app.run_test(size=size) as pilot:
        await settle(pilot)
        counts = Counts(steps.app)
        for route in Route:
            await steps.show(pilot, route)
            widgets = list(steps.app.screen.walk_children(Widget, with_self=True))
            # Some again: what has the focus, is disabled, or says its state by a class.
            assert sum(counts.styled[widget] for widget in widgets) < 1.5 * len(widgets)
    assert steps.app.error_code == ""


def places(screen: Screen[object]) -> list[tuple[Region, Region]]:
    return [(widget.region, widget.virtual_region) for widget in screen.walk_children(Widget)]


async def lay_out_again(pilot: Pilot[None]) -> None:
    for widget in pilot.app.screen.walk_children(Widget):
        widget.refresh(layout=True)
    await settle(pilot)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_another_layout_finds_every_widget_where_it_is(
    setup: DeskSetup, size: tuple[int, int], language: Language
) -> None:
    steps = Steps(setup, language)
    async with steps.app.run_test(size=size) as pilot:
        await settle(pilot)
        for route in Route:
            await steps.show(pilot, route)
            before = places(steps.app.screen)
            await lay_out_again(pilot)
            assert places(steps.app.screen) == before
    assert steps.app.error_code == ""


async def test_a_window_that_grows_while_a_screen_comes_up_is_filled(setup: DeskSetup) -> None:
    steps = Steps(setup)
    async with steps.app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for route in (Route.NOTICE, Route.PAY):
            await pilot.resize_terminal(80, 24)
            steps.begin(route)
            await pilot.resize_terminal(120, 36)
            await settle(pilot)
            screen = steps.app.screen
            assert screen.has_class("roomy")
            before = places(screen)
            await lay_out_again(pilot)
            assert places(screen) == before
            assert screen.size == (120, 36)
    assert steps.app.error_code == ""


ENDLESS = 50


async def test_two_sizes_on_their_way_to_a_screen_do_not_replace_each_other_for_ever(
    setup: DeskSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(setup)
    taken: list[Size] = []
    resized = Screen._screen_resized

    def counted(screen: Screen[object], size: Size) -> None:
        taken.append(size)
        if len(taken) < ENDLESS:  # which ends what would be endless
            resized(screen, size)

    async with steps.app.run_test(size=(80, 24)) as pilot:
        await steps.show(pilot, Route.NOTICE)
        await pilot.resize_terminal(110, 32)
        screen = steps.app.screen
        await until(pilot, lambda: screen.size == (110, 32))
        await settle(pilot)
        monkeypatch.setattr(Screen, "_screen_resized", counted)
        for _ in range(3):
            for size in (Size(90, 30), Size(110, 32)):
                screen.post_message(events.Resize(size, size))
                screen.call_later(lambda: None)  # else Textual takes the last of them alone
        await settle(pilot)
        assert len(taken) < ENDLESS
        assert screen.size == (110, 32)


class Painted(HeadlessDriver):
    """A driver that paints what the app writes into a terminal in memory."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.terminal = pyte.Screen(columns=110, lines=32)
        self._stream = pyte.Stream(self.terminal)

    @property
    def is_headless(self) -> bool:
        """Whether the app need not write anything."""
        return False

    def write(self, data: str) -> None:
        """Paint it."""
        self._stream.feed(data)


async def test_a_step_that_came_up_beneath_a_window_too_small_is_painted_whole_when_it_grows(
    setup: DeskSetup,
) -> None:
    steps = Steps(setup)
    app = steps.app
    app.driver_class = Painted
    async with app.run_test(headless=False, size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: isinstance(app.screen, TooSmallScreen))
        await settle(pilot)
        steps.begin(Route.PAY)
        await pilot.resize_terminal(110, 32)
        await until(pilot, lambda: isinstance(app.screen, PayScreen) and app.screen.has_class("roomy"))
        await settle(pilot)
        assert isinstance(app._driver, Painted)
        painted = list(app._driver.terminal.display)
        app._display(app.screen, app.screen._compositor.render_update(full=True))
        assert painted == app._driver.terminal.display
    assert app.error_code == ""


async def test_a_screen_that_comes_up_reads_the_key_once(
    setup: DeskSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(setup)
    asked: list[str | None] = []
    read = DeskService.read_token

    def counted(service: DeskService, number: str | None = None, serial: str | None = None) -> TokenOutcome:
        asked.append(number)
        return read(service, number, serial)

    monkeypatch.setattr(DeskService, "read_token", counted)
    async with steps.app.run_test() as pilot:
        await settle(pilot)
        await steps.app.push_screen(ChangePinScreen(SESSION))
        await settle(pilot)
    assert asked == [None]
    assert steps.app.error_code == ""


@pytest.mark.parametrize("before", [(80, 24), (100, 30), (120, 36)], ids=str)
@pytest.mark.parametrize("after", [(80, 24), (100, 30), (120, 36)], ids=str)
@pytest.mark.parametrize("route", [Route.HOME, Route.PAY], ids=str)
async def test_a_window_that_is_resized_shows_the_screen_as_one_that_was_opened_so(
    tmp_path: Path, route: Route, before: tuple[int, int], after: tuple[int, int]
) -> None:
    found = []
    for name, first in (("resized", before), ("opened", after)):
        (tmp_path / name).mkdir()
        setup = DeskSetup(tmp_path / name)
        steps = Steps(setup)
        async with steps.app.run_test(size=first) as pilot:
            await steps.show(pilot, route)
            await pilot.resize_terminal(*after)
            await settle(pilot)
            found.append([widget.region for widget in steps.app.screen.walk_children(Widget)])
        setup.close()
    assert found[0] == found[1]
