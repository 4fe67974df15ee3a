"""The time that a key takes over a real PC/SC reader, beside its lower bound.

The lower bound of a binding is the sum of the card's own response times; that of the serial number on the screen is the
moment when PC/SC reports the insertion (pcscd itself polls a virtual reader every 0.4 s).
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

from bench.desk import BenchDesk, PaidOrder, bench_desk
from bench.reader import CardInReader, ReaderMissing, reader
from hardware.pcsc.source import PcscTokenSource
from hardware.virtual.files import KeyProfile
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.tokens import BoundView
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 7
_PATIENCE = 20.0


def over_the_reader(folder: Path) -> None:
    """Measure every kind of card; print a note when there is no virtual reader."""
    try:
        with reader() as port:
            for profile in KeyProfile:
                _measure(folder / profile.value, profile, port)
    except ReaderMissing as missing:
        print(f"keys over PC/SC were left out: {missing}")


def _measure(folder: Path, profile: KeyProfile, port: int) -> None:
    source = PcscTokenSource()
    with bench_desk(folder, source) as made:
        bindings = [_bind(made, source, CardMaker(folder, profile, port), each) for each in range(ROUNDS)]
        shown = [_show(made, source, CardMaker(folder, profile, port), each) for each in range(ROUNDS)]
    walls, cards, counts = zip(*bindings, strict=True)
    ours = statistics.median(wall - card for wall, card in zip(walls, cards, strict=True))
    wall, card = statistics.median(walls), statistics.median(cards)
    print(
        f"binding a {profile.value} key over PC/SC ({counts[-1]} APDUs)".ljust(44)
        + f" {wall * 1000:9.1f} ms   floor {card * 1000:9.1f} ms   ratio {wall / card:6.2f}"
        + f"   software adds {ours * 1000:.1f} ms"
    )
    seen, screen = (statistics.median(times) for times in zip(*shown, strict=True))
    print(
        f"{profile.value}: insertion to the serial on screen".ljust(44)
        + f" {screen * 1000:9.1f} ms   floor {seen * 1000:9.1f} ms   ratio {screen / seen:6.2f}"
        + f"   after PC/SC told {(screen - seen) * 1000:.1f} ms"
    )


class CardMaker:
    """Makes blank cards of one profile, each with its own serial number."""

    def __init__(self, folder: Path, profile: KeyProfile, port: int) -> None:
        self._folder = folder
        self._profile = profile
        self._port = port

    def make(self, name: str) -> CardInReader:
        """A card that is not inserted yet."""
        return CardInReader(self._folder / f"{name}.card", self._profile, name, self._port)


def _bind(
    made: BenchDesk, source: PcscTokenSource, cards: CardMaker, number: int
) -> tuple[float, float, int]:
    """Bind one new key: total seconds, seconds of the card's responses, number of commands."""
    service, order, card = DeskService(made.desk), made.paid_order(), cards.make(f"E8AD6522022{number:05X}")
    card.insert()
    _until(lambda: len(source.present()) == 1)
    before, begun = card.answers(), time.perf_counter()
    outcome = service.bind(order.session, order.reference, None, False, lambda _: None)  # noqa: FBT003 - the contract
    wall = time.perf_counter() - begun
    after = card.answers()
    assert isinstance(outcome, BoundView), outcome
    card.close()
    _until(lambda: not source.present())
    return wall, after.seconds - before.seconds, after.count - before.count


def _show(made: BenchDesk, source: PcscTokenSource, cards: CardMaker, number: int) -> tuple[float, float]:
    """Insert a key on the bind screen: seconds until PC/SC reported it, and until its serial was shown."""
    order, serial = made.paid_order(), f"F8AD6522022{number:05X}"
    card = cards.make(serial)
    told: list[float] = []
    stop = source.watch(lambda: told.append(time.monotonic()) if source.present() else None)
    try:
        inserted, shown = asyncio.run(_on_screen(made, order, card))
    finally:
        stop()
    card.close()
    _until(lambda: not source.present())
    return told[0] - inserted, shown - inserted


async def _on_screen(made: BenchDesk, order: PaidOrder, card: CardInReader) -> tuple[float, float]:
    """Insert the card on the bind screen: when vpcd had it and when its serial was shown (monotonic seconds)."""
    app = KeydeskApp(DeskService(made.desk))
    async with app.run_test(size=(80, 24)) as pilot:
        app.visit.session = order.session
        placed = app.service.order(order.reference)
        assert isinstance(placed, OrderView)
        app.visit.order = placed
        app.go(Route.BIND)
        while not app.screen.query("#serial"):
            await pilot.pause(0.01)
        await pilot.pause(0.5)
        inserted = card.insert()
        until = time.monotonic() + _PATIENCE
        while not str(app.screen.query_one("#serial", Line).content):
            assert time.monotonic() < until
            await asyncio.sleep(0.002)
        return inserted, time.monotonic()


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)
