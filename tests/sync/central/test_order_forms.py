"""The forms of a paid order on a phone: where the key is mailed, to whom an invoice is made out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceKind,
    InvoiceWithdrawn,
)
from kiosk.domain.feed import DeliveryTold, InvoiceTold
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import PaidHow
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.requests import DeliveryState, InvoiceState
from sync.central.context import centre_keys
from sync.central.journal.centre_journal import entered_after
from sync.central.ledger import applier, requesting, settling
from sync.central.ledger.models import LedgerRequests
from sync.central.ledger.replaying import differences
from sync.central.ledger.rows import requests_record
from sync.central.login.models import SandboxMessage
from sync.central.members.models import Enterprise, Operator
from sync.central.payments import payers
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt
from sync.central.payments.orders import form_views, forms
from sync.central.payments.orders.visitors import PATH
from sync.central.personal.keeping import opened
from sync.central.personal.models import PersonalRecord, RecordState
from tests.support.kiosk_double import ACCOUNT, ENTERPRISE, OPERATOR, KioskDouble
from tests.support.query_plans import faults, statements
from tests.support.values import present
from tests.sync.central.test_request_plans import FEW, SMALL

pytestmark = pytest.mark.django_db
PHONE = "13700001234"
CODES = ("91110000MA0EXA015Y", "N2110101MF12345678", "Y2110101MF12345678")
ADDRESS = {"recipient": "张三丰", "bound": "1", "region": "河南省郑州市金水区", "address": "花园路1号院2号楼"}
INVOICE = {
    "invoice": "special",
    "title": ENTERPRISE,
    "credit_code": "91110000MA0EXA015Y",
    "email": "fin@example.cn",
}


@pytest.fixture
def placed(kiosk: KioskDouble) -> OrderPlaced:
    kiosk.feed()
    Operator.objects.filter(account=ACCOUNT).update(phone=PHONE)
    return kiosk.place()


@pytest.fixture
def payer(kiosk: KioskDouble, placed: OrderPlaced) -> Client:
    """The browser that paid."""
    browser = Client()
    assert browser.post(kiosk.page_path(placed), {"action": "pay"}, follow=True).status_code == 200
    return browser


def _path(order: str, form: str) -> str:
    return f"/orders/{order}/{form}"


def _shown(browser: Client, order: str, form: str) -> str:
    answer = browser.get(_path(order, form))
    assert answer.status_code == 200
    return answer.content.decode()


def _value(page: str, name: str) -> str:
    (value,) = re.findall(rf'name="{name}" value="([^"]*)"', page)
    return str(value)


def _post(browser: Client, order: str, form: str, **fields: str) -> tuple[int, str]:
    """What becomes of a form as the page has it, with these fields typed anew."""
    page = browser.get(_path(order, form)).content.decode()
    typed = {"seen": _value(page, "seen"), "action": "ask", **fields} if "data-form" in page else fields
    answer = browser.post(_path(order, form), typed)
    said = answer.headers.get("Location", "").partition("said=")[2]
    return answer.status_code, said or answer.content.decode()


def _signed_in(account: str = ACCOUNT) -> Client:
    """A member of the examples, whose passwords have the account's last digit."""
    browser = Client()
    browser.post(PATH, {"action": "sign-in", "account": account, "password": f"Keydesk-{account[-1]}"})
    (code,) = re.findall(r"\d{6}", SandboxMessage.objects.latest("id").text)
    page = browser.post(PATH, {"action": "code", "code": code}, follow=True).content.decode()
    assert "data-account" in page
    return browser


def _entered() -> list[type[AnyBody]]:
    """The kinds of entries that phones made in the centre's own journal."""
    bodies = [each.body for each in entered_after(0)]
    return [type(each) for each in bodies if getattr(each, "by", "") == "phone"]


def _asked(order: str) -> tuple[object, ...]:
    """The records of what was asked for an order, opened."""
    asked = requests_record(LedgerRequests.objects.get(order=order))
    parts = [each for each in (asked.delivery, asked.invoice) if each is not None]
    records = opened([each.commitment for each in parts], centre_keys())
    return tuple(records.get(each.commitment) for each in parts)


def _faults(page: str) -> list[str]:
    return re.findall(r'data-fault="([a-z_]+)"', page)


def test_from_the_phones_form_to_the_kiosks_feed_and_the_staffs_list(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    staff = Client()
    assert staff.login(username="admin", password="Keydesk-admin")
    assert _post(payer, placed.order, "delivery", **ADDRESS) == (302, "delivery-kept")
    assert _post(payer, placed.order, "invoice", **INVOICE) == (302, "invoice-kept")
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
    assert _entered() == [DeliveryAsked, InvoiceAsked]
    assert _asked(placed.order) == (
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
    _post(payer, placed.order, "delivery", **ADDRESS)
    _post(payer, placed.order, "invoice", **INVOICE)
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
    page = _shown(payer, placed.order, "delivery")
    same = {name: _value(page, name) for name in ("recipient", "region", "address")}
    assert _post(payer, placed.order, "delivery", **same, bound="1") == (302, "delivery-kept")
    assert LedgerRequests.objects.get(order=placed.order).delivery == "asked"


def test_forms_are_filled_in_with_what_is_known_and_show_nothing_whole(
    payer: Client, placed: OrderPlaced
) -> None:
    page = _shown(payer, placed.order, "delivery")
    assert _value(page, "recipient") == "李**"
    assert "使用绑定手机 137****1234" in page
    assert OPERATOR not in page
    assert PHONE not in page
    page = _shown(payer, placed.order, "invoice")
    assert (_value(page, "title"), _value(page, "credit_code")) == (ENTERPRISE, "91110000MA0EXA015Y")
    Enterprise.objects.filter(name=ENTERPRISE).update(name="换名有限公司")
    assert _value(_shown(payer, placed.order, "invoice"), "title") == "换名有限公司"


def test_what_comes_back_masked_stays_and_what_is_typed_is_taken(payer: Client, placed: OrderPlaced) -> None:
    typed = {
        "recipient": "李**",
        "phone": "(0371) 6808-5231",
        "region": "北京市",
        "address": "月坛北街25号院",
    }
    assert _post(payer, placed.order, "delivery", **typed, postcode="100834")[1] == "delivery-kept"
    page = _shown(payer, placed.order, "delivery")
    shown = {name: _value(page, name) for name in typed}
    assert shown == {"recipient": "李**", "phone": "********5231", "region": "北京市", "address": "月坛北***"}
    assert _post(payer, placed.order, "delivery", **{**shown, "region": "天津市"})[1] == "delivery-kept"
    (record,) = _asked(placed.order)
    assert record == DeliveryAddress(OPERATOR, "天津市", "月坛北街25号院", "037168085231")
    status, page = _post(payer, placed.order, "delivery", **{**shown, "address": "月坛南***"})
    assert (status, _faults(page)) == (422, ["address"])
    assert _entered() == [
        DeliveryAsked,
        DeliveryChanged,
    ]
    kept = PersonalRecord.objects.filter(state=RecordState.KEPT)
    assert kept.count() == 1  # what was replaced is erased


def test_a_bound_phone_is_read_where_it_is_used(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble
) -> None:
    _post(payer, placed.order, "delivery", **ADDRESS, phone="rubbish")
    Operator.objects.filter(account=ACCOUNT).update(phone="13900009999")
    assert "139****9999" in payer.get(PATH).content.decode()
    Operator.objects.filter(account=ACCOUNT).update(phone="")
    assert "使用绑定手机" not in _shown(payer, placed.order, "delivery")
    status, page = _post(payer, placed.order, "delivery", **{**ADDRESS, "region": "天津市"})
    assert (status, _faults(page)) == (422, ["phone"])
    del kiosk


@pytest.mark.parametrize("code", CODES)
def test_codes_that_begin_with_n_or_y_are_taken_by_their_own_check_digit(
    payer: Client, placed: OrderPlaced, code: str
) -> None:
    code = code[:17] + present(_check(code))
    assert _post(payer, placed.order, "invoice", **{**INVOICE, "credit_code": code})[1] == "invoice-kept"
    wrong = code[:17] + ("0" if code[17] != "0" else "1")
    status, page = _post(payer, placed.order, "invoice", **{**INVOICE, "credit_code": wrong})
    assert (status, _faults(page)) == (422, ["credit_code"])
    assert "校验位不对" in page


def _check(code: str) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(3**place % 31 * alphabet.index(each) for place, each in enumerate(code[:17]))
    return alphabet[-total % 31]


@pytest.mark.parametrize(
    ("form", "changes", "fault", "said"),
    [
        ("delivery", {"recipient": " "}, "recipient", "请填写这一项"),
        ("delivery", {"recipient": "张\x00三"}, "recipient", "看不见的字符"),
        ("delivery", {"address": "花园路\n1号"}, "address", "看不见的字符"),
        ("delivery", {"address": "路" * 101}, "address", "最多 100 个字"),
        ("delivery", {"region": "河" * 70_000}, "region", "最多 60 个字"),
        ("delivery", {"region": "…"}, "region", "要有文字或数字"),
        ("delivery", {"address": "花园路1号😀"}, "address", "不能用的字符"),
        ("delivery", {"address": "\u202e花园路"}, "address", "看不见的字符"),
        ("delivery", {"postcode": "45000"}, "postcode", "6 位"),
        ("invoice", {"title": ""}, "title", "请填写这一项"),
        ("invoice", {"email": ""}, "email", "请填写这一项"),
        ("invoice", {"email": "fin@example"}, "email", "邮箱不对"),
        ("invoice", {"email": "a\r\nBcc: b@example.cn"}, "email", "邮箱不对"),
        ("invoice", {"email": "a" * 64 + "@example.cn"}, "email", "最多 72"),
        ("invoice", {"credit_code": ""}, "credit_code", "专票要填"),
        ("invoice", {"credit_code": "9111"}, "credit_code", "18 位"),
        ("invoice", {"credit_code": "9111000OMA0EXA015Y"}, "credit_code", "I、O、S、V、Z"),
        ("invoice", {"phone": "123"}, "phone", "号码不对"),
        ("invoice", {"bank_account": "12;DROP"}, "bank_account", "银行账号"),
        ("invoice", {"bank": "行" * 101}, "bank", "最多 100 个字"),
        ("invoice", {"invoice": "golden"}, "invoice", "专票或普票"),
        ("invoice", {"invoice": ""}, "invoice", "专票或普票"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_entered(
    payer: Client, placed: OrderPlaced, form: str, changes: dict[str, str], fault: str, said: str
) -> None:
    usual = ADDRESS if form == "delivery" else INVOICE
    status, page = _post(payer, placed.order, form, **{**usual, **changes})
    assert (status, _faults(page)) == (422, [fault])
    assert said in page
    assert len(page) < 20_000
    assert not _entered()
    assert not PersonalRecord.objects.exists()
    for name, value in usual.items():
        if name not in changes and name not in {"bound", "invoice"}:
            assert _value(page, name) == value  # what was right is not typed again


def test_without_the_bound_phone_one_is_typed(payer: Client, placed: OrderPlaced) -> None:
    typed = {name: value for name, value in ADDRESS.items() if name != "bound"}
    for phone in ("", "12345", "02900"):
        status, page = _post(payer, placed.order, "delivery", **typed, phone=phone)
        assert (status, _faults(page)) == (422, ["phone"])
    assert _post(payer, placed.order, "delivery", **typed, phone="+86 138-1234-5678")[1] == "delivery-kept"
    assert _asked(placed.order) == (
        DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号院2号楼", "13812345678"),
    )


def test_a_persons_ordinary_invoice_needs_no_code_and_all_that_is_optional_is_kept(
    payer: Client, placed: OrderPlaced
) -> None:
    person = {"invoice": "ordinary", "title": "李晓梅", "credit_code": "", "email": "ＬＩ@example.cn"}
    assert _post(payer, placed.order, "invoice", **person)[1] == "invoice-kept"
    assert _asked(placed.order) == (InvoiceDetails("李晓梅", "", "LI@example.cn"),)
    whole = {
        "address": "西城区月坛北街25号",
        "phone": "010-68085231",
        "bank": "中国银行",
        "bank_account": "1702 0200 1234",
    }
    assert _post(payer, placed.order, "invoice", **INVOICE, **whole)[1] == "invoice-kept"
    page = _shown(payer, placed.order, "invoice")
    assert _value(page, "bank_account") == "********1234"
    assert _value(page, "phone") == "010****5231"
    assert _value(page, "address") == "西城区***"
    (record,) = _asked(placed.order)
    assert isinstance(record, InvoiceDetails)
    assert (record.bank_account, record.phone) == ("170202001234", "01068085231")
    assert _entered() == [
        InvoiceAsked,
        InvoiceChanged,
    ]


def test_an_invoice_is_withdrawn_and_asked_again(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble
) -> None:
    assert _post(payer, placed.order, "invoice", action="withdraw")[1] == "closed"
    _post(payer, placed.order, "invoice", **INVOICE)
    for _ in range(2):
        assert _post(payer, placed.order, "invoice", action="withdraw")[1] == "invoice-withdrawn"
    told = {type(each): each for each in kiosk.feed()}
    assert told[InvoiceTold].state is InvoiceState.WITHDRAWN
    assert not PersonalRecord.objects.filter(state=RecordState.KEPT).exists()
    assert "已撤回" in payer.get(PATH).content.decode()
    assert _post(payer, placed.order, "invoice", **INVOICE)[1] == "invoice-kept"
    assert _entered() == [
        InvoiceAsked,
        InvoiceWithdrawn,
        InvoiceAsked,
    ]
    row = LedgerRequests.objects.get(order=placed.order)
    assert settling.note_issued(row, "26412000", 1, "张华", kiosk.now())
    for action in ("withdraw", "ask"):
        assert _post(payer, placed.order, "invoice", **INVOICE, action=action) == (302, "closed")


@pytest.mark.parametrize("form", ["delivery", "invoice"])
def test_the_same_form_sent_twice_enters_once(payer: Client, placed: OrderPlaced, form: str) -> None:
    usual = ADDRESS if form == "delivery" else INVOICE
    seen = _value(_shown(payer, placed.order, form), "seen")
    said = {
        payer.post(_path(placed.order, form), {**usual, "seen": seen, "action": "ask"})["Location"]
        for _ in range(3)
    }
    assert said == {f"/orders/?said={form}-kept"}
    assert len(_entered()) == 1
    assert PersonalRecord.objects.count() == 1


def test_of_two_browsers_at_once_the_later_is_shown_what_the_other_changed(
    payer: Client, placed: OrderPlaced
) -> None:
    other = _signed_in()
    seen = _value(_shown(other, placed.order, "delivery"), "seen")
    _post(payer, placed.order, "delivery", **ADDRESS)
    theirs = {**ADDRESS, "region": "北京市", "seen": seen}
    answer = other.post(_path(placed.order, "delivery"), theirs)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert 'data-notice="elsewhere"' in page
    assert _value(page, "region") == "河南省郑州市金水区"
    assert len(_entered()) == 1
    theirs["seen"] = _value(page, "seen")
    assert other.post(_path(placed.order, "delivery"), theirs)["Location"].endswith("delivery-kept")
    assert _entered().count(DeliveryChanged) == 1


def test_what_was_entered_and_is_not_applied_yet_counts(
    payer: Client, placed: OrderPlaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as late:
        late.setattr(requesting, "apply_entered", lambda _now: None)
        seen = _value(_shown(payer, placed.order, "delivery"), "seen")
        for _ in range(2):
            payer.post(_path(placed.order, "delivery"), {**ADDRESS, "seen": seen})
        assert not LedgerRequests.objects.exists()
        assert _entered().count(DeliveryAsked) == 1
    applier.apply_pending(1)
    assert LedgerRequests.objects.get(order=placed.order).delivery == "asked"


def test_a_change_after_the_key_was_mailed_is_told_to_be_too_late(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post(payer, placed.order, "delivery", **ADDRESS)
    row = LedgerRequests.objects.get(order=placed.order)
    with monkeypatch.context() as late:
        # Between the look at the order and the decision staff enter that it was mailed.
        late.setattr(
            form_views,
            "read_delivery",
            lambda *given, **named: (
                settling.note_mailed(row, "EMS", "E1", "张华", kiosk.now()),
                _read_delivery(*given, **named),
            )[1],
        )
        changed = {**ADDRESS, "region": "北京市"}
        assert _post(payer, placed.order, "delivery", **changed) == (302, "too-late")
    assert DeliveryChanged not in _entered()
    assert not LedgerRequests.objects.filter(delivery="asked").exists()


_read_delivery = forms.read_delivery


def test_a_receipts_code_offers_no_form_and_shows_no_fact(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    _post(payer, placed.order, "delivery", **ADDRESS)
    stranger = Client()
    page = stranger.get(kiosk.page_path(placed)).content.decode()
    for fact in ("data-offer", "data-form", "张", "137", "河南", ACCOUNT):
        assert fact not in page
    for form in ("delivery", "invoice"):
        for answer in (
            stranger.get(_path(placed.order, form)),
            stranger.post(_path(placed.order, form), ADDRESS),
        ):
            assert (answer.status_code, answer["Location"]) == (302, "/orders/?said=who")
    assert "请用付款的手机打开" in stranger.get("/orders/?said=who").content.decode()


def test_nobody_reaches_another_accounts_order_by_its_name(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    kiosk.pushed()
    other = _signed_in("11000002")
    for order in (placed.order, "3-9999-0.aaaaaaaaaaaa", "99999", placed.order[:-1] + "0"):
        for form in ("delivery", "invoice"):
            for answer in (
                other.get(_path(order, form)),
                other.post(_path(order, form), {**ADDRESS, **INVOICE}),
            ):
                assert (answer.status_code, answer["Location"]) == (302, "/orders/?said=who")
    for path in (
        "/orders/../delivery",
        "/orders/%00/delivery",
        f"/orders/{'3' * 41}/delivery",
        "/orders/x/pay",
    ):
        assert other.get(path).status_code == 404
    assert not _entered()
    half = Client()  # the password alone, the code not typed
    half.post(PATH, {"action": "sign-in", "account": ACCOUNT, "password": "Keydesk-1"})
    assert half.post(_path(placed.order, "delivery"), ADDRESS)["Location"].endswith("said=who")
    assert _post(_signed_in(), placed.order, "delivery", **ADDRESS)[1] == "delivery-kept"
    del payer


def test_a_browser_whose_money_went_back_is_not_the_payer(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    _post(payer, placed.order, "delivery", **ADDRESS)
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
    assert late.get(_path(placed.order, "delivery"))["Location"].endswith("said=who")


def test_a_member_who_signed_in_is_offered_what_was_asked_for_an_earlier_order_and_a_payer_not(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    _post(payer, placed.order, "invoice", **{**INVOICE, "email": "old@example.cn"})
    _post(payer, placed.order, "delivery", **ADDRESS)
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    second = kiosk.place(nonce=b"other6")
    another = Client()
    another.post(kiosk.page_path(second), {"action": "pay"})
    kiosk.pushed()
    assert _value(_shown(another, second.order, "invoice"), "email") == ""
    member = _signed_in()
    page = _shown(member, second.order, "invoice")
    assert _value(page, "email") == "o***@example.cn"
    same = {name: _value(page, name) for name in ("title", "credit_code", "email")}
    assert _post(member, second.order, "invoice", invoice="special", **same)[1] == "invoice-kept"
    assert _asked(second.order) == (InvoiceDetails(ENTERPRISE, INVOICE["credit_code"], "old@example.cn"),)
    assert _value(_shown(member, second.order, "delivery"), "address") == "花园路***"


def test_a_renewal_offers_no_delivery_and_an_unpaid_order_nothing(kiosk: KioskDouble) -> None:
    kiosk.feed()
    renewal = kiosk.place(kind=OrderKind.RENEWAL)
    kiosk.append(OrderPaid(renewal.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    unpaid = kiosk.place(nonce=b"other6")
    kiosk.pushed()
    member = _signed_in()
    assert re.findall(r'data-offer="([a-z]+)"', member.get(PATH).content.decode()) == ["invoice"]
    for order, form, usual in (
        (renewal.order, "delivery", ADDRESS),
        (unpaid.order, "delivery", ADDRESS),
        (unpaid.order, "invoice", INVOICE),
    ):
        assert member.post(_path(order, form), usual)["Location"].endswith("said=closed")
    assert _post(member, renewal.order, "invoice", **INVOICE)[1] == "invoice-kept"


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
    member = _signed_in()
    assert re.findall(r'data-offer="([a-z]+)"', member.get(PATH).content.decode()) == ["invoice"]
    assert member.post(_path(placed.order, "delivery"), ADDRESS)["Location"].endswith("said=closed")


def test_an_order_that_was_paid_over_a_year_ago_is_for_support(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    long_ago = kiosk.now() - 367 * 86400
    paid = OrderPaid(placed.order, PaidHow.DESK, 34000, long_ago, supervisor="林涛")
    kiosk.append(paid)
    kiosk.pushed()
    member = _signed_in()
    page = member.get(PATH).content.decode()
    assert "data-offer" not in page
    assert 'data-note="old"' in page
    assert member.post(_path(placed.order, "invoice"), INVOICE)["Location"].endswith("said=closed")


def test_forms_are_limited_by_address_and_by_order(payer: Client, placed: OrderPlaced) -> None:
    statuses = [payer.post(_path(placed.order, "delivery"), {"seen": "."}).status_code for _ in range(33)]
    assert statuses == [422] * 30 + [429] * 3
    assert payer.post(_path(placed.order, "delivery"), ADDRESS)["Retry-After"] == "60"
    assert payer.get(_path(placed.order, "delivery")).status_code == 200
    form_views.POSTS.clear()
    for number in range(20):
        assert (
            _post(payer, placed.order, "delivery", **{**ADDRESS, "postcode": f"4500{number:02d}"})[0] == 302
        )
    status, page = _post(payer, placed.order, "delivery", **{**ADDRESS, "postcode": "450099"})
    assert (status, "changed-often" in page) == (429, True)
    assert len(_entered()) == 20


def test_a_form_of_another_site_asks_for_nothing(payer: Client, placed: OrderPlaced) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = payer.cookies
    page = _shown(strict, placed.order, "delivery")
    fields = {**ADDRESS, "seen": _value(page, "seen")}
    assert strict.post(_path(placed.order, "delivery"), fields).status_code == 403
    fields["csrfmiddlewaretoken"] = _value(page, "csrfmiddlewaretoken")
    other = {"Origin": "https://other.example"}
    assert strict.post(_path(placed.order, "delivery"), fields, headers=other).status_code == 403
    assert not _entered()
    own = {"Origin": "http://testserver"}
    assert strict.post(_path(placed.order, "delivery"), fields, headers=own).status_code == 302


def test_the_forms_run_nothing_are_not_kept_and_show_text_as_text(payer: Client, placed: OrderPlaced) -> None:
    typed = {**ADDRESS, "recipient": '"><script>alert(1)</script>', "region": ""}
    for answer in (
        payer.get(_path(placed.order, "delivery")),
        payer.get(_path(placed.order, "invoice")),
        payer.post(_path(placed.order, "delivery"), typed),
    ):
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert not re.search(r"<script|<style| style=| on[a-z]+=", answer.content.decode())
    assert payer.put(_path(placed.order, "delivery")).status_code == 405


def test_what_was_erased_on_request_is_asked_anew(
    payer: Client, placed: OrderPlaced, clock: Callable[[int], None]
) -> None:
    from sync.central.ledger.privacy import erase_on_request  # noqa: PLC0415

    _post(payer, placed.order, "delivery", **ADDRESS)
    erase_on_request(ACCOUNT, "张华", present(LedgerRequests.objects.first()).asked_at)
    page = payer.get(PATH).content.decode()
    assert "待寄出" in page
    assert "张**" not in page
    assert _value(_shown(payer, placed.order, "delivery"), "recipient") == "李**"
    clock(5)
    assert _post(payer, placed.order, "delivery", **ADDRESS)[1] == "delivery-kept"
    assert _asked(placed.order) == (DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号院2号楼"),)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's plans")
def test_no_form_reads_a_table_that_grows_from_end_to_end(
    kiosk: KioskDouble, payer: Client, placed: OrderPlaced
) -> None:
    kiosk.pushed()
    with statements() as sent:
        _post(payer, placed.order, "delivery", **ADDRESS)
        _post(payer, placed.order, "invoice", **INVOICE)
        payer.get(PATH)
    asked = [one for one in sent if one.sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(asked) > 50
    found = [(each, one.sql) for one in asked for each in faults(one, SMALL)]
    assert not [(each, sql) for each, sql in found if not any(few in sql for few in FEW)]
