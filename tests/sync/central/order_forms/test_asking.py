"""The forms of a paid order on a phone: where the key is mailed, to whom an invoice is made out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceKind,
    InvoiceWithdrawn,
)
from kiosk.domain.feed import DeliveryTold, InvoiceTold
from kiosk.domain.identifiers import number_in
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.requests import DeliveryState, InvoiceState
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerRequests
from sync.central.ledger.privacy import erase_on_request
from sync.central.ledger.replaying import differences
from sync.central.members.models import Enterprise
from sync.central.payments.orders.visitors import PATH
from sync.central.personal.models import PersonalRecord, RecordState
from tests.support.kiosk_double import ACCOUNT, ENTERPRISE, OPERATOR, KioskDouble
from tests.support.order_forms import (
    ADDRESS,
    INVOICE,
    PHONE,
    asked_for,
    entered,
    faults_in,
    post_form,
    shown_form,
    value_of,
)
from tests.support.query_plans import faults, statements
from tests.support.values import present
from tests.sync.central.test_request_plans import FEW, SMALL

pytestmark = pytest.mark.django_db


def test_from_the_phones_form_to_the_kiosks_feed_and_the_staffs_list(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    staff = Client()
    assert staff.login(username="admin", password="Keydesk-admin")
    assert post_form(payer, placed.order, "delivery", **ADDRESS) == (302, "delivery-kept")
    assert post_form(payer, placed.order, "invoice", **INVOICE) == (302, "invoice-kept")
    told = {type(each): each for each in kiosk.feed()}
    delivery, invoice = told[DeliveryTold], told[InvoiceTold]
    assert (delivery.order, delivery.state, delivery.recipient) == (placed.order, DeliveryState.ASKED, "张**")
    assert (delivery.phone, delivery.region) == ("137****1234", "河南省郑州市金水区")
    assert (invoice.state, invoice.invoice, invoice.email) == (
        InvoiceState.ASKED,
        InvoiceKind.SPECIAL,
        "f***@example.cn",
    )
    for query in ("delivery__exact=asked", "invoice__exact=asked"):
        page = staff.get(f"/admin/ledger/ledgerrequests/?{query}").content.decode()
        assert number_in(placed.order) in page
    assert entered() == [DeliveryAsked, InvoiceAsked]
    assert asked_for(placed.order) == (
        DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号院2号楼"),
        InvoiceDetails(ENTERPRISE, "91110000MA0EXA015Y", "fin@example.cn"),
    )
    assert differences() == []


def test_the_page_says_what_was_asked_masked_and_what_became_of_it(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble
) -> None:
    page = payer.get(PATH).content.decode()
    assert "已付款，待绑定" in page
    assert page.count("data-offer=") == 2
    post_form(payer, placed.order, "delivery", **ADDRESS)
    post_form(payer, placed.order, "invoice", **INVOICE)
    page = payer.get(f"{PATH}?said=delivery-kept").content.decode()
    assert "收件地址已登记" in page
    for said in ("待寄出", "张**", "137****1234", "待开票", "f***@example.cn", "增值税专用发票（专票）"):
        assert said in page
    for fact in ("张三丰", "花园路", PHONE, "fin@"):
        assert fact not in page
    row = LedgerRequests.objects.get(order=placed.order)
    assert settling.note_mailed(row, "顺丰速运", "SF123", "张华", kiosk.now())
    row.refresh_from_db()
    assert settling.note_issued(row, "26412000000012345678", 1_793_548_800, "张华", kiosk.now())
    page = payer.get(PATH).content.decode()
    for said in ("已寄出", "顺丰速运 SF123", "已开票", "26412000000012345678", "2026-11-02"):
        assert said in page
    assert "data-offer" not in page
    assert 'data-note="bind"' in page
    row.refresh_from_db()
    assert settling.note_received_back(row, "拒收", "张华", kiosk.now())
    page = payer.get(PATH).content.decode()
    assert "拒收" in page
    assert re.findall(r'data-offer="([a-z]+)"', page) == ["delivery"]
    assert 'data-note="returned"' in page
    page = shown_form(payer, placed.order, "delivery")
    same = {name: value_of(page, name) for name in ("recipient", "region", "address")}
    assert post_form(payer, placed.order, "delivery", **same, bound="1") == (302, "delivery-kept")
    assert LedgerRequests.objects.get(order=placed.order).delivery == "asked"


def test_forms_are_filled_in_with_what_is_known_and_show_nothing_whole(
    payer: Client, placed: OrderPlaced
) -> None:
    page = shown_form(payer, placed.order, "delivery")
    assert value_of(page, "recipient") == "李**"
    assert "使用绑定手机 137****1234" in page
    assert OPERATOR not in page
    assert PHONE not in page
    page = shown_form(payer, placed.order, "invoice")
    assert (value_of(page, "title"), value_of(page, "credit_code")) == (ENTERPRISE, "91110000MA0EXA015Y")
    Enterprise.objects.filter(name=ENTERPRISE).update(name="换名有限公司")
    assert value_of(shown_form(payer, placed.order, "invoice"), "title") == "换名有限公司"


def test_what_comes_back_masked_stays_and_what_is_typed_is_taken(payer: Client, placed: OrderPlaced) -> None:
    typed = {
        "recipient": "李**",
        "phone": "(0371) 6808-5231",
        "region": "北京市",
        "address": "月坛北街25号院",
    }
    assert post_form(payer, placed.order, "delivery", **typed, postcode="100834")[1] == "delivery-kept"
    page = shown_form(payer, placed.order, "delivery")
    shown = {name: value_of(page, name) for name in typed}
    assert shown == {"recipient": "李**", "phone": "********5231", "region": "北京市", "address": "月坛北***"}
    assert post_form(payer, placed.order, "delivery", **{**shown, "region": "天津市"})[1] == "delivery-kept"
    (record,) = asked_for(placed.order)
    assert record == DeliveryAddress(OPERATOR, "天津市", "月坛北街25号院", "037168085231")
    status, page = post_form(payer, placed.order, "delivery", **{**shown, "address": "月坛南***"})
    assert (status, faults_in(page)) == (422, ["address"])
    assert entered() == [
        DeliveryAsked,
        DeliveryChanged,
    ]
    kept = PersonalRecord.objects.filter(state=RecordState.KEPT)
    assert kept.count() == 1  # what was replaced is erased


def test_a_persons_ordinary_invoice_needs_no_code_and_all_that_is_optional_is_kept(
    payer: Client, placed: OrderPlaced
) -> None:
    person = {"invoice": "ordinary", "title": "李晓梅", "credit_code": "", "email": "ＬＩ@example.cn"}
    assert post_form(payer, placed.order, "invoice", **person)[1] == "invoice-kept"
    assert asked_for(placed.order) == (InvoiceDetails("李晓梅", "", "LI@example.cn"),)
    whole = {
        "address": "西城区月坛北街25号",
        "phone": "010-68085231",
        "bank": "中国银行",
        "bank_account": "1702 0200 1234",
    }
    assert post_form(payer, placed.order, "invoice", **INVOICE, **whole)[1] == "invoice-kept"
    page = shown_form(payer, placed.order, "invoice")
    assert value_of(page, "bank_account") == "********1234"
    assert value_of(page, "phone") == "010****5231"
    assert value_of(page, "address") == "西城区***"
    (record,) = asked_for(placed.order)
    assert isinstance(record, InvoiceDetails)
    assert (record.bank_account, record.phone) == ("170202001234", "01068085231")
    assert entered() == [
        InvoiceAsked,
        InvoiceChanged,
    ]


def test_an_invoice_is_withdrawn_and_asked_again(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble
) -> None:
    assert post_form(payer, placed.order, "invoice", action="withdraw")[1] == "closed"
    post_form(payer, placed.order, "invoice", **INVOICE)
    for _ in range(2):
        assert post_form(payer, placed.order, "invoice", action="withdraw")[1] == "invoice-withdrawn"
    told = {type(each): each for each in kiosk.feed()}
    assert told[InvoiceTold].state is InvoiceState.WITHDRAWN
    assert not PersonalRecord.objects.filter(state=RecordState.KEPT).exists()
    assert "已撤回" in payer.get(PATH).content.decode()
    assert post_form(payer, placed.order, "invoice", **INVOICE)[1] == "invoice-kept"
    assert entered() == [
        InvoiceAsked,
        InvoiceWithdrawn,
        InvoiceAsked,
    ]
    row = LedgerRequests.objects.get(order=placed.order)
    assert settling.note_issued(row, "26412000", 1, "张华", kiosk.now())
    for action in ("withdraw", "ask"):
        assert post_form(payer, placed.order, "invoice", **INVOICE, action=action) == (302, "closed")


def test_what_was_erased_on_request_is_asked_anew(
    payer: Client, placed: OrderPlaced, clock: Callable[[int], None]
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS)
    erase_on_request(ACCOUNT, "张华", present(LedgerRequests.objects.first()).asked_at)
    page = payer.get(PATH).content.decode()
    assert "待寄出" in page
    assert "张**" not in page
    assert value_of(shown_form(payer, placed.order, "delivery"), "recipient") == "李**"
    clock(5)
    assert post_form(payer, placed.order, "delivery", **ADDRESS)[1] == "delivery-kept"
    assert asked_for(placed.order) == (DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号院2号楼"),)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's plans")
def test_no_form_reads_a_table_that_grows_from_end_to_end(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    kiosk.pushed()
    with statements() as sent:
        post_form(payer, placed.order, "delivery", **ADDRESS)
        post_form(payer, placed.order, "invoice", **INVOICE)
        payer.get(PATH)
    asked = [one for one in sent if one.sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(asked) > 50
    found = [(each, one.sql) for one in asked for each in faults(one, SMALL)]
    assert not [(each, sql) for each, sql in found if not any(few in sql for few in FEW)]
