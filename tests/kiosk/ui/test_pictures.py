from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import cairosvg  # type: ignore[import-untyped]
import pytest
import zxingcpp
from PIL import Image

from kiosk.desk.views import (
    BoundView,
    FieldErrors,
    FieldProblem,
    Network,
    Refusal,
    Refused,
    WrongCredentials,
    fields_of,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.settings import Display
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route

if TYPE_CHECKING:
    from textual.pilot import Pilot

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 36), id="120x36")]
LANGUAGES = [pytest.param(language, id=language.value) for language in Language]


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def prepare(app: KeydeskApp, desk: Any, route: Route) -> None:
    """A visit as it is when that step comes."""
    visit = app.visit
    status = OrderStatus.PLACED if route is Route.PAY else OrderStatus.PAID
    order = desk.add_order("11000002", OrderKind.REPLACEMENT, status)
    visit.kind = OrderKind.NEW if route in {Route.NOTICE, Route.VERIFY} else OrderKind.REPLACEMENT
    visit.session = desk._session("11000002")
    visit.order = order
    visit.bound = BoundView(
        order=order,
        serial="E8AD652202221F03",
        certificate="0003000001000019",
        not_before=desk.now,
        not_after=order.ends_at,
        registered=False,
    )


PICTURES = [
    Route.HOME,
    Route.NOTICE,
    Route.VERIFY,
    Route.PAY,
    Route.DELIVERY,
    Route.BIND,
    Route.DONE,
    Route.ACCOUNT,
]


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name.lower()) for route in PICTURES])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_screens_look_as_they_did(
    snap_compare: Callable[..., bool],
    desk: Any,
    ticker: Any,
    blank: Any,
    cut_off: Callable[..., list[str]],
    size: tuple[int, int],
    language: Language,
    route: Route,
) -> None:
    desk.network = Network.OFFLINE
    desk.token = blank
    app = KeydeskApp(desk, display=Display(language), monotonic=ticker)

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        prepare(app, desk, route)
        app.go(route)
        await settle(pilot)
        assert cut_off(app) == []

    before: Callable[[Pilot[None]], Awaitable[None]] = show
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whatever_is_refused_is_read_whole_in_the_smallest_window(
    desk: Any, ticker: Any, cut_off: Callable[..., list[str]], language: Language
) -> None:
    desk.network = Network.OFFLINE
    app = KeydeskApp(desk, display=Display(language), monotonic=ticker)
    as_of = desk.now - 53_700
    refusals = [Refused(reason, feed_as_of=as_of) for reason in Refusal]
    unlike = FieldErrors(dict.fromkeys(fields_of(OrderKind.NEW), FieldProblem.DOES_NOT_MATCH), as_of)
    cut = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        prepare(app, desk, Route.VERIFY)
        for route, answer, outcomes in (
            (Route.VERIFY, "_verified", [*refusals, unlike, WrongCredentials(4, as_of)]),
            (Route.DELIVERY, "_chosen", refusals),
        ):
            app.go(route)
            await settle(pilot)
            for outcome in outcomes:
                getattr(app.screen, answer)(outcome)
                await pilot.pause()
                cut += [(route, outcome)] if cut_off(app) else []
    assert cut == []
    assert app.error_code == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_the_code_on_the_rendered_screen_is_read_by_another_decoder(
    desk: Any, ticker: Any, size: tuple[int, int], language: Language
) -> None:
    app = KeydeskApp(desk, display=Display(language), monotonic=ticker)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        prepare(app, desk, Route.PAY)
        app.go(Route.PAY)
        await settle(pilot)
        # A font whose half blocks fill half a cell; the picture's own font is fetched from the network.
        picture = app.export_screenshot().replace("Fira Code", "DejaVu Sans Mono")
        link = desk.orders["3-0147-6"].link
        code = app.screen.query_one("#qr")
        assert (code.size.width, code.size.height) == (41, 21)
    png = cairosvg.svg2png(bytestring=picture.encode(), scale=2)
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert [result.text for result in found] == [link]
