"""The console's pages of deliveries and invoices, and of personal records: who sees what, and what staff enter."""

from __future__ import annotations

import json
import re
import secrets

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceKind,
    InvoiceWithdrawn,
)
from kiosk.domain.feed import DeliveryTold, InvoiceTold
from kiosk.domain.personal import SALT_LENGTH, DeliveryAddress, InvoiceDetails, disclose
from kiosk.domain.requests import DeliveryState, InvoiceState
from sync.central.examples import Examples
from sync.central.ledger.models import LedgerRequests
from sync.central.ledger.replaying import differences
from sync.central.members.models import Operator
from sync.central.personal.models import PersonalRecord, RecordState
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号")
INVOICE = InvoiceDetails("郑州某粮油有限公司", "91410100MA9K2B7X0P", "fin@example.cn", bank_account="170202")
FACTS = ("张三丰", "花园路1号", "91410100MA9K2B7X0P", "fin@example.cn", "170202")


@pytest.fixture
def asked(kiosk: KioskDouble) -> str:
    """An order of which a delivery and an invoice were asked, its records uploaded."""
    Operator.objects.filter(account=ACCOUNT).update(phone="13700001111")
    order = kiosk.place().order
    delivery, invoice = (disclose(each, secrets.token_bytes(SALT_LENGTH)) for each in (ADDRESS, INVOICE))
    kiosk.append(DeliveryAsked(order, ACCOUNT, delivery.commitment, "member"))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, invoice.commitment, "member"))
    kiosk.pushed()
    kiosk.sent(delivery, invoice)
    kiosk.feed()
    return order


def page(order: str) -> str:
    return reverse("admin:ledger_ledgerrequests_change", args=(quote(order),))


def told(client: Client, order: str, **typed: str) -> str:
    """The page after a form was sent."""
    return client.post(page(order), typed, follow=True).content.decode()


def with_permissions(*names: str) -> Client:
    user = get_user_model().objects.create_user("mail", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def test_the_list_shows_what_waits_and_no_fact(staff: Client, asked: str) -> None:
    address = reverse("admin:ledger_ledgerrequests_changelist")
    for query in ("delivery__exact=asked", "invoice__exact=asked"):
        shown = staff.get(f"{address}?{query}").content.decode()
        assert asked.partition(".")[0] in shown
        assert not any(each in shown for each in FACTS)
    assert asked.partition(".")[0] not in staff.get(f"{address}?delivery__exact=mailed").content.decode()


def test_the_page_decrypts_for_who_may_fulfil_and_is_kept_by_nobody(examples: Examples, asked: str) -> None:
    client = with_permissions("view_ledgerrequests", "fulfil_request")
    answer = client.get(page(asked))
    shown = answer.content.decode()
    assert [each for each in FACTS if each not in shown] == []
    assert "13700001111（绑定手机）" in shown
    assert "no-store" in answer.headers["Cache-Control"]
    log = LogEntry.objects.get(user__username="mail")
    assert log.change_message == "查看个人资料"
    assert not any(each in log.object_repr + log.change_message for each in FACTS)


def test_who_may_look_at_orders_alone_sees_no_fact_and_enters_nothing(
    clerk: Client, asked: str, kiosk: KioskDouble
) -> None:
    shown = clerk.get(page(asked)).content.decode()
    assert asked.partition(".")[0] in shown
    assert not any(each in shown for each in (*FACTS, "登记寄出"))
    typed = {"mailed-carrier": "顺丰速运", "mailed-tracking": "SF1", "mailed": "登记寄出"}
    assert clerk.post(page(asked), typed).status_code == 403
    assert LedgerRequests.objects.get(order=asked).delivery == "asked"


def test_carrier_and_number_end_a_delivery_at_the_kiosks_too(
    staff: Client, asked: str, kiosk: KioskDouble
) -> None:
    shown = told(
        staff, asked, **{"mailed-carrier": "顺丰速运", "mailed-tracking": "SF123", "mailed": "登记寄出"}
    )
    assert "已寄出 顺丰速运 SF123" in shown
    (delivery,) = (each for each in kiosk.news() if isinstance(each, DeliveryTold))
    assert (delivery.state, delivery.carrier, delivery.tracking) == (
        DeliveryState.MAILED,
        "顺丰速运",
        "SF123",
    )
    mailed_at = delivery.mailed_at
    told(staff, asked, **{"mailed-carrier": "EMS", "mailed-tracking": "E9", "mailed": "登记寄出"})
    (delivery,) = (each for each in kiosk.news() if isinstance(each, DeliveryTold))
    assert (delivery.carrier, delivery.tracking, delivery.mailed_at) == ("EMS", "E9", mailed_at)
    told(staff, asked, **{"returned-reason": "拒收", "returned": "登记退回"})
    (delivery,) = (each for each in kiosk.news() if isinstance(each, DeliveryTold))
    assert (delivery.state, delivery.reason) == (DeliveryState.RETURNED, "拒收")
    assert differences() == []


def test_number_and_date_end_an_invoice_at_the_kiosks_too(
    staff: Client, asked: str, kiosk: KioskDouble
) -> None:
    typed = {"issued-number": "26412000000012345678", "issued-issued_on": "2026-11-02", "issued": "登记开票"}
    assert "已开发票 26412000000012345678" in told(staff, asked, **typed)
    (invoice,) = (each for each in kiosk.news() if isinstance(each, InvoiceTold))
    assert (invoice.state, invoice.number) == (InvoiceState.ISSUED, "26412000000012345678")
    assert invoice.issued_at == 1_793_548_800  # midnight in China
    assert differences() == []


def test_what_was_changed_since_the_page_was_opened_is_shown_before_anything_is_entered(
    staff: Client, asked: str, kiosk: KioskDouble
) -> None:
    forms = {
        "mailed": {"mailed-carrier": "EMS", "mailed-tracking": "E9", "mailed": "x"},
        "issued": {"issued-number": "26412000", "issued-issued_on": "2026-11-02", "issued": "x"},
    }

    def seen(form: str) -> str:
        shown = staff.get(page(asked)).content.decode()
        (found,) = re.findall(rf'name="seen" value="(\w+)"(?:(?!<form).)*name="{form}"', shown, re.DOTALL)
        return str(found)

    before = {form: seen(form) for form in forms}
    delivery = disclose(replace(ADDRESS, region="北京市"), secrets.token_bytes(SALT_LENGTH))
    invoice = disclose(replace(INVOICE, title="别的有限公司"), secrets.token_bytes(SALT_LENGTH))
    kiosk.append(DeliveryChanged(asked, ACCOUNT, delivery.commitment, "member"))
    kiosk.append(InvoiceChanged(asked, ACCOUNT, InvoiceKind.ORDINARY, invoice.commitment, "member"))
    kiosk.pushed()
    kiosk.sent(delivery, invoice)
    for form, typed in forms.items():
        said = told(staff, asked, **typed, seen=before[form])
        assert "资料在此期间改过，没有登记" in said
        assert "北京市" in said
        assert "别的有限公司" in said
        assert getattr(LedgerRequests.objects.get(order=asked), _COLUMNS[form]) == "asked"
        told(staff, asked, **typed, seen=seen(form))
        assert getattr(LedgerRequests.objects.get(order=asked), _COLUMNS[form]) == form


_COLUMNS = {"mailed": "delivery", "issued": "invoice"}


@pytest.mark.parametrize(
    ("number", "day"),
    [("", "2026-11-02"), ("26412", "2026-11-02"), ("26412000", "2999-01-01"), ("26412000", "x")],
)
def test_what_is_no_number_or_no_day_is_said_beside_the_field(
    staff: Client, asked: str, number: str, day: str
) -> None:
    shown = told(staff, asked, **{"issued-number": number, "issued-issued_on": day, "issued": "登记开票"})
    assert "errorlist" in shown
    assert LedgerRequests.objects.get(order=asked).invoice == "asked"


def test_a_withdrawn_invoice_has_no_form(staff: Client, asked: str, kiosk: KioskDouble) -> None:
    kiosk.append(InvoiceWithdrawn(asked, ACCOUNT, "member"))
    kiosk.pushed()
    shown = staff.get(page(asked)).content.decode()
    assert "登记开票" not in shown
    assert "未送到，或已删除" in shown
    typed = {"issued-number": "26412000000012345678", "issued-issued_on": "2026-11-02", "issued": "登记开票"}
    assert "这一项现在不能登记" in told(staff, asked, **typed)
    assert LedgerRequests.objects.get(order=asked).invoice == "withdrawn"


def test_records_are_exported_by_who_may_with_a_remark_and_it_is_logged(
    staff: Client, clerk: Client, asked: str
) -> None:
    key = PersonalRecord.objects.first()
    assert key is not None
    address = reverse("admin:personal_personalrecord_changelist")
    chosen = {"action": "export", "_selected_action": [key.pk]}
    assert "请先填写备注" in staff.post(address, chosen, follow=True).content.decode()
    answer = staff.post(address, {**chosen, "remark": "本人查询"})
    assert "no-store" in answer.headers["Cache-Control"]
    found = json.loads(answer.content)
    assert (found["account"], len(found["facts"])) == (ACCOUNT, 2)
    assert "本人查询" in LogEntry.objects.latest("pk").change_message
    refused = clerk.post(address, {**chosen, "remark": "x"}, follow=True)
    assert refused.headers["Content-Type"] != "application/json"


def test_records_are_erased_by_who_may_with_a_remark_and_it_is_logged(
    staff: Client, clerk: Client, asked: str
) -> None:
    key = PersonalRecord.objects.values_list("pk", flat=True)[0]
    act(clerk, PersonalRecord, "erase", key, remark="x")
    assert "请先填写备注" in act(staff, PersonalRecord, "erase", key)
    assert PersonalRecord.objects.filter(state=RecordState.KEPT).count() == 2
    assert "已删除 2 份个人资料" in act(staff, PersonalRecord, "erase", key, remark="本人要求")
    assert not PersonalRecord.objects.exclude(state=RecordState.ERASED).exists()
    assert "本人要求" in LogEntry.objects.latest("pk").change_message
    shown = staff.get(page(asked)).content.decode()
    assert not any(each in shown for each in FACTS)
    assert "请向会员再问" in shown
