"""邮寄和发票 at the staff's desk: typed for an order, by key presses alone."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from kiosk.desk.requests.forms import RequestAct
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    InvoiceAsked,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyReceivedBack,
)
from kiosk.domain.fees import OrderKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, PersonalRecord
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.screens.staff.requests import RequestsScreen
from kiosk.ui.screens.staff.staff_desk import StaffDeskScreen
from tests.support.desk import DAY, FIRM, STAFF, SUPERVISOR, answered
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, answer_next, lay, until
from tests.support.pictures import LANGUAGES, SIZES, Compare, Way, looks_as_it_did
from tests.support.screens import (
    cut_off,
    fill,
    focused,
    press,
    press_button,
    sentence,
    settle,
    shown,
    text_of,
    type_in,
)
from tests.support.walks import SIZE, tick

CODE = "9144030071526726XG"
ADDRESS = DeliveryAddress("李晓梅", "河南省郑州市金水区", "花园路1号", "13812345678", "450000")
DETAILS = InvoiceDetails(FIRM, CODE, "finance@example.cn")


def records(kiosk: Kiosk) -> list[PersonalRecord | None]:
    with kiosk.setup.database.read() as tx:
        return [tx.personal.get(each.commitment) for each in tx.personal.of_account(NEWCOMER)]


async def choose(app: KeydeskApp, pilot: Pilot[None], act: RequestAct) -> None:
    """Move to that act with the arrow keys, and press Enter."""
    acts = app.screen.query_one("#acts", OptionList)
    acts.action_first()
    while acts.highlighted is not None and acts.get_option_at_index(acts.highlighted).id != act:
        await press(pilot, "down")
    await press(pilot, "enter")


async def sign_in(app: KeydeskApp, pilot: Pilot[None]) -> None:
    """From home to the requests of the only order."""
    await settle(pilot)
    await press(pilot, "f6")
    await type_in(pilot, "张华", "Staff-1")
    assert shown(app) == "StaffDeskScreen"
    await press(pilot, "f7")
    assert shown(app) == "RequestsScreen"


async def test_staff_type_a_delivery_from_home_by_pinyin_initials(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        assert "还没有登记邮寄和发票" in text_of(app)
        await press(pilot, "enter")
        assert shown(app) == "AddressForm"
        assert app.screen.query_one("#recipient").value == "李晓梅"  # type: ignore[attr-defined]
        await press(pilot, "enter", *"hnzz")
        assert "1 河南省郑州市  2 湖南省株洲市" in text_of(app)
        await press(pilot, "1", *"jsq", "enter")
        assert focused(app) == "address"
        await press(pilot, *"hyl1", "enter", *"13812345678", "enter", *"450000", "enter")
        assert shown(app) == "RequestsScreen"
        assert "邮寄：已登记，待寄出" in text_of(app)
    assert records(kiosk) == [DeliveryAddress("李晓梅", "河南省郑州市jsq", "hyl1", "13812345678", "450000")]
    asked = next(each for each in kiosk.setup.bodies() if isinstance(each, DeliveryAsked))
    assert (asked.order, asked.account, asked.by) == (order.reference, NEWCOMER, "张华")


async def test_letters_that_mean_a_region_are_not_taken_for_one(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "enter")
        fill(app, region="hnzz", address="花园路1号", phone="1381234567", postcode="45000")
        await press_button(app, pilot, "next")
        assert shown(app) == "AddressForm"
        for said in ("请按数字选一个", "格式不对", "邮编是 6 位数字"):
            assert said in text_of(app)
        assert focused(app) == "region"
        fill(app, region="vvv")
        await press_button(app, pilot, "next")
        assert "没有这样的省市区" in text_of(app)
        assert cut_off(app) == []
        fill(app, region="hnzz")
        await press(pilot, "enter")
        assert "河南省郑州市" in text_of(app)
        assert "请按数字选一个" not in text_of(app)
        fill(app, phone="", postcode="")
        await press_button(app, pilot, "next")
        assert shown(app) == "RequestsScreen"
    assert records(kiosk) == [DeliveryAddress("李晓梅", "河南省郑州市", "花园路1号")]


async def test_a_key_is_mailed_by_initials_of_its_carrier_and_comes_back(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answered(kiosk.service.ask_delivery(STAFF, order.reference, ADDRESS))
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        assert "没有这笔订单的寄出记录" in text_of(app)
        await choose(app, pilot, RequestAct.MAILED)
        assert shown(app) == "MailedForm"
        await press(pilot, *"sf", "enter", "enter", *"SF123", "enter")
        assert "邮寄：已寄出2026-11-22顺丰速运SF123" in sentence(app)
        assert "收件地址不能再改" in sentence(app)
        await choose(app, pilot, RequestAct.RETURNED)
        assert shown(app) == "ReasonScreen"
        await type_in(pilot, "无人签收")
        assert "邮寄：已退回（无人签收）" in text_of(app)
    back = kiosk.setup.bodies()[-1]
    assert isinstance(back, KeyReceivedBack)
    assert (back.order, back.reason, back.by) == (order.reference, "无人签收", "张华")


async def test_an_invoice_is_asked_for_with_what_is_known_and_withdrawn(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await choose(app, pilot, RequestAct.INVOICE)
        assert shown(app) == "InvoiceForm"
        assert FIRM in text_of(app)
        fill(app, credit_code=f"{CODE[:-1]}A", email="finance")
        await press_button(app, pilot, "next")
        for said in ("校验位不对，请核对", "格式不对"):
            assert said in text_of(app)
        assert focused(app) == "credit-code"
        fill(app, credit_code=CODE.lower(), email="finance@example.cn")
        await press_button(app, pilot, "next")
        assert "发票：专票已申请，待开票" in text_of(app)
        asked = kiosk.setup.bodies()[-1]
        assert isinstance(asked, InvoiceAsked)
        assert (asked.order, asked.invoice, asked.by) == (order.reference, InvoiceKind.SPECIAL, "张华")
        assert records(kiosk) == [DETAILS]
        await choose(app, pilot, RequestAct.INVOICE)
        assert "finance@example.cn" in text_of(app)
        await press(pilot, "escape")
        await choose(app, pilot, RequestAct.WITHDRAWAL)
        await press_button(app, pilot, "yes")
        assert "发票：申请已撤回" in text_of(app)
    assert isinstance(kiosk.setup.bodies()[-1], InvoiceWithdrawn)
    assert records(kiosk) == []


async def test_a_special_invoice_needs_a_credit_code_and_an_ordinary_one_does_not(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await choose(app, pilot, RequestAct.INVOICE)
        fill(app, title="李晓梅", credit_code="", email="li@example.cn")
        await press_button(app, pilot, "next")
        assert focused(app) == "credit-code"
        app.screen.query_one("#kind").focus()
        await press(pilot, "right", "f2", "f2")
        await press_button(app, pilot, "next")
        assert "发票：普票已申请" in text_of(app)


async def test_while_invoicing_pauses_the_desk_says_that_an_invoice_waits(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.clock.advance(3 * DAY)  # to the 25th
    kiosk.setup.contact()
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, RequestsScreen(STAFF, order))
        assert "每月25日至次月5日暂停开票，现在登记的会顺延" in sentence(app)
        assert cut_off(app) == []


async def test_what_is_not_possible_says_why(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        acts = app.screen.query_one("#acts", OptionList)
        assert [each.disabled for each in acts.options] == [True] * 5
        assert sentence(app).count("这笔订单还没有付款") == 3
        await press(pilot, "enter")
        assert shown(app) == "RequestsScreen"
        await press(pilot, "escape")
        assert shown(app) == "StaffDeskScreen"


async def test_a_renewal_has_nothing_to_mail(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.owners_key()
    order = kiosk.place_paid(OWNER, OrderKind.RENEWAL)
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, RequestsScreen(STAFF, order))
        assert sentence(app).count("续期用原来的key盘，没有要邮寄的") == 2


async def test_enter_on_an_order_opens_them_and_without_an_order_it_says_so(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, StaffDeskScreen(STAFF))
        await press(pilot, "f7")
        assert "请先在「订单」里选中一笔" in text_of(app)
        kiosk.place_paid(NEWCOMER, OrderKind.NEW)
        await until(pilot, lambda: NEWCOMER in text_of(app))
        app.screen.query_one("#rows", OptionList).action_first()
        await press(pilot, "enter")
        assert shown(app) == "RequestsScreen"


@pytest.mark.parametrize("reason", [Refusal.STORE_BUSY, Refusal.DISK_FULL, Refusal.STORE_UNREADABLE])
async def test_a_store_that_fails_keeps_what_was_typed(
    app: KeydeskApp, kiosk: Kiosk, reason: Refusal
) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answer_next(kiosk.service, "request_forms", Refused(reason))
    async with app.run_test(size=SIZE) as pilot:
        await lay(app, pilot, RequestsScreen(STAFF, order))
        said = {
            Refusal.STORE_BUSY: "本机正忙",
            Refusal.DISK_FULL: "存储空间已满",
            Refusal.STORE_UNREADABLE: "读不出来",
        }
        assert said[reason] in sentence(app)
        await press(pilot, "escape")
        await lay(app, pilot, RequestsScreen(STAFF, order))
        await press(pilot, "enter")
        fill(app, region="河南省郑州市", address="花园路1号")
        answer_next(kiosk.service, "ask_delivery", Refused(reason))
        await press_button(app, pilot, "next")
        assert said[reason] in sentence(app)
        assert "花园路1号" in text_of(app)
        await press_button(app, pilot, "next")
        assert shown(app) == "RequestsScreen"


async def requests(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """A key that was mailed, and an invoice that was asked for."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    answered(kiosk.service.ask_delivery(STAFF, order.reference, ADDRESS))
    answered(kiosk.service.key_mailed(STAFF, order.reference, "顺丰速运", "SF1234567890123"))
    answered(kiosk.service.ask_invoice(STAFF, order.reference, InvoiceKind.SPECIAL, DETAILS))
    await lay(app, pilot, RequestsScreen(SUPERVISOR, order))


async def address(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """Everything wrong, and initials that mean several regions."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await lay(app, pilot, RequestsScreen(SUPERVISOR, order))
    await press(pilot, "enter")
    fill(app, recipient="", region="cz", phone="1", postcode="1")
    await press_button(app, pilot, "next")


async def invoice(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """Everything wrong."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await lay(app, pilot, RequestsScreen(SUPERVISOR, order))
    await choose(app, pilot, RequestAct.INVOICE)
    fill(app, title="", credit_code=f"{CODE[:-1]}I", email="x" * 80, phone="1")
    await press_button(app, pilot, "next")


async def mailed(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
    """Initials of a carrier."""
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    await lay(app, pilot, RequestsScreen(SUPERVISOR, order))
    await choose(app, pilot, RequestAct.MAILED)
    await press(pilot, *"zt")


@pytest.mark.parametrize("way", [requests, address, invoice, mailed], ids=lambda way: way.__name__)
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
