"""Changing the screen, beside a bare Textual app that shows as many widgets of the same kinds."""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from textual.app import App
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static

from bench.desk import BenchDesk, bench_desk
from bench.measure import report
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.visit import Visit

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.css.styles import RulesMap
    from textual.dom import DOMNode

SERIAL = "E8AD652202221F03"
CERTIFICATE = "0003000001000019"
ROUNDS = 12
IDLE = 0.04
SIZE = (80, 24)


class Node(msgspec.Struct, frozen=True):
    """A widget of one of our screens, as the peer has it."""

    kind: type[Widget]
    children: tuple[Node, ...]


class Cost(msgspec.Struct, frozen=True):
    """One change of the screen: seconds until it is painted and of the event loop's processor time until it is idle."""

    painted: float
    busy: float
    layouts: int
    styles: int


def _node(widget: Widget) -> Node:
    kinds = (Input, Button, OptionList)
    kind = next((kind for kind in kinds if isinstance(widget, kind)), None)
    if kind is not None:
        return Node(kind, ())
    children = tuple(_node(child) for child in widget.children)
    return Node(Vertical if children else Static, children)


def _widget(node: Node) -> Widget:
    if node.kind in {Static, Button}:
        return node.kind("text")
    return node.kind(*(_widget(child) for child in node.children))


class PeerScreen(Screen[None]):
    """The same tree in Textual's own widgets."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        super().__init__()
        self._tree = nodes

    def compose(self) -> ComposeResult:
        """All of it."""
        for node in self._tree:
            yield _widget(node)


class Peer(App[None]):
    """A bare app that changes its screen."""

    async def on_mount(self) -> None:
        """Begin with an empty screen."""
        await self.push_screen(PeerScreen(()))

    async def show(self, nodes: tuple[Node, ...]) -> None:
        """Change it."""
        await self.switch_screen(PeerScreen(nodes))


class Gauge:
    """Measures the cost of screen changes in one app."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._painted: list[float] = []
        self._first_painted = asyncio.Event()
        self._styles = 0
        app.screen_change_signal.subscribe(app, self._watch, immediate=True)
        apply = app.stylesheet.apply

        def counted(
            node: DOMNode, *, animate: bool = False, cache: dict[tuple[object, ...], RulesMap] | None = None
        ) -> None:
            self._styles += 1
            apply(node, animate=animate, cache=cache)

        app.stylesheet.apply = counted  # type: ignore[method-assign] # Textual has no hook for it

    def _watch(self, screen: Screen[object]) -> None:
        screen.screen_layout_refresh_signal.subscribe(self._app, self._laid_out, immediate=True)

    def _laid_out(self, _: Screen[object]) -> None:
        self._painted.append(time.perf_counter())
        self._first_painted.set()

    async def cost(self, change: Callable[[], object]) -> Cost:
        """Change the screen and wait until the app is idle."""
        self._painted, self._styles = [], 0
        self._first_painted.clear()
        begun, busy = time.perf_counter(), time.thread_time()
        change()
        await self._first_painted.wait()
        await self._app.workers.wait_for_complete()
        await _idle()
        return Cost(self._painted[0] - begun, time.thread_time() - busy, len(self._painted), self._styles)


async def _idle() -> None:
    """Wait until the event loop has nothing more to do."""
    used = -1.0
    while time.thread_time() - used > IDLE / 20:
        used = time.thread_time()
        await asyncio.sleep(IDLE)


class Visits:
    """The visits with which each step is shown."""

    def __init__(self, bench: BenchDesk) -> None:
        self.service = DeskService(bench.desk)
        paid, member = bench.paid_order(), bench.member()
        placed = self.service.place_order(member, OrderKind.NEW)
        order = self.service.order(paid.reference)
        assert isinstance(order, OrderView)
        assert isinstance(placed, Placed)
        self._paid = Visit(session=paid.session, order=order)
        self._placed = Visit(session=member, order=placed.order)
        self._paid.bound = BoundView(order, SERIAL, CERTIFICATE, order.placed_at, order.ends_at)

    def at(self, route: Route) -> Visit:
        """The visit as it is when that step comes."""
        return dataclasses.replace(self._placed if route is Route.PAY else self._paid)


async def _costs(visits: Visits) -> list[tuple[Cost, Cost]]:
    ours, peer = KeydeskApp(visits.service), Peer()
    async with ours.run_test(size=SIZE), peer.run_test(size=SIZE):
        gauge, peer_gauge = Gauge(ours), Gauge(peer)

        async def both(route: Route) -> tuple[Cost, Cost]:
            ours.visit = visits.at(route)
            cost = await gauge.cost(lambda: ours.go(route))
            nodes = tuple(_node(child) for child in ours.screen.children)
            return cost, await peer_gauge.cost(lambda: peer.call_later(peer.show, nodes))

        for route in Route:  # loads the modules and the style sheets
            await both(route)
        return [await both(route) for _ in range(ROUNDS) for route in Route]


def changing_screens(folder: Path) -> None:
    """Print the cost of a screen change: median and 99th percentile of the times, means of the counts."""
    source = VirtualTokenSource()
    source.insert(blank_key(folder / "screens.card", SERIAL))
    with bench_desk(folder / "screens", source) as bench:
        costs = asyncio.run(_costs(Visits(bench)))
    ours, floor = zip(*costs, strict=True)
    _times("painted", [cost.painted for cost in ours], [cost.painted for cost in floor])
    _times("processor time", [cost.busy for cost in ours], [cost.busy for cost in floor])
    _counts("layouts", [cost.layouts for cost in ours], [cost.layouts for cost in floor])
    _counts("style applications", [cost.styles for cost in ours], [cost.styles for cost in floor])


def _times(what: str, ours: Sequence[float], floor: Sequence[float]) -> None:
    for name, of in (("median", statistics.median), ("p99", _p99)):
        mine, bare = of(ours), of(floor)
        report(f"screen change, {what}, {name} (floor: Textual)", 1000 * mine, 1000 * bare, mine / bare)


def _counts(what: str, ours: Sequence[int], floor: Sequence[int]) -> None:
    mine, bare = statistics.mean(ours), statistics.mean(floor)
    print(f"{f'screen change, {what} (floor: Textual)':<56} {mine:6.1f}   floor {bare:6.1f}")


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[-1]
