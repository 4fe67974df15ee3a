"""Who is offered the forms of an order, and for which orders: the browser that paid, and the member who signed in."""

from __future__ import annotations

import re
import secrets

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.entries.requests import DeliveryAsked
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import PaidHow
from kiosk.domain.personal import SALT_LENGTH, DeliveryAddress, InvoiceDetails, disclose
from sync.central.payments import payers
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt
from sync.central.payments.orders.visitors import PATH
from tests.support.kiosk_double import ACCOUNT, ENTERPRISE, KioskDouble
from tests.support.order_forms import (
    ADDRESS,
    INVOICE,
    asked_for,
    entered,
    form_path,
    post_form,
    shown_form,
    signed_in,
    value_of,
)

pytestmark = pytest.mark.django_db


def test_a_receipts_code_offers_no_form_and_shows_no_fact(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS)
    stranger = Client()
    page = stranger.get(kiosk.page_path(placed)).content.decode()
    for fact in ("data-offer", "data-form", "张", "137", "河南", ACCOUNT):
        assert fact not in page
    for form in ("delivery", "invoice"):
        for answer in (
            stranger.get(form_path(placed.order, form)),
            stranger.post(form_path(placed.order, form), ADDRESS),
        ):
            assert (answer.status_code, answer["Location"]) == (302, "/orders/?said=who")
    assert "请用付款的手机打开" in stranger.get("/orders/?said=who").content.decode()


def test_nobody_reaches_another_accounts_order_by_its_name(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    kiosk.pushed()
    other = signed_in("11000002")
    for order in (placed.order, "3-9999-0.aaaaaaaaaaaa", "99999", placed.order[:-1] + "0"):
        for form in ("delivery", "invoice"):
            for answer in (
                other.get(form_path(order, form)),
                other.post(form_path(order, form), {**ADDRESS, **INVOICE}),
            ):
                assert (answer.status_code, answer["Location"]) == (302, "/orders/?said=who")
    for path in (
        "/orders/../delivery",
        "/orders/%00/delivery",
        f"/orders/{'3' * 41}/delivery",
        "/orders/x/pay",
    ):
        assert other.get(path).status_code == 404
    assert not entered()
    half = Client()  # the password alone, the code not typed
    half.post(PATH, {"action": "sign-in", "account": ACCOUNT, "password": "Keydesk-1"})
    assert half.post(form_path(placed.order, "delivery"), ADDRESS)["Location"].endswith("said=who")
    assert post_form(signed_in(), placed.order, "delivery", **ADDRESS)[1] == "delivery-kept"
    del payer


def test_a_browser_whose_money_went_back_is_not_the_payer(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS)
    late = Client()
    late.get(kiosk.page_path(placed))
    name = late.cookies["keydesk-payer"].value
    PaymentAttempt.objects.create(
        out_trade_no="LATE",
        payment=Payment.objects.get(order=placed.order),
        attempt=9,
        state=AttemptState.RETURNED,
        transaction="LATE",
        opened_at=1,
        browser=payers.hashed_browser(name),
    )
    page = late.get(PATH).content.decode()
    assert f'data-order="{number_in(placed.order)}"' in page
    for fact in ("data-offer", "张", "137", "河南"):
        assert fact not in page
    assert late.get(form_path(placed.order, "delivery"))["Location"].endswith("said=who")


def test_a_member_who_signed_in_is_offered_what_was_asked_for_an_earlier_order_and_a_payer_not(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    post_form(payer, placed.order, "invoice", **{**INVOICE, "email": "old@example.cn"})
    post_form(payer, placed.order, "delivery", **ADDRESS)
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    second = kiosk.place(nonce=b"other6")
    another = Client()
    another.post(kiosk.page_path(second), {"action": "pay"})
    kiosk.pushed()
    assert value_of(shown_form(another, second.order, "invoice"), "email") == ""
    member = signed_in()
    page = shown_form(member, second.order, "invoice")
    assert value_of(page, "email") == "o***@example.cn"
    same = {name: value_of(page, name) for name in ("title", "credit_code", "email")}
    assert post_form(member, second.order, "invoice", invoice="special", **same)[1] == "invoice-kept"
    assert asked_for(second.order) == (InvoiceDetails(ENTERPRISE, INVOICE["credit_code"], "old@example.cn"),)
    assert value_of(shown_form(member, second.order, "delivery"), "address") == "花园路***"


def test_where_staff_typed_an_address_that_is_not_here_yet_no_older_one_stands_in_its_place(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS)
    second = kiosk.place(nonce=b"other6")
    kiosk.append(OrderPaid(second.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    member = signed_in()
    assert value_of(shown_form(member, second.order, "delivery"), "address") == "花园路***"
    typed = disclose(DeliveryAddress("李晓梅", "北京市", "月坛北街25号院"), secrets.token_bytes(SALT_LENGTH))
    kiosk.append(DeliveryAsked(second.order, ACCOUNT, typed.commitment, "张华"))
    kiosk.pushed()
    assert value_of(shown_form(member, second.order, "delivery"), "address") == ""
    kiosk.sent(typed)
    assert value_of(shown_form(member, second.order, "delivery"), "address") == "月坛北***"


def test_a_renewal_offers_no_delivery_and_an_unpaid_order_nothing(kiosk: KioskDouble) -> None:
    kiosk.feed()
    renewal = kiosk.place(kind=OrderKind.RENEWAL)
    kiosk.append(OrderPaid(renewal.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    unpaid = kiosk.place(nonce=b"other6")
    kiosk.pushed()
    member = signed_in()
    assert re.findall(r'data-offer="([a-z]+)"', member.get(PATH).content.decode()) == ["invoice"]
    for order, form, usual in (
        (renewal.order, "delivery", ADDRESS),
        (unpaid.order, "delivery", ADDRESS),
        (unpaid.order, "invoice", INVOICE),
    ):
        assert member.post(form_path(order, form), usual)["Location"].endswith("said=closed")
    assert post_form(member, renewal.order, "invoice", **INVOICE)[1] == "invoice-kept"


@pytest.mark.parametrize("kind", list(OrderKind))
def test_the_paid_page_leads_to_what_may_be_asked(kiosk: KioskDouble, kind: OrderKind) -> None:
    kiosk.feed()
    page = (
        Client()
        .post(kiosk.page_path(kiosk.place(kind=kind)), {"action": "pay"}, follow=True)
        .content.decode()
    )
    assert ("填写收件地址" in page, "申请发票" in page) == (kind.wants_new_token, True)


def test_a_bound_order_still_takes_an_invoice_and_no_address(kiosk: KioskDouble, placed: OrderPlaced) -> None:
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    member = signed_in()
    assert re.findall(r'data-offer="([a-z]+)"', member.get(PATH).content.decode()) == ["invoice"]
    assert member.post(form_path(placed.order, "delivery"), ADDRESS)["Location"].endswith("said=closed")


def test_an_order_that_was_paid_over_a_year_ago_is_for_support(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    long_ago = kiosk.now() - 367 * 86400
    paid = OrderPaid(placed.order, PaidHow.DESK, 34000, long_ago, supervisor="林涛")
    kiosk.append(paid)
    kiosk.pushed()
    member = signed_in()
    page = member.get(PATH).content.decode()
    assert "data-offer" not in page
    assert 'data-note="old"' in page
    assert member.post(form_path(placed.order, "invoice"), INVOICE)["Location"].endswith("said=closed")
