"""Money that a desk vouched for: listed with the payments, reconciled by a person, never paid twice unseen."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from kiosk.domain.entries.orders import (
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    RefundCompleted,
    SurplusReturned,
)
from kiosk.domain.feed import PaymentConfirmed, PaymentReturned, RefundPaid
from kiosk.domain.ledger import OrderStatus, PaidHow
from sync.central.examples import Examples
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.ledger.models import LedgerOrder, Matter
from sync.central.ledger.rows import order_record
from sync.central.payments import paying
from sync.central.payments.models import DeskPayment, Payment, PaymentAttempt, PaymentState, SandboxTrade
from tests.support.kiosk_double import KioskDouble
from tests.support.query_plans import statements

pytestmark = pytest.mark.django_db
TOTAL = 34_000


@pytest.fixture
def staff(examples: Examples) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client


@pytest.fixture
def kiosk(kiosk: KioskDouble) -> Any:
    kiosk.feed()
    return kiosk


def _act(client: Client, model: type[Any], action: str, key: object, **more: str) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    chosen = {"action": action, "_selected_action": [str(key)], **more}
    return client.post(reverse(name), chosen, follow=True).content.decode()


def _list(client: Client, **chosen: str) -> str:
    return client.get(reverse("admin:payments_payment_changelist"), chosen).content.decode()


def _post(kiosk: KioskDouble, placed: OrderPlaced, action: str = "pay") -> Any:
    return (
        Client()
        .post(kiosk.page_path(placed), {"action": action}, headers={"accept": "application/json"})
        .json()
    )


def _vouch(kiosk: KioskDouble, placed: OrderPlaced, amount: int = TOTAL) -> None:
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, amount, kiosk.now(), supervisor="林涛"))


def _echo(kiosk: KioskDouble) -> PaymentConfirmed:
    """Enter the money that the feed tells of, as the kiosk does."""
    (told,) = [each for each in kiosk.feed() if isinstance(each, PaymentConfirmed)]
    number = kiosk.feed_key(told)
    kiosk.append(OrderPaid(told.order, PaidHow.FEED, told.amount, told.paid_at, told.transaction, number))
    assert isinstance(told, PaymentConfirmed)
    return told


def _alarms(kind: AlarmKind) -> list[str]:
    return [each.subject for each in Alarm.objects.filter(kind=kind, cleared_at=None)]


def _status(order: str) -> OrderStatus:
    return order_record(LedgerOrder.objects.get(reference=order)).status


def test_money_that_a_desk_vouched_for_is_listed_with_the_payments_until_somebody_reconciles_it(
    kiosk: KioskDouble, staff: Client
) -> None:
    placed = kiosk.place()
    _vouch(kiosk, placed)
    kiosk.pushed()
    kiosk.pushed()
    row, payment = DeskPayment.objects.get(), Payment.objects.get()
    assert (row.order, row.account, row.amount, row.supervisor) == (placed.order, "11000001", TOTAL, "林涛")
    assert (payment.order, payment.kind, payment.state) == (placed.order, "new", PaymentState.VOUCHED)
    listed = _list(staff, state="vouched")
    assert placed.order in listed
    assert "林涛" in listed
    assert _alarms(AlarmKind.DESK_CONFIRMATION) == [placed.order]
    assert _post(kiosk, placed)["state"] == "paid"
    assert not PaymentAttempt.objects.exists(), "nothing more is taken on the page"
    assert "请先填写备注" in _act(staff, DeskPayment, "apart", row.pk)
    assert "现在不能标记" in _act(staff, DeskPayment, "same", row.pk, remark="x"), "no provider has it"
    assert "现在不能标记" in _act(staff, DeskPayment, "paid_back", row.pk, remark="x"), "not granted"
    assert "另收的款，已核对" in _act(staff, DeskPayment, "apart", row.pk, remark="银行回单 17")
    row.refresh_from_db()
    assert (row.state, row.settled_by, row.remark) == ("received", "admin", "银行回单 17")
    assert "银行回单 17" in LogEntry.objects.get(object_id=row.pk).get_change_message()
    assert _alarms(AlarmKind.DESK_CONFIRMATION) == []


@pytest.mark.parametrize("online_first", [True, False])
def test_what_was_paid_online_beside_the_desk_s_own_money_goes_back_though_the_key_is_bound(
    kiosk: KioskDouble,
    staff: Client,
    online_first: bool,  # noqa: FBT001 - the parameter
) -> None:
    placed = kiosk.place()
    if online_first:
        _post(kiosk, placed)
    else:
        Client().get(kiosk.page_path(placed))
        _post(kiosk, placed, "decline")
    _vouch(kiosk, placed)
    kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    if not online_first:  # the provider tells of money for an attempt that it had closed
        number = PaymentAttempt.objects.get().out_trade_no
        SandboxTrade.objects.update(state="SUCCESS", transaction="LATE", paid_at=kiosk.now())
        paying.settle(number, paying.provider().query(number), kiosk.now())
    told = _echo(kiosk)
    kiosk.pushed()
    assert _alarms(AlarmKind.PAID_TWICE) == [placed.order]
    assert "担保待核对" in _list(staff, surplus="vouched")
    assert "没有多付的款" in _act(staff, Payment, "return_surplus", placed.order), "a person decides first"
    _act(staff, DeskPayment, "apart", DeskPayment.objects.get().pk, remark="现金在柜")
    assert placed.order in _list(staff, surplus="refunding")
    assert "340.00 元已原路退回" in _act(staff, Payment, "return_surplus", placed.order)
    assert "没有多付的款" in _act(staff, Payment, "return_surplus", placed.order)
    assert placed.order in _list(staff, surplus="refunded")
    assert _alarms(AlarmKind.PAID_TWICE) == []
    (back,) = [each for each in kiosk.feed() if isinstance(each, PaymentReturned)]
    assert (back.order, back.transaction, back.amount) == (placed.order, told.transaction, TOTAL)
    kiosk.append(SurplusReturned(back.order, back.transaction, back.amount, kiosk.feed_key(back)))
    kiosk.pushed()
    order = order_record(LedgerOrder.objects.get(reference=placed.order))
    assert (order.status, order.received, order.returned) == (OrderStatus.BOUND, TOTAL, TOTAL)
    assert not Matter.objects.exists()
    assert SandboxTrade.objects.get().state == "REFUND"


def test_what_the_desk_vouched_for_and_the_provider_has_may_be_one_payment(
    kiosk: KioskDouble, staff: Client
) -> None:
    placed = kiosk.place()
    _post(kiosk, placed)
    _vouch(kiosk, placed)
    kiosk.pushed()
    row = DeskPayment.objects.get()
    assert "与网上缴费是同一笔" in _act(staff, DeskPayment, "same", row.pk, remark="付款记录已看")
    assert _alarms(AlarmKind.PAID_TWICE) == _alarms(AlarmKind.DESK_CONFIRMATION) == []
    assert "没有多付的款" in _act(staff, Payment, "return_surplus", placed.order)
    assert "现在不能标记" in _act(staff, DeskPayment, "apart", row.pk, remark="x"), "it was decided"
    assert placed.order not in _list(staff, surplus="vouched")


def test_the_desk_s_money_of_an_order_that_had_ended_is_given_back_at_the_desk(
    kiosk: KioskDouble, staff: Client
) -> None:
    placed = kiosk.place()
    kiosk.append(OrderCancelled(placed.order, "member"))
    _vouch(kiosk, placed)
    kiosk.pushed()
    assert _status(placed.order) is OrderStatus.REFUNDING
    row = DeskPayment.objects.get()
    assert "支付机构没有退回" in _act(staff, Payment, "pay_back", placed.order)
    assert "已在柜台退还" in _act(staff, DeskPayment, "paid_back", row.pk, remark="收条 3")
    assert "现在不能标记" in _act(staff, DeskPayment, "paid_back", row.pk, remark="收条 3")
    (told,) = [each for each in kiosk.feed() if isinstance(each, RefundPaid)]
    assert (told.order, told.amount) == (placed.order, TOTAL)
    kiosk.append(RefundCompleted(placed.order, TOTAL, kiosk.feed_key(told)))
    kiosk.pushed()
    assert _status(placed.order) is OrderStatus.REFUNDED
    assert Payment.objects.get().state == PaymentState.REFUNDED


def test_another_kiosk_s_word_changes_nothing_of_what_the_page_takes(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], staff: Client
) -> None:
    placed = kiosk.place()
    other = make_kiosk(4)
    _vouch(other, placed, amount=1)
    other.pushed()
    assert Payment.objects.get().state == PaymentState.VOUCHED
    assert _post(kiosk, placed)["state"] == "paid"
    payment = Payment.objects.get()
    assert (payment.state, payment.kiosk, payment.amount, payment.kind) == (
        PaymentState.PAID,
        3,
        TOTAL,
        "new",
    )
    assert SandboxTrade.objects.get().amount == TOTAL


def test_the_word_of_a_revoked_kiosk_is_listed_and_makes_no_page_payable(kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    Kiosk.objects.update(state=KioskState.REVOKED)
    _vouch(kiosk, placed)
    kiosk.pushed()
    assert DeskPayment.objects.get().supervisor == "林涛"
    assert Client().get(kiosk.page_path(placed)).status_code == 403


def test_one_transaction_told_for_two_tries_is_one_payment_and_pointed_out(kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    _post(kiosk, placed, "decline")
    _post(kiosk, placed)
    first, second = PaymentAttempt.objects.order_by("attempt")
    for _ in range(2):
        SandboxTrade.objects.filter(pk=first.pk).update(
            state="SUCCESS", transaction=second.transaction, paid_at=kiosk.now()
        )
        paying.settle(first.out_trade_no, paying.provider().query(first.out_trade_no), kiosk.now())
    assert len([each for each in kiosk.feed() if isinstance(each, PaymentConfirmed)]) == 1
    assert _alarms(AlarmKind.PAID_TWICE) == [first.out_trade_no]
    assert not paying.surplus(Payment.objects.get()).exists()


def test_what_was_vouched_for_before_the_table_was_there_is_listed_when_it_is_made(
    kiosk: KioskDouble,
) -> None:
    placed = kiosk.place()
    _vouch(kiosk, placed)
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, TOTAL, kiosk.now()))
    kiosk.pushed()
    rows = [list(model.objects.values()) for model in (DeskPayment, Payment)]
    DeskPayment.objects.all().delete()
    Payment.objects.all().delete()
    migration = importlib.import_module("sync.central.payments.migrations.0003_desk_payments")
    for _ in range(2):
        migration.list_vouched(apps, None)
    importlib.import_module("sync.central.payments.migrations.0005_order_references").fill_numbers(apps, None)
    assert [list(model.objects.values()) for model in (DeskPayment, Payment)] == rows


def test_a_batch_of_many_vouched_payments_takes_as_many_statements_as_one_of_a_few(
    kiosk: KioskDouble,
) -> None:
    def sent(accounts: range) -> int:
        entries_before = len(kiosk.entries)
        for account in accounts:
            placed = kiosk.place(account=str(account))
            paid = OrderPaid(placed.order, PaidHow.DESK, TOTAL, kiosk.now(), supervisor="林涛")
            kiosk.append(paid)
        with statements() as found:
            assert kiosk.upload(kiosk.entries[entries_before:]).status == 200
        return len(found)

    kiosk.pushed()
    few, many = sent(range(21_000_000, 21_000_002)), sent(range(22_000_000, 22_000_040))
    assert many == few
    assert DeskPayment.objects.count() == Payment.objects.count() == 42
