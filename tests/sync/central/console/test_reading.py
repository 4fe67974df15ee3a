"""What people read on the console's pages, and what they cannot do there."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest
from django.contrib.admin import site
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import (
    AnyFeedBody,
)
from kiosk.domain.identifiers import number_in
from kiosk.domain.ledger import PaidHow
from kiosk.domain.remarks import RemarkReason
from kiosk.labels import REMARK_REASONS
from kiosk.ui.screens.staff import staff_desk
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.models import KioskPolicy, Machine
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import Alarm, AlarmKind, Entry, Fact
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter
from sync.central.ledger.rules import Action
from sync.central.payments.models import DeskPayment, Payment
from sync.central.wording import ENTRY_KINDS, FEED_KINDS, MATTER_ACTIONS, PAID_HOW
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


def test_every_page_of_the_console_opens_in_chinese(staff: Client, served: KioskDouble) -> None:
    index = staff.get("/admin/").content.decode()
    for title in (
        "密钥服务台 中心",
        "终端机",
        "订单",
        "证书登记簿",
        "日志记录",
        "待办事项",
        "会员企业",
        "收费表",
        "策略",
        "告警",
    ):
        assert title in index
    for model, pages in site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        listed = staff.get(reverse(f"{base}_changelist"))
        assert listed.status_code == 200, base
        row = model._default_manager.first()
        if row is not None:
            assert staff.get(reverse(f"{base}_change", args=[row.pk])).status_code == 200, base
        if pages.has_add_permission(listed.wsgi_request):
            assert staff.get(reverse(f"{base}_add")).status_code == 200, base


REFERENCE = re.compile(r"[0-9]-[0-9]{4,10}-[0-9]\.[0-9a-f]{12}")
RECORDS = re.compile(r"field-(readable|text)")
"""The rows of a page that show a record as it was received."""


def _read(page: str) -> str:
    """What a person reads of a page, but for records as they were received."""
    shown = "".join(each for each in page.split('<div class="form-row') if not RECORDS.search(each[:80]))
    return re.sub(r"<[^>]*>", " ", shown)


def test_people_read_the_orders_number_and_never_its_reference(staff: Client, served: KioskDouble) -> None:
    order = LedgerOrder.objects.all()[0]
    raise_alarm(AlarmKind.PAID_TWICE, 3, order.reference, "", served.now())
    placed = served.place(account="11000005")
    served.append(OrderPaid(placed.order, PaidHow.DESK, 34000, served.now(), supervisor="林涛"))
    served.pushed()
    seen = {LedgerOrder, LedgerCertificate, Matter, Payment, DeskPayment, Entry, Fact, Alarm}
    for model in seen:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{base}_changelist")]
        pages += [reverse(f"{base}_change", args=[row.pk]) for row in model._default_manager.all()]
        assert len(pages) > 1, model
        read = [_read(staff.get(page).content.decode()) for page in pages]
        assert not [REFERENCE.findall(each) for each in read if REFERENCE.search(each)], base


@pytest.mark.parametrize("model", [LedgerOrder, LedgerCertificate, Payment, Matter, Entry, Fact])
def test_a_search_for_a_number_finds_what_belongs_to_its_order(
    staff: Client, served: KioskDouble, model: type[Model]
) -> None:
    matter, certificate = Matter.objects.exclude(order="").first(), LedgerCertificate.objects.get()
    assert matter is not None
    found = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    wanted = matter.order if model is Matter else certificate.order
    page = staff.get(found, {"q": number_in(wanted)}).content.decode()
    assert "共 0 条" not in page
    assert number_in(wanted) in re.sub(r"<input[^>]*>", "", _read(page))


@pytest.mark.parametrize("model", [LedgerOrder, Payment])
def test_of_two_orders_of_a_number_staff_choose_by_account_and_time(
    staff: Client, served: KioskDouble, model: type[Model]
) -> None:
    served.pushed()
    clone = served.twin()
    first = served.place(account="11000005")
    second = clone.place(account="11000006", nonce=b"nonce7")
    for each in (served, clone):
        each.pushed()
    number = number_in(first.order)
    assert number_in(second.order) == number
    for placed in (first, second):
        Client().post(served.page_path(placed), {"action": "pay"})
    found = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for typed in (number, number.replace("-", " "), number.replace("-", "－")):
        page = staff.get(found, {"q": typed}).content.decode()
        assert "这个号有 2 笔订单：按账号和时间分辨" in page
        assert {"11000005", "11000006"} <= set(re.findall(r"[0-9]{8}", _read(page)))
    assert "这个号有" not in staff.get(found, {"q": "11000005"}).content.decode()
    mistyped = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "校验位不对" in staff.get(found, {"q": mistyped}).content.decode()


@pytest.mark.parametrize("model", [Machine, KioskPolicy, Entry, LedgerOrder])
@pytest.mark.parametrize(
    "query",
    ["kiosk=" + "9" * 20, "kiosk__exact=" + "9" * 20, "kiosk__in=" + "9" * 20, "owner__in=" + "9" * 20],
)
def test_a_number_that_no_column_holds_leads_back_to_the_list(
    staff: Client, served: KioskDouble, model: type[Model], query: str
) -> None:
    base = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    answer = staff.get(f"{base}?{query}", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain in ([], [(f"{base}?e=1", 302)])


def test_an_entry_without_bottom_is_shown_as_it_came(staff: Client, kiosk: KioskDouble) -> None:
    deep: Any = None
    for _ in range(900):
        deep = [deep]
    kiosk.pushed()
    row = Entry.objects.get(kiosk=3)
    row.data = msgspec.msgpack.encode(deep)
    row.save()
    page = staff.get(reverse("admin:journal_entry_change", args=[row.pk]))
    assert page.status_code == 200
    assert row.data.hex()[:40] in page.content.decode()


def test_nobody_gets_in_without_a_password(db: None) -> None:
    assert Client().get("/admin/").status_code == 302
    assert Client().get("/").url == "/admin/"  # type: ignore[attr-defined]


def test_the_consoles_style_is_served_without_collecting(db: None) -> None:
    response = Client().get("/static/admin/css/base.css")
    assert response.status_code == 200


def test_the_books_cannot_be_edited(staff: Client, served: KioskDouble) -> None:
    order = LedgerOrder.objects.filter(owner=3).first()
    assert order is not None
    change = reverse("admin:ledger_ledgerorder_change", args=[order.pk])
    assert staff.post(change, {"status": "refunded"}).status_code == 403
    delete = reverse("admin:journal_entry_delete", args=[3 << 32 | 1])
    assert staff.post(delete, {"post": "yes"}).status_code == 403


def test_everything_that_travels_has_a_chinese_name() -> None:
    bodies = {str(kind.__struct_config__.tag) for kind in get_args(AnyBody)}
    assert set(ENTRY_KINDS) == bodies | {"unreadable"}
    assert set(FEED_KINDS) == {str(kind.__struct_config__.tag) for kind in get_args(AnyFeedBody)}
    assert set(REMARK_REASONS) == {reason.value for reason in RemarkReason}
    assert set(MATTER_ACTIONS) == {action.value for action in Action}
    assert set(PAID_HOW) == {how.value for how in PaidHow}


def test_a_matter_has_one_name_at_the_centre_and_at_the_desk() -> None:
    named = {FEED_KINDS["matter"], str(Matter._meta.verbose_name), staff_desk.VIEWS[1]}
    assert named == {"待办事项"}


def test_password_verifiers_are_not_shown_in_the_feed(staff: Client, kiosk: KioskDouble) -> None:
    rows = FeedRow.objects.filter(kind__in=("operator", "staff"))
    assert rows.exists()
    for row in rows:
        assert b"argon2" in bytes(row.body)
        page = staff.get(reverse("admin:fleet_feedrow_change", args=[row.pk])).content.decode()
        assert "argon2" not in page
