"""The steps as pictures, in both languages and at both sizes; and what must be read whole on them."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable

import cairosvg  # type: ignore[import-untyped]
import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image
from textual.pilot import Pilot

from kiosk.desk.views.orders import VerifyOutcome
from kiosk.desk.views.people import FieldRefusal, FieldsRefused, WrongCredentials, fields_of
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.base32 import encode_base32
from kiosk.domain.fees import OrderKind
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.order.delivery import DeliveryScreen
from kiosk.ui.screens.order.verify import VerifyScreen
from tests.support.kiosk import OWNER, SERIAL, Kiosk, go, until
from tests.support.pictures import LANGUAGES, SIZES, is_the_picture
from tests.support.screens import cut_off, settle, text_of

# A real order's link holds a random number: the pictures are of this one.
LINK = "HTTP://127.0.0.1:8000/P/" + encode_base32(bytes(range(38)))


async def show(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk, route: Route) -> None:
    """Show a step as it is when a visit comes to it, with an order of 147 entries and twelve that wait."""
    kiosk.owners_key()
    kiosk.source.insert(kiosk.blank())
    kiosk.fill_journal(146)
    order = kiosk.place(OWNER, OrderKind.REPLACEMENT)
    if route is not Route.PAY:
        kiosk.setup.pay(order.reference)
    order = replace(kiosk.order(order.reference), link=LINK)
    kiosk.go_offline()
    kiosk.leave_waiting(12)
    await settle(pilot)
    app.visit.bound = BoundView(
        order=order,
        serial=SERIAL,
        certificate="0003000001000019",
        not_before=kiosk.clock.wall(),
        not_after=order.ends_at,
    )
    app.call_later(app._tick)
    await go(app, pilot, route, kiosk.session(OWNER), order)
    if route in {Route.NOTICE, Route.VERIFY}:
        await go(app, pilot, route, kiosk.session(OWNER))


PICTURES = [
    Route.HOME,
    Route.NOTICE,
    Route.VERIFY,
    Route.PAY,
    Route.DELIVERY,
    Route.BIND,
    Route.DONE,
    Route.ACCOUNT,
    Route.TAKE_KEY,
]


async def introduced(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """A key in use is put in on the first screen."""
    kiosk.source.insert(kiosk.owners_key())
    await until(pilot, lambda: "2027-03-02" in text_of(app))
    await settle(pilot)


async def left_behind(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """Nobody has taken that key for a minute."""
    await introduced(app, pilot, kiosk)
    await go(app, pilot, Route.TAKE_KEY)
    for _ in range(2):
        kiosk.ticker.seconds += 60
        app.call_later(app._tick)
        await settle(pilot)


@pytest.mark.parametrize("route", [pytest.param(route, id=route.name.lower()) for route in PICTURES])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_screens_look_as_they_did(
    snap_compare: Callable[..., bool], kiosk: Kiosk, size: tuple[int, int], language: Language, route: Route
) -> None:
    async def way(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await show(app, pilot, kiosk, route)
        assert cut_off(app) == []

    assert is_the_picture(snap_compare, kiosk, size, language, way)


@pytest.mark.parametrize("way", [introduced, left_behind], ids=lambda way: way.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_first_screen_shows_a_key_as_it_did(
    snap_compare: Callable[..., bool],
    kiosk: Kiosk,
    size: tuple[int, int],
    language: Language,
    way: Callable[[KeydeskApp, Pilot[None], Kiosk], Awaitable[None]],
) -> None:
    async def whole(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await way(app, pilot, kiosk)
        assert cut_off(app) == []

    assert is_the_picture(snap_compare, kiosk, size, language, whole)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whatever_is_refused_is_read_whole_in_the_smallest_window(
    kiosk: Kiosk, language: Language
) -> None:
    app = kiosk.app(language)
    as_of = kiosk.clock.wall() - 53_700
    refusals = [Refused(reason, feed_as_of=as_of) for reason in Refusal]
    fields = [FieldsRefused(dict.fromkeys(fields_of(OrderKind.NEW), each), as_of) for each in FieldRefusal]
    cut: list[object] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await show(app, pilot, kiosk, Route.VERIFY)
        assert isinstance(app.screen, VerifyScreen)
        outcomes: tuple[VerifyOutcome, ...] = (*refusals, *fields, WrongCredentials(4, as_of))
        for outcome in outcomes:
            app.screen._verified(outcome)
            await pilot.pause()
            cut += [outcome] if cut_off(app) else []
        app.go(Route.DELIVERY)
        await settle(pilot)
        assert isinstance(app.screen, DeliveryScreen)
        for refused in refusals:
            app.screen._chosen(refused)
            await pilot.pause()
            cut += [refused] if cut_off(app) else []
    assert cut == []
    assert app.error_code == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_the_code_on_the_rendered_screen_is_read_by_another_decoder(
    kiosk: Kiosk, size: tuple[int, int], language: Language
) -> None:
    app = kiosk.app(language)
    order = kiosk.place(OWNER, OrderKind.NEW)
    async with app.run_test(size=size) as pilot:
        await go(app, pilot, Route.PAY, kiosk.session(OWNER), order)
        # A font whose half blocks fill half a cell; the picture's own font is fetched from the network.
        picture = app.export_screenshot().replace("Fira Code", "DejaVu Sans Mono")
        code = app.screen.query_one("#qr")
        assert (code.size.width, code.size.height) == (41, 21)
    png = cairosvg.svg2png(bytestring=picture.encode(), scale=2)
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert [result.text for result in found] == [order.link]
