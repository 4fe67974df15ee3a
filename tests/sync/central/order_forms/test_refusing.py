"""What a form of a paid order refuses: beside its field, with what was right kept, and not too often."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.personal import DeliveryAddress
from sync.central.members.models import Operator
from sync.central.payments.orders import form_views
from sync.central.payments.orders.visitors import PATH
from sync.central.personal.models import PersonalRecord
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.order_forms import (
    ADDRESS,
    INVOICE,
    asked_for,
    entered,
    faults_in,
    form_path,
    post_form,
    shown_form,
    value_of,
)
from tests.support.values import present

pytestmark = pytest.mark.django_db
CODES = ("91110000MA0EXA015Y", "N2110101MF12345678", "Y2110101MF12345678")


def test_a_bound_phone_is_read_where_it_is_used(
    payer: Client, placed: OrderPlaced, kiosk: KioskDouble
) -> None:
    post_form(payer, placed.order, "delivery", **ADDRESS, phone="rubbish")
    Operator.objects.filter(account=ACCOUNT).update(phone="13900009999")
    assert "139****9999" in payer.get(PATH).content.decode()
    Operator.objects.filter(account=ACCOUNT).update(phone="")
    assert "使用绑定手机" not in shown_form(payer, placed.order, "delivery")
    status, page = post_form(payer, placed.order, "delivery", **{**ADDRESS, "region": "天津市"})
    assert (status, faults_in(page)) == (422, ["phone"])
    del kiosk


@pytest.mark.parametrize("code", CODES)
def test_codes_that_begin_with_n_or_y_are_taken_by_their_own_check_digit(
    payer: Client, placed: OrderPlaced, code: str
) -> None:
    code = code[:17] + present(_check(code))
    assert post_form(payer, placed.order, "invoice", **{**INVOICE, "credit_code": code})[1] == "invoice-kept"
    wrong = code[:17] + ("0" if code[17] != "0" else "1")
    status, page = post_form(payer, placed.order, "invoice", **{**INVOICE, "credit_code": wrong})
    assert (status, faults_in(page)) == (422, ["credit_code"])
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
    status, page = post_form(payer, placed.order, form, **{**usual, **changes})
    assert (status, faults_in(page)) == (422, [fault])
    assert said in page
    assert len(page) < 20_000
    assert not entered()
    assert not PersonalRecord.objects.exists()
    for name, value in usual.items():
        if name not in changes and name not in {"bound", "invoice"}:
            assert value_of(page, name) == value  # what was right is not typed again


def test_without_the_bound_phone_one_is_typed(payer: Client, placed: OrderPlaced) -> None:
    typed = {name: value for name, value in ADDRESS.items() if name != "bound"}
    for phone in ("", "12345", "02900"):
        status, page = post_form(payer, placed.order, "delivery", **typed, phone=phone)
        assert (status, faults_in(page)) == (422, ["phone"])
    assert (
        post_form(payer, placed.order, "delivery", **typed, phone="+86 138-1234-5678")[1] == "delivery-kept"
    )
    assert asked_for(placed.order) == (
        DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号院2号楼", "13812345678"),
    )


def test_forms_are_limited_by_address_and_by_order(payer: Client, placed: OrderPlaced) -> None:
    statuses = [payer.post(form_path(placed.order, "delivery"), {"seen": "."}).status_code for _ in range(33)]
    assert statuses == [422] * 30 + [429] * 3
    assert payer.post(form_path(placed.order, "delivery"), ADDRESS)["Retry-After"] == "60"
    assert payer.get(form_path(placed.order, "delivery")).status_code == 200
    form_views.POSTS.clear()
    for number in range(20):
        assert (
            post_form(payer, placed.order, "delivery", **{**ADDRESS, "postcode": f"4500{number:02d}"})[0]
            == 302
        )
    status, page = post_form(payer, placed.order, "delivery", **{**ADDRESS, "postcode": "450099"})
    assert (status, "changed-often" in page) == (429, True)
    assert len(entered()) == 20


def test_a_form_of_another_site_asks_for_nothing(payer: Client, placed: OrderPlaced) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = payer.cookies
    page = shown_form(strict, placed.order, "delivery")
    fields = {**ADDRESS, "seen": value_of(page, "seen")}
    refused = strict.post(form_path(placed.order, "delivery"), fields)
    assert (refused.status_code, "请返回，重新打开页面" in refused.content.decode()) == (403, True)
    fields["csrfmiddlewaretoken"] = value_of(page, "csrfmiddlewaretoken")
    other = {"Origin": "https://other.example"}
    assert strict.post(form_path(placed.order, "delivery"), fields, headers=other).status_code == 403
    assert not entered()
    own = {"Origin": "http://testserver"}
    assert strict.post(form_path(placed.order, "delivery"), fields, headers=own).status_code == 302


def test_the_forms_run_nothing_are_not_kept_and_show_text_as_text(payer: Client, placed: OrderPlaced) -> None:
    typed = {**ADDRESS, "recipient": '"><script>alert(1)</script>', "region": ""}
    for answer in (
        payer.get(form_path(placed.order, "delivery")),
        payer.get(form_path(placed.order, "invoice")),
        payer.post(form_path(placed.order, "delivery"), typed),
    ):
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert not re.search(r"<script|<style| style=| on[a-z]+=", answer.content.decode())
    assert payer.put(form_path(placed.order, "delivery")).status_code == 405
