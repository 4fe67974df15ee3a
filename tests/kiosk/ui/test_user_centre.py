"""用户中心, from the first screen by key presses: enterprise, operators, key, payments, orders, receipt again, going on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import OptionList

from hardware.virtual.gmt.card import GmtCard
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.feed import ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.members import Operator, Review
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.requests import ProposalState
from kiosk.domain.versions import ALL, NO_VERSION, Version
from kiosk.text.catalogue import Language
from kiosk.ui.app import KeydeskApp
from kiosk.ui.routes import Route
from kiosk.ui.screens.member.lists import OrdersPage
from tests.support.desk import FACTORY_PIN, STAFF, session_of
from tests.support.kiosk import NEWCOMER, OWNER, Kiosk, answer_next, go, until
from tests.support.pictures import LANGUAGES, SIZES, is_the_picture
from tests.support.screens import cut_off, focused, press, sentence, settle, shown, text_of, type_in

SIZE = (80, 24)


async def sign_in(app: KeydeskApp, pilot: Pilot[None], account: str = NEWCOMER) -> None:
    """From the first screen to the user centre, by keys alone."""
    await settle(pilot)
    await press(pilot, "5")
    assert shown(app) == "SignInScreen"
    await type_in(pilot, account, f"Keydesk-{account[-1]}")
    await until(pilot, lambda: shown(app) == "UserCentreScreen")
    await settle(pilot)


def tell_of(kiosk: Kiosk, account: str, document: str, phone: str) -> None:
    """Let the feed tell of an operator's document, phone and authorisation."""
    with kiosk.setup.database.write() as tx:
        operator = tx.members.operator(account)
        assert operator is not None
        told = replace(
            operator,
            document=DocumentKind.RESIDENT_ID,
            document_number=document,
            phone=phone,
            authorised=True,
        )
        tx.members.put_operator(told)


def people(kiosk: Kiosk, count: int) -> None:
    """Make the enterprise one of so many more operators."""
    with kiosk.setup.database.write() as tx:
        for number in range(count):
            tx.members.put_operator(
                Operator(str(12_000_000 + number), "A", f"交易员{number}", Review.APPROVED, "")
            )


def proposal_told(kiosk: Kiosk, state: ProposalState, reason: str = "") -> None:
    """Let the feed tell of a proposed operator."""
    told = ProposalTold(
        "00112233445566aa", NEWCOMER, "A", state, "王*", "4101**********123X", "138****5678", reason=reason
    )
    with kiosk.setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(ALL, row_key_of(told), Version(1, 77), NO_VERSION, told))


async def test_the_centre_says_at_a_glance_what_is_on_record_and_what_is_not_here(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.owners_key()
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot, OWNER)
        said = text_of(app)
        assert "11000002  陈静" in said
        assert "有效，到期日 2027-03-02，还有 100 天" in said
        assert "没有缴费记录" in said
        assert "没有订单" in said
        assert "银行卡、资金、合同和企业资料不在本机，请在网站的「用户中心」查看和修改。" in sentence(app)
        assert cut_off(app) == []
        await press(pilot, "escape")
        assert shown(app) == "HomeScreen"


async def test_the_enterprise_shows_its_people_without_their_orders_and_serial_numbers(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    tell_of(kiosk, "11000003", "4101**********003X", "138****0003")
    kiosk.setup.paid_order("11000003", OrderKind.NEW)
    kiosk.setup.bound_elsewhere(
        "11000003", "E8AD652202221F33", kiosk.clock.wall(), kiosk.clock.wall() + 50 * 86_400
    )
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "1")
        assert shown(app) == "EnterprisePage"
        said = text_of(app)
        assert "统一社会信用代码" in said
        assert "11000001  李晓梅（本人）" in said
        assert "审核中" in said
        assert "未通过" in said
        await press(pilot, "down", "enter")
        assert shown(app) == "OperatorPage"
        said = text_of(app)
        for each in ("周伟", "中国居民身份证", "4101**********003X", "138****0003", "已交", "还有 50 天"):
            assert each in said
        assert "E8AD652202221F33" not in said
        assert "订单" not in said
        await press(pilot, "escape")
        rows = app.screen.query_one("#rows", OptionList)
        assert (shown(app), rows.highlighted) == ("EnterprisePage", 1)
        await press(pilot, "escape")
        assert (shown(app), focused(app)) == ("UserCentreScreen", "enterprise")


async def test_what_the_centre_does_not_tell_is_looked_up_on_the_web_site(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "2")
        assert text_of(app).count("本机没有，请看网站") == 4


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (ProposalState.UNDER_REVIEW, "", "交易所正在审核"),
        (ProposalState.REFUSED, "授权书不清楚", "没有通过，原因：授权书不清楚。"),
    ],
    ids=["under-review", "refused"],
)
async def test_a_proposed_operator_stands_below_the_others_with_what_was_decided(
    app: KeydeskApp, kiosk: Kiosk, state: ProposalState, reason: str, said: str
) -> None:
    proposal_told(kiosk, state, reason)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "1", "end", "enter")
        assert shown(app) == "ProposalPage"
        assert said in sentence(app)
        assert "4101**********123X" in text_of(app)
        assert reason in text_of(app)


async def test_thirty_operators_scroll_and_the_marked_one_opens(app: KeydeskApp, kiosk: Kiosk) -> None:
    people(kiosk, 30)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "1")
        assert "交易员29" not in text_of(app)
        await press(pilot, "end")
        assert "交易员29" in text_of(app)
        await press(pilot, "enter")
        assert "12000029" in text_of(app)


def renew(kiosk: Kiosk, card: GmtCard) -> None:
    """Let the desk renew the key of NEWCOMER."""
    order = kiosk.setup.paid_order(NEWCOMER, OrderKind.RENEWAL)
    kiosk.source.insert(card)
    outcome = kiosk.service.bind(session_of(NEWCOMER), order, FACTORY_PIN, False, lambda _: None)  # noqa: FBT003 - the verb's own signature
    assert isinstance(outcome, BoundView), outcome
    kiosk.source.remove()


async def test_a_renewal_bound_offline_shows_its_new_end_at_once(app: KeydeskApp, kiosk: Kiosk) -> None:
    card = kiosk.setup.bound_here(kiosk.service, NEWCOMER, "E8AD652202221F03")
    kiosk.go_offline()
    renew(kiosk, card)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "2")
        said = sentence(app)
        assert "续期成功后请核验有效期：原到期日2027-11-22，现在到2028-11-22。" in said
        assert "联网登记后可登录" in said
        assert "E8AD652202221F03" in said
        assert "还有730天" in said or "还有731天" in said


async def test_a_payment_leads_to_its_order(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place_paid(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "3")
        said = text_of(app)
        assert "2026-11-22  新办key盘  340.00 元  缴费  扫码支付，已到账" in said
        assert f"订单 {order.order_number}  交易单号 T1" in said
        await press(pilot, "enter")
        assert shown(app) == "OrderPage"
        assert order.order_number in text_of(app)
        await press(pilot, "escape")
        assert shown(app) == "PaymentsPage"


def asked_for(kiosk: Kiosk) -> str:
    """An order that was paid, mailed and asked an invoice for."""
    reference = kiosk.setup.paid_order(NEWCOMER, OrderKind.NEW)
    session = kiosk.session(NEWCOMER)
    address = DeliveryAddress("李晓梅", "北京市朝阳区", "花园路1号", "13812345678")
    kiosk.service.ask_delivery(session, reference, address)
    kiosk.service.key_mailed(STAFF, reference, "顺丰速运", "SF1234567890")
    details = InvoiceDetails("李晓梅", "", "member@example.cn")
    kiosk.service.ask_invoice(session, reference, InvoiceKind.ORDINARY, details)
    return reference


async def test_an_order_says_where_delivery_and_invoice_stand_and_what_happened(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    asked_for(kiosk)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "4")
        said = text_of(app)
        assert "邮寄：已寄出  顺丰速运  SF1234567890" in said
        assert "发票：待开票  m***@example.cn" in said
        await press(pilot, "enter")
        said = text_of(app)
        for each in (
            "下单",
            "付款 340.00 元",
            "申请邮寄 北京市朝阳区",
            "寄出 顺丰速运 SF1234567890",
            "申请发票",
        ):
            assert each in said
        assert "花园路" not in said
        assert "13812345678" not in said


async def test_a_receipt_is_printed_again_as_a_copy_and_once_a_visit(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.setup.bound_here(kiosk.service, NEWCOMER, "E8AD652202221F03")
    asked = answer_next(kiosk.service, "print_receipt")
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "4", "enter", "p")
        assert "凭条已打印，请取走。" in text_of(app)
        assert app.screen.query_one("#print").disabled
        await press(pilot, "p")
        assert len(asked) == 1
        assert focused(app) == "back"


async def test_a_receipt_that_could_not_be_printed_can_be_asked_for_again(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    kiosk.setup.bound_here(kiosk.service, NEWCOMER, "E8AD652202221F03")
    answer_next(kiosk.service, "print_receipt", PrintOutcome.PAPER_OUT)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "4", "enter", "p")
        assert "打印机缺纸" in text_of(app)
        assert not app.screen.query_one("#print").disabled


async def test_an_open_order_goes_on_where_it_was(app: KeydeskApp, kiosk: Kiosk) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        assert "1 笔，1 笔没办完" in text_of(app)
        await press(pilot, "4", "enter")
        assert focused(app) == "go-on"
        assert app.screen.query_one("#print").disabled
        await press(pilot, "enter")
        assert shown(app) == "PayScreen"
        assert app.visit.order is not None
        assert app.visit.order.reference == order.reference


async def test_five_hundred_orders_scroll_and_any_opens(app: KeydeskApp, kiosk: Kiosk) -> None:
    for _ in range(499):
        order = kiosk.place(NEWCOMER, OrderKind.NEW)
        kiosk.service.cancel(kiosk.session(NEWCOMER), order.reference)
    last = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "4")
        rows = app.screen.query_one("#rows", OptionList)
        assert rows.option_count == 500
        assert rows.get_option_at_index(0).id == last.reference
        await press(pilot, "end", "enter")
        assert "已取消" in text_of(app)
        await press(pilot, "escape")
        assert rows.highlighted == 499


async def test_what_comes_while_the_member_looks_is_shown_and_the_marked_row_stays(
    app: KeydeskApp, kiosk: Kiosk
) -> None:
    order = kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await press(pilot, "4")
        assert "待付款" in text_of(app)
        kiosk.setup.pay(order.reference)
        await until(pilot, lambda: "待绑定" in text_of(app))
        assert app.screen.query_one("#rows", OptionList).highlighted == 0
        await press(pilot, "f2")
        assert app.screen.query_one("#rows", OptionList).highlighted == 0
        assert "My orders" in text_of(app)


async def test_all_goes_by_touch(app: KeydeskApp, kiosk: Kiosk) -> None:
    kiosk.place(NEWCOMER, OrderKind.NEW)
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        await pilot.click("#orders")
        await settle(pilot)
        await pilot.click("#rows", offset=(5, 1))
        await settle(pilot)
        assert shown(app) == "OrderPage"
        await pilot.click("#go-on")
        await settle(pilot)
        assert shown(app) == "PayScreen"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Refusal.STORE_BUSY, "本机正忙"),
        (Refusal.DISK_FULL, "本机存储空间已满"),
        (Refusal.STORE_UNREADABLE, "本机数据暂时读不出来"),
    ],
)
async def test_a_store_that_fails_is_said_on_the_centre_and_on_an_order(
    app: KeydeskApp, kiosk: Kiosk, reason: Refusal, said: str
) -> None:
    kiosk.place(NEWCOMER, OrderKind.NEW)
    answer_next(kiosk.service, "user_centre", Refused(reason))
    answer_next(kiosk.service, "order_story", Refused(reason))
    async with app.run_test(size=SIZE) as pilot:
        await sign_in(app, pilot)
        assert said in sentence(app)
        await press(pilot, "1")
        assert shown(app) == "UserCentreScreen"
        view = kiosk.service.user_centre(kiosk.session(NEWCOMER))
        assert not isinstance(view, Refused)
        app.push_screen(OrdersPage(view))
        await settle(pilot)
        await press(pilot, "enter")
        assert shown(app) == "OrderPage"
        assert said in sentence(app)


PAGES = {
    "centre": (),
    "enterprise": ("1",),
    "key": ("2",),
    "payments": ("3",),
    "orders": ("4",),
    "order": ("4", "enter"),
}


@pytest.mark.parametrize("keys", [pytest.param(keys, id=name) for name, keys in PAGES.items()])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_the_pages_look_as_they_did(
    snap_compare: Callable[..., bool],
    kiosk: Kiosk,
    size: tuple[int, int],
    language: Language,
    keys: tuple[str, ...],
) -> None:
    numbers = itertools.count(1)
    desk = dataclasses.replace(kiosk.desk, random=lambda count: next(numbers).to_bytes(count, "big"))
    kiosk.service = DeskService(desk)
    tell_of(kiosk, NEWCOMER, "4101**********001X", "138****0001")
    people(kiosk, 12)
    proposal_told(kiosk, ProposalState.UNDER_REVIEW)
    card = kiosk.setup.bound_here(kiosk.service, NEWCOMER, "E8AD652202221F03")
    renew(kiosk, card)
    kiosk.clock.advance(86_400)
    kiosk.setup.contact()
    asked_for(kiosk)

    async def way(app: KeydeskApp, pilot: Pilot[None], kiosk: Kiosk) -> None:
        await go(app, pilot, Route.USER_CENTRE, kiosk.session(NEWCOMER))
        await press(pilot, *keys)
        assert cut_off(app) == []

    assert is_the_picture(snap_compare, kiosk, size, language, way)
