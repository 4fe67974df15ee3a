from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import cairosvg  # type: ignore[import-untyped]
import pytest
import zxingcpp
from PIL import Image

from kiosk.desk.views import BoundView, Network
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
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
    app = KeydeskApp(desk, language=language, monotonic=ticker)

    async def show(pilot: Pilot[None]) -> None:
        await settle(pilot)
        prepare(app, desk, route)
        app.go(route)
        await settle(pilot)
        assert cut_off(app) == []

    before: Callable[[Pilot[None]], Awaitable[None]] = show
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_the_code_on_the_rendered_screen_is_read_by_another_decoder(
    desk: Any, ticker: Any, size: tuple[int, int], language: Language
) -> None:
    app = KeydeskApp(desk, language=language, monotonic=ticker)
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
