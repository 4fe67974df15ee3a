"""How the payments handle received entries, and their answer to the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.ledger import PaidHow
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Fact
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.payments.models import UNPAID, Payment, PaymentState
from sync.central.payments.vouched import record_vouched


def take_received(
    sender: object, *, received: list[ReceivedEntry], facts: list[Fact], now: int, **_named: object
) -> None:
    """Record the payments that these entries report (a receiver of `entries_received`)."""
    del sender
    _flag_unpaid(facts, now)
    record_vouched(received, now)


def money_returned(order: str, *, lock: bool) -> bool:
    """Whether an order's money was refunded through the provider or at the desk (ledger/money.py)."""
    payments = Payment.objects.select_for_update() if lock else Payment.objects.all()
    return payments.filter(order=order, state=PaymentState.REFUNDED).exists()


def _flag_unpaid(facts: Iterable[Fact], now: int) -> None:
    """Raise an alarm for a confirmation at a kiosk of a payment that the centre does not have."""
    for fact in facts:
        if fact.how not in {"", PaidHow.DESK.value} and not _paid(fact.order):
            detail = f"确认方式 {fact.how}，中心没有这笔收款"
            raise_alarm(AlarmKind.UNPAID_CONFIRMATION, fact.kiosk, fact.order, detail, now)


def _paid(order: str) -> bool:
    """Whether the provider has or had money for an order."""
    return Payment.objects.filter(order=order).exclude(state__in=UNPAID).exists()
