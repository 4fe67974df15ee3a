"""Applying feed items at this kiosk, each in the transaction that moves the cursor.

What the feed says of an order is written to the journal with the item's number. An item that was applied before
(before the kiosk's tables were restored and its journal pulled back) changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import msgspec
from msgspec.structs import asdict, replace

from kiosk.domain.entries import (
    CertificateRevoked,
    OrderAssigned,
    OrderPaid,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.feed import (
    FORK_CLOSED,
    FORK_REASON,
    AnyFeedBody,
    DisputeRaised,
    DisputeSettled,
    EnterprisePublished,
    FeeSchedulePublished,
    KeyBoundElsewhere,
    OperatorPublished,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PaymentReturned,
    PolicyPublished,
    RefundPaid,
    RefundRequested,
    RevocationPublished,
    StaffPublished,
    UnappliedDismissed,
)
from kiosk.domain.inapplicable import InapplicableReason
from kiosk.domain.ledger import CertificateStatus, HandOver, Order, OrderStatus, PaidHow
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.vault import VaultItem
from sync.protocol.times import policy_holds

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.store.transaction import Transaction


class Inapplicable(Exception):
    """An item cannot be applied at this kiosk in its present state; `detail` is for staff and support."""

    def __init__(self, reason: InapplicableReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


def apply(tx: Transaction, number: int, body: AnyFeedBody, clock: Clock) -> None:  # noqa: C901, PLR0912 - one case a kind
    """Apply one item. Raises Inapplicable, EntryRefused, StoreError."""
    match body:
        case EnterprisePublished():
            tx.members.put_enterprise(body.enterprise)
        case OperatorPublished():
            tx.members.put_operator(body.operator)
        case StaffPublished():
            tx.members.put_staff(body.staff)
        case FeeSchedulePublished():
            tx.feed.put_schedule(body.schedule)
        case PolicyPublished():
            _policy(tx, body)
        case KeyBoundElsewhere():
            tx.feed.put_key_elsewhere(body)
        case OrderAssignedHere():
            _assigned(tx, number, body, clock)
        case OrderMoved():
            _moved(tx, number, body, clock)
        case PaymentConfirmed():
            _paid(tx, number, body, clock)
        case RefundRequested():
            _refund_asked(tx, number, body, clock)
        case RefundPaid():
            _refund_paid(tx, number, body, clock)
        case PaymentReturned():
            _surplus_returned(tx, number, body, clock)
        case RevocationPublished():
            _revoked(tx, number, body, clock)
        case DisputeRaised():
            tx.feed.put_dispute(body)
        case DisputeSettled():
            _settled(tx, body)
        case UnappliedDismissed():
            tx.feed.drop_unapplied(body.number)
        case _:
            assert_never(body)


def _settled(tx: Transaction, body: DisputeSettled) -> None:
    """Record how a dispute was settled; a fork that persists is raised again at the next comparison with the centre."""
    if body.outcome != FORK_CLOSED:
        tx.feed.settle_dispute(body)
        return
    for dispute in tx.feed.disputes():
        if dispute.raised.reason == FORK_REASON:
            tx.feed.settle_dispute(replace(body, sequence=dispute.raised.sequence))


def _policy(tx: Transaction, body: PolicyPublished) -> None:
    """Store a policy that the centre signed for this kiosk, unless a later one is stored."""
    centre_key, identity = tx.vault.get(VaultItem.CENTRE_KEY), tx.identity
    if centre_key is None or not policy_holds(body.policy, centre_key):
        raise Inapplicable(InapplicableReason.SIGNATURE_WRONG, "")
    try:
        policy = body.policy.read()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Inapplicable(InapplicableReason.MALFORMED, str(error)) from error
    if identity is None or policy.kiosk != identity.kiosk:
        raise Inapplicable(InapplicableReason.FOR_ANOTHER_KIOSK, str(policy.kiosk))
    current = tx.feed.signed_policy()
    if current is not None and current.read().number > policy.number:
        raise Inapplicable(InapplicableReason.SUPERSEDED, str(policy.number))
    tx.feed.put_policy(body.policy)


def _order(tx: Transaction, reference: str) -> Order:
    order = tx.ledger.order(reference)
    if order is None:
        raise Inapplicable(InapplicableReason.ORDER_UNKNOWN, reference)
    return order


def _assigned(tx: Transaction, number: int, body: OrderAssignedHere, clock: Clock) -> None:
    """Write the assigned order to the journal, unless it is this kiosk's already. Raises EntryRefused, NotEnrolled."""
    identity, known = tx.identity, tx.ledger.order(body.order)
    if known is not None and identity is not None and known.owner == identity.kiosk:
        return
    if known is not None and known.handover > body.handover:
        return  # it was taken and has moved on since
    previous = key_on_record(tx, body.account)
    tx.append(OrderAssigned(**asdict(body.facts), feed=number, previous=previous), clock)


def _moved(tx: Transaction, number: int, body: OrderMoved, clock: Clock) -> None:
    """Release an order of this kiosk; one that was released before is no longer this kiosk's to give away."""
    order, identity = _order(tx, body.order), tx.identity
    if HandOver(body.handover, body.new_owner) in order.released or order.handover > body.handover:
        return
    if identity is None or order.owner != identity.kiosk:
        raise Inapplicable(InapplicableReason.ORDER_OF_ANOTHER_KIOSK, f"{order.reference} {order.owner}")
    released = OrderReleased(order=body.order, new_owner=body.new_owner, handover=body.handover, feed=number)
    tx.append(released, clock)


def _paid(tx: Transaction, number: int, body: PaymentConfirmed, clock: Clock) -> None:
    """Record the payment whatever the order's state; each of the provider's transactions once."""
    order = _order(tx, body.order)
    known = any(
        payment.how is PaidHow.FEED and (payment.transaction == body.transaction or payment.feed == number)
        for payment in order.payments
    )
    if known:
        return
    paid = OrderPaid(
        order=body.order,
        how=PaidHow.FEED,
        amount=body.amount,
        paid_at=body.paid_at,
        transaction=body.transaction,
        feed=number,
    )
    tx.append(paid, clock)


def _refund_asked(tx: Transaction, number: int, body: RefundRequested, clock: Clock) -> None:
    """Grant a refund of an order that is paid and not bound; one that is being refunded needs no second grant."""
    order = _order(tx, body.order)
    if order.status in {OrderStatus.REFUNDING, OrderStatus.REFUNDED}:
        return
    if order.status is not OrderStatus.PAID:
        raise Inapplicable(
            InapplicableReason.ORDER_IN_ANOTHER_STATE, f"{order.reference} {order.status.value}"
        )
    tx.append(RefundGranted(order=body.order, by=body.by, reason=body.reason, feed=number), clock)


def _refund_paid(tx: Transaction, number: int, body: RefundPaid, clock: Clock) -> None:
    order = _order(tx, body.order)
    if order.status is OrderStatus.REFUNDED:
        return
    tx.append(RefundCompleted(order=body.order, amount=body.amount, feed=number), clock)


def _surplus_returned(tx: Transaction, number: int, body: PaymentReturned, clock: Clock) -> None:
    order = _order(tx, body.order)
    if any(payment.returned and payment.transaction == body.transaction for payment in order.payments):
        return
    returned = SurplusReturned(
        order=body.order, transaction=body.transaction, amount=body.amount, feed=number
    )
    tx.append(returned, clock)


def _revoked(tx: Transaction, number: int, body: RevocationPublished, clock: Clock) -> None:
    """Record the revocation of a certificate of this kiosk in the journal, or mark a key bound elsewhere; ignore others."""
    certificate = tx.ledger.certificate(body.number)
    if certificate is not None:
        if certificate.status is not CertificateStatus.REVOKED:
            tx.append(CertificateRevoked(number=body.number, reason=body.reason, feed=number), clock)
        return
    key = tx.feed.key_elsewhere(body.account)
    if key is not None and key.number == body.number:
        tx.feed.put_key_elsewhere(replace(key, lost=True, revoked=True))
