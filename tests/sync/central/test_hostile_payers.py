"""The payer's page and the console against those who mean no good."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from kiosk.domain import ledger
from kiosk.domain.entries.bindings import BindingStarted
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.orders import OrderAssigned, OrderCancelled, OrderPaid, RefundGranted
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from kiosk.domain.payment_codes import order_code_text
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import LedgerOrder, Matter
from sync.central.ledger.news import assignment
from sync.central.ledger.settling import may_pay_back, may_return, move
from sync.central.members.models import Operator
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentState
from sync.central.payments.pages import read_bill
from sync.central.payments.provider import Trade, TradeState
from tests.support.kiosk_double import KioskDouble

_ORDER = ledger.Order("3-0001-4", 3, OrderKind.NEW, "11000001", "企业", "经办人", (), 1, 1, 2, 3)

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}


def _now() -> int:
    return int(time.time())


def _pay(path: str) -> str:
    return str(Client().post(path, {"action": "pay"}, headers=JSON).json()["state"])


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def _act(client: Client, page: str, action: str, key: object, **more: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(key)], **more}
    return client.post(reverse(f"admin:{page}_changelist"), chosen, follow=True)


def test_names_are_text_on_the_page(kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    enterprise = Operator.objects.get(account=placed.account).enterprise
    enterprise.name = "<script>alert(1)</script>"
    enterprise.save()
    page = Client().get(kiosk.page_path(placed)).content.decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_money_for_an_order_that_was_lost_with_its_data_can_go_back(kiosk: KioskDouble) -> None:
    kiosk.pushed()
    tip, lost = kiosk.tip, kiosk.place()
    assert _pay(kiosk.page_path(lost)) == "paid"
    assert not may_return(lost.order, 3)  # the kiosk may still tell of it
    entry = kiosk.entries.pop()
    kiosk.tip = tip
    kiosk.place(account="11000006", nonce=b"nonce7")
    kiosk.pushed()
    assert may_return(lost.order, 3)
    kiosk.entries[-1] = entry
    kiosk.tip = Tip(entry.entry.epoch, entry.entry.sequence, entry.hash)
    kiosk.pushed()
    assert not may_return(lost.order, 3)


@pytest.mark.parametrize("path", ["/P/" + "0" * 5000, "/P/" + "Ω" * 61, "/P/%00" + "0" * 60, "/" + "٣" * 61])
def test_an_address_that_is_no_token_is_not_found(kiosk: KioskDouble, path: str) -> None:
    assert Client().get(path).status_code == 404


def test_another_kiosks_secret_makes_no_token(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.number = 3  # it signs for kiosk 3 with what it has
    assert Client().get(other.page_path(other.place())).status_code == 403


def test_files_sent_to_a_page_are_not_written_to_the_disk(
    kiosk: KioskDouble, tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    written: list[object] = []
    monkeypatch.setattr(
        "django.core.files.temp.NamedTemporaryFile", lambda *given, **_: written.append(given)
    )
    big = SimpleUploadedFile("big", bytes(4 * 2**20))
    response = Client().post(kiosk.page_path(kiosk.place()), {"action": "pay", "file": big}, headers=JSON)
    assert response.status_code == 200
    assert not written
    assert not list(tmp_path.iterdir())


def test_a_form_without_end_is_refused(kiosk: KioskDouble) -> None:
    body = b"action=" + b"p" * (2 * 2**20)
    form = "application/x-www-form-urlencoded"
    assert Client().post(kiosk.page_path(kiosk.place()), body, content_type=form).status_code == 400


@pytest.mark.parametrize("boundary", ["", "x"])
def test_a_form_that_is_none_is_a_plain_400(kiosk: KioskDouble, boundary: str) -> None:
    media_type = f"multipart/form-data; boundary={boundary}"
    path = kiosk.page_path(kiosk.place())
    assert Client().generic("POST", path, b"--x\r\nrubbish", content_type=media_type).status_code == 400


def test_the_first_try_paid_late_counts_as_money_a_second_time(kiosk: KioskDouble, keys: CentreKeys) -> None:
    placed = kiosk.place()
    bill = read_bill(order_code_text(placed.order_code), keys, _now())
    first = paying.open_attempt(bill, _now())
    assert first is not None
    paying.decline(bill, _now())
    paying.pay(bill, _now())
    late = Trade(TradeState.SUCCESS, bill.amount, "LATE", _now())
    paying.settle(first.out_trade_no, late, _now())
    paying.settle(first.out_trade_no, late, _now())
    told = [each.transaction for each in kiosk.feed() if type(each).__name__ == "PaymentConfirmed"]
    assert len(told) == 2
    assert told[1] == "LATE"
    assert Payment.objects.get().transaction == told[0]


def test_money_of_an_order_that_a_dead_kiosk_never_told_of_is_paid_back(
    kiosk: KioskDouble, boss: Client
) -> None:
    placed = kiosk.place()
    assert _pay(kiosk.page_path(placed)) == "paid"
    assert "尚未同意" in _act(boss, "payments_payment", "pay_back", placed.order).content.decode()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    assert "已原路退回" in _act(boss, "payments_payment", "pay_back", placed.order).content.decode()
    assert Payment.objects.get().state == PaymentState.REFUNDED


@pytest.mark.parametrize("cancelled", [False, True])
def test_money_that_a_dead_kiosk_never_heard_of_may_be_paid_back(kiosk: KioskDouble, cancelled: bool) -> None:  # noqa: FBT001
    kiosk.feed()
    placed = kiosk.place()
    assert _pay(kiosk.page_path(placed)) == "paid"
    if cancelled:
        kiosk.append(OrderCancelled(placed.order, "member"))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    assert not may_pay_back(row)
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    assert may_pay_back(row)


def _paid_at_a_dead_kiosk(kiosk: KioskDouble) -> LedgerOrder:
    kiosk.feed()
    placed = kiosk.place()
    assert _pay(kiosk.page_path(placed)) == "paid"
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    return LedgerOrder.objects.get(reference=placed.order)


@pytest.mark.parametrize("granted", [True, False])
def test_money_of_an_order_with_a_matter_goes_back_once_its_kiosk_lets_go(
    kiosk: KioskDouble, boss: Client, *, granted: bool
) -> None:
    kiosk.feed()
    placed = kiosk.place(lines=())
    kiosk.pushed()
    assert _pay(kiosk.page_path(placed)) == "paid"
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 0, kiosk.now()))
    if granted:
        kiosk.append(RefundGranted(placed.order, "林涛", "账目不符"))
    kiosk.pushed()
    page = _act(boss, "payments_payment", "pay_back", placed.order).content.decode()
    assert ("已原路退回" in page, "尚未同意" in page) == (granted, not granted)


def test_an_order_whose_money_went_back_moves_nowhere(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    make_kiosk(4)
    row = _paid_at_a_dead_kiosk(kiosk)
    assert paying.pay_back(Payment.objects.get(), _now())
    assert not move(row, 4, "boss", _now())


def test_an_order_taken_from_a_dead_kiosk_is_the_new_ones_to_refund(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    row = _paid_at_a_dead_kiosk(kiosk)
    assert move(row, 4, "boss", _now())
    row.refresh_from_db()
    assert row.owner == 4
    assert not may_pay_back(row)
    (given,) = [each for each in other.feed() if type(each).__name__ == "OrderAssignedHere"]
    other.append(
        OrderAssigned(
            given.order, given.account, given.enterprise, given.operator, given.order_kind, given.lines,
            given.schedule, given.placed_at, given.transaction, given.paid_at, given.handover,
            other.feed_key(given),
        )
    )  # fmt: skip
    other.append(RefundGranted(given.order, "林涛", "asked"))
    other.pushed()
    assert not Matter.objects.exists()
    row.refresh_from_db()
    assert may_pay_back(row)


def test_an_order_is_handed_on_with_the_money_that_is_here() -> None:
    word = ledger.Payment(PaidHow.CODE, 34_000, 3, 10)
    first, second = (ledger.Payment(PaidHow.FEED, 34_000, 4, 20, each) for each in ("T1", "T2"))
    gone = replace(second, returned=True)
    desk = replace(word, how=PaidHow.DESK, supervisor="林涛")
    given = replace(word, how=PaidHow.FEED)
    for payments, transaction in (
        ((), ""),
        ((word,), ""),
        ((word, first, gone), "T1"),
        ((gone, first), "T1"),
        ((first, desk), ""),
        ((given, first), ""),
    ):
        order = replace(_ORDER, payments=payments)
        assert assignment(order).transaction == transaction


def test_nothing_is_bound_for_money_that_went_back(kiosk: KioskDouble) -> None:
    row = _paid_at_a_dead_kiosk(kiosk)
    assert paying.pay_back(Payment.objects.get(), _now())
    Kiosk.objects.filter(number=3).update(
        state=KioskState.ENROLLED
    )  # what was on its way before the revocation
    kiosk.append(BindingStarted(row.reference, 1, "SERIAL", "gmt", "SM2"))
    kiosk.pushed()
    assert Matter.objects.get().rule == "money-returned"


def test_staff_without_rights_see_nothing_and_do_nothing(kiosk: KioskDouble) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert clerk.get("/admin/").status_code == 200
    for page in (
        "fleet_kiosk",
        "ledger_ledgerorder",
        "payments_payment",
        "members_operator",
        "journal_entry",
    ):
        assert clerk.get(reverse(f"admin:{page}_changelist")).status_code == 403
        assert _act(clerk, page, "revoke", 3, remark="mine").status_code == 403
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED


@pytest.mark.parametrize(
    ("page", "model", "action"),
    [
        ("fleet_kiosk", "kiosk", "revoke"),
        ("fleet_kiosk", "kiosk", "enrolment_token"),
        ("fleet_machine", "machine", "retire"),
        ("fleet_machine", "machine", "revoke"),
        ("ledger_ledgerorder", "ledgerorder", "request_refund"),
        ("ledger_ledgerorder", "ledgerorder", "move"),
        ("ledger_ledgercertificate", "ledgercertificate", "revoke"),
        ("ledger_matter", "matter", "accept"),
        ("payments_payment", "payment", "pay_back"),
        ("members_operator", "operator", "approve"),
        ("journal_alarm", "alarm", "clear"),
    ],
)
def test_those_who_may_only_look_are_offered_no_action(
    kiosk: KioskDouble, page: str, model: str, action: str
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    client = Client()
    client.force_login(clerk)
    shown = client.get(reverse(f"admin:{page}_changelist"))
    assert shown.status_code == 200
    assert f'value="{action}"' not in shown.content.decode()
    assert "已" not in "".join(
        str(each) for each in _act(client, page, action, 3, remark="mine").context.get("messages", ())
    )
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED


def test_the_console_takes_no_form_from_another_site(kiosk: KioskDouble) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    assert _act(client, "fleet_kiosk", "revoke", 3, remark="mine").status_code == 403
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
