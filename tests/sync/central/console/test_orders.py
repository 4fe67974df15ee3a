"""Orders on the console: paid back, moved to another kiosk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from msgspec.structs import asdict

from kiosk.domain.entries.orders import OrderPaid, OrderReleased, RefundGranted
from kiosk.domain.feed import (
    OrderAssignedHere,
    OrderMoved,
    RefundRequested,
)
from kiosk.domain.ledger import PaidHow
from sync.central.fleet.models import Kiosk
from sync.central.ledger.models import LedgerOrder
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentAttempt, SandboxTrade
from tests.support.books import remarks
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db


def test_a_refund_is_asked_of_the_kiosk_and_then_paid_back(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    Client().post(kiosk.page_path(placed), {"action": "pay"})
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.pushed()
    assert "尚未同意" in act(staff, Payment, "pay_back", placed.order)
    for model in (Payment, LedgerOrder):
        name = "ask" if model is Payment else "request_refund"
        assert "请先填写备注" in act(staff, model, name, placed.order)
        assert "已要求 3 号机退款" in act(staff, model, name, placed.order, remark="会员不办了")
        assert "会员不办了" in LogEntry.objects.latest("pk").change_message
    asked, *_ = [each for each in kiosk.feed() if isinstance(each, RefundRequested)]
    assert (asked.order, asked.by, asked.reason) == (placed.order, "admin", "会员不办了")
    kiosk.append(RefundGranted(placed.order, "admin", "asked", feed=kiosk.feed_key(asked)))
    kiosk.pushed()
    assert "已原路退回" in act(staff, Payment, "pay_back", placed.order)
    assert Payment.objects.get().state == "refunded"


def test_what_was_paid_twice_is_paid_back_alone(staff: Client, kiosk: KioskDouble) -> None:
    placed = kiosk.place()
    path = kiosk.page_path(placed)
    for action in ("decline", "pay"):
        Client().post(path, {"action": action})
    assert "没有多付的款" in act(staff, Payment, "return_surplus", placed.order)
    first = PaymentAttempt.objects.get(attempt=1)
    trades = SandboxTrade.objects.filter(pk=first.pk)
    trades.update(state="SUCCESS", transaction="LATE", paid_at=kiosk.now())
    paying.settle(first.pk, paying.provider().query(first.pk), kiosk.now())
    assert "重复付款" in staff.get(reverse("admin:journal_alarm_changelist")).content.decode()
    trades.update(amount=1)  # the provider refuses to pay another amount back
    assert "支付机构没有退回" in act(staff, Payment, "return_surplus", placed.order)
    trades.update(amount=34_000)
    assert "多付的 340.00 元已原路退回" in act(staff, Payment, "return_surplus", placed.order)
    assert Payment.objects.get().state == "paid"


def test_a_working_kiosk_lets_go_of_an_order_before_another_gets_it(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert "不能移交" in act(staff, LedgerOrder, "move", placed.order)
    assert "不能移交" in act(staff, LedgerOrder, "move", placed.order, target="99")
    assert "移交到 4 号机" in act(staff, LedgerOrder, "move", placed.order, target="4")
    (moved,) = [each for each in kiosk.feed() if isinstance(each, OrderMoved)]
    assert not [each for each in other.feed() if isinstance(each, OrderAssignedHere)]
    kiosk.append(OrderReleased(**asdict(moved), feed=kiosk.feed_key(moved)))
    kiosk.pushed()
    (given,) = [each for each in other.feed() if isinstance(each, OrderAssignedHere)]
    assert (given.order, given.lines, given.account) == (placed.order, placed.lines, placed.account)
    assert LedgerOrder.objects.get(reference=placed.order).owner == 4


def test_an_order_that_staff_moved_twice_at_once_goes_to_one_kiosk(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    others = [make_kiosk(4), make_kiosk(5)]
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    assert "移交到 4 号机" in act(staff, LedgerOrder, "move", placed.order, target="4")
    assert "不能移交" in act(staff, LedgerOrder, "move", placed.order, target="5")
    assert "移交到 4 号机" in act(staff, LedgerOrder, "move", placed.order, target="4")
    (moved,) = [each for each in kiosk.feed() if isinstance(each, OrderMoved)]
    kiosk.append(OrderReleased(**asdict(moved), feed=kiosk.feed_key(moved)))
    kiosk.append(OrderReleased(moved.order, 5, moved.handover, feed=kiosk.feed_key(moved)))
    kiosk.pushed()
    given = [[each for each in other.feed() if isinstance(each, OrderAssignedHere)] for other in others]
    assert [len(each) for each in given] == [1, 0]
    assert LedgerOrder.objects.get(reference=placed.order).owner == 4
    assert remarks() == {5: ["echoed-already"]}


def test_a_revoked_kiosks_order_is_given_to_another_at_once(
    staff: Client, kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    act(staff, Kiosk, "revoke", 3, remark="坏了")
    act(staff, LedgerOrder, "move", placed.order, target="4")
    assert [each.order for each in other.feed() if isinstance(each, OrderAssignedHere)] == [placed.order]
