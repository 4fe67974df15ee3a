"""What the kiosks are told of money: the owner of an order hears of all of it, also when it owns the order only now."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kiosk.domain.feed import PaymentConfirmed, PaymentReturned, RefundPaid
from kiosk.domain.versions import audience_of_kiosk
from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.models import Kiosk
from sync.central.ledger.models import LedgerOrder
from sync.central.payments.models import (
    SETTLED,
    AttemptState,
    DeskPayment,
    DeskPaymentState,
    Payment,
    PaymentState,
)

MoneyBody = PaymentConfirmed | PaymentReturned | RefundPaid


def tell_money(told: Telling, orders: Collection[str]) -> None:
    """Tell the owners of these orders of all their money when the transaction ends.

    A payment and a hand-over may be written at once. Whichever commits last reads what the other one wrote: the owner then
    and the payments then. What an owner was told before is not told again.
    """
    orders = frozenset(orders)
    if orders:
        told.of_members(lambda: _tell_money_now(told, orders))


def _tell_money_now(told: Telling, orders: Collection[str]) -> None:
    for payment in Payment.objects.filter(order__in=orders).order_by("order"):
        audience = audience_of_kiosk(owning_kiosk(payment))
        for body in money_of(payment):
            told.tell(audience, body)


def money_of(payment: Payment) -> Iterator[MoneyBody]:
    """All that came in and went back for an order: the provider's, and the repayment of what only a desk had taken."""
    order = payment.order
    settled = list(payment.attempts.filter(state__in=SETTLED))
    for each in settled:
        paid_at = payment.opened_at if each.paid_at is None else each.paid_at
        yield PaymentConfirmed(order, each.amount, each.transaction, paid_at)
        if each.state == AttemptState.RETURNED:
            yield PaymentReturned(order, each.transaction, each.amount)
    refunded = [each for each in settled if each.state == AttemptState.REFUNDED]
    if refunded:
        yield RefundPaid(order, refunded[0].out_refund_no, sum(each.amount for each in refunded))
    elif payment.state == PaymentState.REFUNDED:
        desk = DeskPayment.objects.filter(order=order, state=DeskPaymentState.RETURNED)
        for row in desk.filter(settled_at=payment.refunded_at).order_by("key")[:1]:
            yield RefundPaid(order, f"desk-{row.key}", row.amount)


def owning_kiosk(payment: Payment) -> int:
    """The kiosk that the order belongs to now: the one that made it, unless it was moved to another known kiosk."""
    owner = LedgerOrder.objects.filter(reference=payment.order).values_list("owner", flat=True).first()
    return owner if owner is not None and Kiosk.objects.filter(number=owner).exists() else payment.kiosk
