"""After paying, and under 查询, the phone's page for address and invoice is one key away; and what was asked is shown."""

from __future__ import annotations

import dataclasses
import io

import cairosvg  # type: ignore[import-untyped]
import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image
from textual.pilot import Pilot

from kiosk.desk.service import DeskService
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from tests.support.desk import FIRM, STAFF, answered
from tests.support.kiosk import NEWCOMER, NOW, SERIAL, Kiosk, go, until
from tests.support.pictures import LANGUAGES, SIZES, Compare, Way, looks_as_it_did
from tests.support.screens import cut_off, press, press_button, sentence, settle, shown, text_of
from tests.support.walks import SIZE, lose_the_line, tick

ADDRESS = DeliveryAddress("李晓梅", "河南省郑州市金水区", "花园路1号", "13812345678")
DETAILS = InvoiceDetails(FIRM, "9144030071526726XG", "finance@example.cn")


def read_codes(app: KeydeskApp) -> list[str]:
    """What a phone reads on the screen."""
    # A font whose half blocks fill half a cell.
    picture = app.export_screenshot().replace("Fira Code", "DejaVu Sans Mono")
    png = cairosvg.svg2png(picture.encode(), scale=2)
    return [each.text for each in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]


async def to_slip(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """From 「key盘在手里吗？」 by 「请邮寄给我」."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await go(app, pilot, Route.DELIVERY, kiosk.session(NEWCOMER), order)
    await press(pilot, "3")
    await until(pilot, lambda: shown(app) == "SlipScreen")


async def test_a_mailed_key_leads_to_the_phones_page_by_enter_and_back(app: KeydeskApp, kiosk: Kiosk) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_slip(app, pilot, kiosk)
        await press(pilot, "enter")
        assert shown(app) == "OrdersOnPhoneScreen"
        assert read_codes(app) == [kiosk.service.orders_page]
        assert kiosk.service.orders_page.endswith("/orders/")
        await press(pilot, "enter")
        assert shown(app) == "SlipScreen"
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"


async def test_who_collects_the_key_goes_home_by_enter_and_is_offered_the_invoice(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.DELIVERY, kiosk.session(NEWCOMER), order)
        await press(pilot, "2")
        await until(pilot, lambda: shown(app) == "SlipScreen")
        assert "要发票" in text_of(app)
        await press(pilot, "f7")
        assert shown(app) == "OrdersOnPhoneScreen"
        await press(pilot, "escape", "enter")
        assert shown(app) == "HomeScreen"


async def test_a_bound_key_offers_it_once_the_pin_is_settled(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.visit.bound = BoundView(order, SERIAL, "0003000001000019", NOW, order.ends_at)
        await go(app, pilot, Route.DONE, kiosk.session(NEWCOMER), order)
        assert not app.screen.query_one("#phone").display
        app.visit.pin_settled = True
        app.screen.update_content()  # type: ignore[attr-defined]
        await press(pilot, "f7")
        assert shown(app) == "OrdersOnPhoneScreen"


async def test_without_network_it_says_what_to_do_and_the_code_comes_with_the_line(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await to_slip(app, pilot, kiosk)
        await lose_the_line(app, pilot, kiosk)
        await press(pilot, "f7")
        assert "联网后扫凭条上的二维码就能填" in sentence(app)
        assert read_codes(app) == []
        kiosk.setup.contact()
        await tick(app, pilot, kiosk)
        await until(pilot, lambda: "在线" in text_of(app))
        await settle(pilot)
        assert read_codes(app) == [kiosk.service.orders_page]


@pytest.mark.parametrize("page", ["", "centre"])
async def test_without_an_address_of_the_centre_it_sends_to_the_staff(kiosk: Kiosk, page: str) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER), order)
        settings = replace(kiosk.desk.settings, payment_page=page)
        app.service = DeskService(dataclasses.replace(kiosk.desk, settings=settings))
        await press(pilot, "f7")
        assert "本机还没有设好中心的地址" in sentence(app)
        assert read_codes(app) == []


async def test_a_long_address_is_shown_as_text(kiosk: Kiosk) -> None:
    app = kiosk.app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        page = f"https://{'a' * 60}.example.cn"
        settings = replace(kiosk.desk.settings, payment_page=page)
        app.service = DeskService(dataclasses.replace(kiosk.desk, settings=settings))
        await go(app, pilot, Route.SLIP)
        await press(pilot, "f7")
        assert read_codes(app) == []
        assert "请用手机打开" in text_of(app)
        assert cut_off(app) == []


async def test_what_was_asked_for_an_order_stands_below_it(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answered(kiosk.service.ask_delivery(STAFF, order.reference, ADDRESS))
    async with app.run_test(size=SIZE) as pilot:
        await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))
        assert "邮寄：已登记，待寄出  河南省郑州市金水区 李**" in text_of(app)
        answered(kiosk.service.key_mailed(STAFF, order.reference, "顺丰速运", "SF123"))
        answered(kiosk.service.ask_invoice(STAFF, order.reference, InvoiceKind.ORDINARY, DETAILS))
        await until(pilot, lambda: "邮寄：已寄出 2026-11-22  顺丰速运 SF123" in text_of(app))
        assert "发票：普票已申请，待开票  f***@example.cn" in text_of(app)
        assert "花园路" not in text_of(app)
        await press_button(app, pilot, "phone")
        assert shown(app) == "OrdersOnPhoneScreen"


async def asked(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The orders of an account with what was asked."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answered(kiosk.service.key_mailed(STAFF, order.reference, "顺丰速运", "SF1234567890123"))
    answered(kiosk.service.ask_invoice(STAFF, order.reference, InvoiceKind.SPECIAL, DETAILS))
    await go(app, pilot, Route.ACCOUNT, kiosk.session(NEWCOMER))


async def code(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The page for the phone."""
    await go(app, pilot, Route.SLIP, kiosk.session(NEWCOMER))
    await press(pilot, "f7")


async def offline(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The same without network."""
    await lose_the_line(app, pilot, kiosk)
    await code(app, pilot, kiosk)


async def slip(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """The end of a visit whose key is mailed."""
    await to_slip(app, pilot, kiosk)


@pytest.mark.parametrize("way", [asked, code, offline, slip], ids=lambda way: way.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_look_as_they_did(
    snap_compare: Compare,
    kiosk: Kiosk,
    size: tuple[int, int],
    language: Language,
    way: Way,
) -> None:
    async def counted(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await way(app, pilot, kiosk)
        await tick(app, pilot, kiosk)  # so that what waits is counted

    assert looks_as_it_did(snap_compare, kiosk, size, language, counted)
