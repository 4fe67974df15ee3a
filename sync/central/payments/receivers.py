"""How the payments handle received entries, and their answer to the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from sync.central.journal.alarms import Cause, raise_alarms
from sync.central.journal.models import AlarmKind, Fact
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.ledger.money import PaidOrder
from sync.central.payments.models import UNPAID, Payment, PaymentState
from sync.central.payments.vouched import record_vouched


def take_received(
    sender: object, *, received: list[ReceivedEntry], facts: list[Fact], now: int, **_named: object
) -> None:
    """Record the payments that these entries report (a receiver of `entries_received`)."""
    del sender
    _flag_unpaid(facts, now)
    record_vouched(received, now)


def money_returned(orders: Collection[str]) -> set[str]:
    """Those of these orders whose money was refunded through the provider or at the desk (ledger/money.py)."""
    return {order for order, state in _states(orders) if state == PaymentState.REFUNDED}


def money_held(accounts: Collection[str]) -> list[PaidOrder]:
    """The orders of these accounts whose money the provider has (ledger/money.py)."""
    # The state is looked at here: its index would lead through the payments of everybody.
    rows = Payment.objects.filter(account__in=accounts).order_by()
    paid = [row for row in rows if row.state == PaymentState.PAID]
    return [
        PaidOrder(row.order, row.account, OrderKind(row.kind), row.kiosk, row.paid_at or row.opened_at)
        for row in paid
        if row.kind in set(OrderKind)
    ]


def _states(orders: Collection[str]) -> list[tuple[str, str]]:
    return list(Payment.objects.filter(order__in=orders).order_by().values_list("order", "state"))


def _flag_unpaid(facts: Iterable[Fact], now: int) -> None:
    """Raise an alarm for a confirmation at a kiosk of a payment that the centre does not have."""
    confirmed = [fact for fact in facts if fact.how not in {"", PaidHow.DESK.value}]
    if not confirmed:
        return
    known = {order for order, state in _states({fact.order for fact in confirmed}) if state not in UNPAID}
    unknown = (fact for fact in confirmed if fact.order not in known)
    raise_alarms(
        (
            Cause(
                AlarmKind.UNPAID_CONFIRMATION,
                fact.kiosk,
                fact.order,
                f"确认方式 {fact.how}，中心没有这笔收款",
            )
            for fact in unknown
        ),
        now,
    )
