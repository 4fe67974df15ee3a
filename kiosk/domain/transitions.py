"""`transition(ledger, entry)`: the state after one journal entry; the same at the kiosk and at the centre.

A transition reads the ledger and the entry and nothing else, and returns the rows that change. It raises EntryWaits
when the entry names something that has not arrived, EntryDisputed when it contradicts the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from kiosk.domain import binding_transitions as binding
from kiosk.domain import key_transitions as keys
from kiosk.domain.entries import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateRevoked,
    CertificateWritten,
    DeliveryChosen,
    EpochBegan,
    HoldLifted,
    KeyErased,
    KeyFound,
    KeyPairMade,
    LossReported,
    MatterDecided,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderTakenOver,
    PinChanged,
    PinChangeSkipped,
    PinUnblocked,
    RefundCompleted,
    RefundGranted,
    RegisterDecided,
    SurplusReturned,
)
from kiosk.domain.errors import DisputeReason, EntryDisputed
from kiosk.domain.journal import Entry, SealedEntry
from kiosk.domain.ledger import (
    Account,
    CertificateStatus,
    HandOver,
    Ledger,
    MemoryLedger,
    Order,
    OrderStatus,
    PaidHow,
    Payment,
    Row,
)
from kiosk.domain.lookups import account_of, certificate_of, order_of, owned_order_of
from kiosk.domain.succession import taken_over


def transition(ledger: Ledger, entry: Entry) -> tuple[Row, ...]:  # noqa: C901, PLR0911, PLR0912 - one case an entry kind
    """The rows that this entry changes. Raises EntryWaits, EntryDisputed."""
    body = entry.body
    match body:
        case EpochBegan() | RegisterDecided() | OrderTakenOver() | MatterDecided():
            return ()
        case OrderPlaced():
            return _placed(ledger, entry, body)
        case OrderAssigned():
            return _assigned(ledger, entry, body)
        case OrderReleased():
            return _released(ledger, entry, body)
        case OrderPaid():
            return _paid(ledger, entry, body)
        case OrderCancelled():
            return _closed(ledger, entry, body.order, OrderStatus.CANCELLED)
        case OrderExpired():
            return _closed(ledger, entry, body.order, OrderStatus.EXPIRED)
        case DeliveryChosen():
            return (replace(owned_order_of(ledger, entry, body.order), delivery=body.delivery),)
        case BindingStarted():
            return binding.started(ledger, entry, body)
        case KeyPairMade():
            return binding.key_pair_made(ledger, entry, body)
        case CertificateIssued():
            return binding.issued(ledger, entry, body)
        case CertificateWritten():
            return binding.written(ledger, entry, body)
        case CertificateProved():
            return binding.proved(ledger, entry, body)
        case Bound():
            return binding.bound(ledger, entry, body)
        case BindingAbandoned():
            return binding.abandoned(ledger, entry, body)
        case LossReported():
            return keys.loss_reported(ledger, body)
        case KeyFound():
            return keys.found(ledger, body)
        case HoldLifted():
            return keys.hold_lifted(ledger, body)
        case PinChanged() | PinChangeSkipped() | PinUnblocked() | KeyErased():
            return ()
        case RefundGranted():
            return _refund_granted(ledger, entry, body)
        case RefundCompleted():
            return _refund_completed(ledger, body)
        case SurplusReturned():
            return _surplus_returned(ledger, body)
        case CertificateRevoked():
            return _revoked(ledger, body)
        case _:
            assert_never(body)


def fold(entries: Iterable[SealedEntry]) -> MemoryLedger:
    """The state that these entries of one kiosk make, from nothing. Raises EntryWaits, EntryDisputed."""
    ledger = MemoryLedger()
    for sealed in entries:
        ledger.put(transition(ledger, sealed.entry))
    return ledger


def _opened(ledger: Ledger, order: Order) -> tuple[Row, ...]:
    if ledger.order(order.reference) is not None:
        raise EntryDisputed(DisputeReason.ORDER_EXISTS, order.reference)
    account, rows = taken_over(ledger, _with_open_order(ledger, order), order.previous)
    return order, account, *rows


def _with_open_order(ledger: Ledger, order: Order) -> Account:
    account = account_of(ledger, order.account)
    other = account.open_orders.get(order.kind)
    if other is not None:
        raise EntryDisputed(DisputeReason.ORDER_OPEN_ALREADY, other)
    return replace(account, open_orders={**account.open_orders, order.kind: order.reference})


def _placed(ledger: Ledger, entry: Entry, body: OrderPlaced) -> tuple[Row, ...]:
    order = Order(
        reference=body.order,
        owner=entry.kiosk,
        kind=body.order_kind,
        account=body.account,
        enterprise=body.enterprise,
        operator=body.operator,
        lines=body.lines,
        schedule=body.schedule,
        placed_at=entry.wall,
        deadline=body.deadline,
        sequence=entry.sequence,
        order_code=body.order_code,
        previous=body.previous,
    )
    return _opened(ledger, order)


def _assigned(ledger: Ledger, entry: Entry, body: OrderAssigned) -> tuple[Row, ...]:
    known = ledger.order(body.order)
    if known is not None:
        return _moved(ledger, entry, known, HandOver(body.handover, entry.kiosk))
    order = Order(
        reference=body.order,
        owner=entry.kiosk,
        kind=body.order_kind,
        account=body.account,
        enterprise=body.enterprise,
        operator=body.operator,
        lines=body.lines,
        schedule=body.schedule,
        placed_at=body.placed_at,
        deadline=body.paid_at,
        sequence=entry.sequence,
        previous=body.previous,
        handover=body.handover,
    )
    # Without a transaction somebody vouched for it; the provider's may follow and is the same money.
    transaction = body.transaction or None
    payment = Payment(
        PaidHow.FEED, order.total, entry.sequence, body.paid_at, transaction=transaction, feed=body.feed
    )
    return _opened(ledger, replace(order, status=OrderStatus.PAID, payments=(payment,)))


def _released(ledger: Ledger, entry: Entry, body: OrderReleased) -> tuple[Row, ...]:
    """Only its owner lets go of an order, and once: what it let go of is no longer its to give to a third kiosk."""
    order = order_of(ledger, body.order)
    if order.owner not in {entry.kiosk, body.new_owner}:
        raise EntryDisputed(DisputeReason.ORDER_OF_ANOTHER_KIOSK, order.reference)
    return _moved(ledger, entry, order, HandOver(body.handover, body.new_owner))


def _moved(ledger: Ledger, entry: Entry, order: Order, given: HandOver) -> tuple[Row, ...]:
    """The order with another owner, by either kiosk's entry; what was issued for it is void, and attempts count from one."""
    owner = given.owner
    if order.owner == owner:
        return (order,)
    if not order.status.is_open:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    rows = (replace(order, owner=owner, handover=given.handover, bindings=()), *binding.voided(ledger, order))
    if ledger.complete:
        return rows
    if owner == entry.kiosk:
        return (*rows, _with_open_order(ledger, order))
    return (*rows, binding.without_open_order(ledger, order))


def _paid(ledger: Ledger, entry: Entry, body: OrderPaid) -> tuple[Row, ...]:
    order = order_of(ledger, body.order)
    if body.amount != order.total:
        raise EntryDisputed(DisputeReason.AMOUNT_DIFFERS, order.reference)
    payment = Payment(
        body.how, body.amount, entry.sequence, body.paid_at, body.transaction, body.feed, body.supervisor
    )
    order = replace(order, payments=(*order.payments, payment))
    match order.status:
        case OrderStatus.PLACED:
            return (replace(order, status=OrderStatus.PAID),)
        case OrderStatus.CANCELLED | OrderStatus.EXPIRED:
            return (replace(order, status=OrderStatus.REFUNDING),)
        case OrderStatus.PAID | OrderStatus.BOUND | OrderStatus.REFUNDING | OrderStatus.REFUNDED:
            return (order,)
        case _:
            assert_never(order.status)


def _closed(ledger: Ledger, entry: Entry, reference: str, status: OrderStatus) -> tuple[Row, ...]:
    order = owned_order_of(ledger, entry, reference)
    if order.status is not OrderStatus.PLACED:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    return replace(order, status=status), binding.without_open_order(ledger, order)


def _refund_granted(ledger: Ledger, entry: Entry, body: RefundGranted) -> tuple[Row, ...]:
    order = owned_order_of(ledger, entry, body.order)
    if order.status is not OrderStatus.PAID:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    refunding = replace(order, status=OrderStatus.REFUNDING, refund_reason=body.reason)
    rows: tuple[Row, ...] = (refunding, binding.without_open_order(ledger, order))
    return rows + binding.voided(ledger, order)


def _refund_completed(ledger: Ledger, body: RefundCompleted) -> tuple[Row, ...]:
    order = order_of(ledger, body.order)
    if order.status is not OrderStatus.REFUNDING:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    if body.amount != order.received:
        raise EntryDisputed(DisputeReason.AMOUNT_DIFFERS, order.reference)
    return (replace(order, status=OrderStatus.REFUNDED),)


def _surplus_returned(ledger: Ledger, body: SurplusReturned) -> tuple[Row, ...]:
    """One of the provider's transactions was paid back; other money covers the order."""
    order = order_of(ledger, body.order)
    ours = [each for each in order.payments if each.transaction == body.transaction]
    if not ours or any(each.returned or each.amount != body.amount for each in ours):
        raise EntryDisputed(DisputeReason.AMOUNT_DIFFERS, order.reference)
    payments = tuple(replace(each, returned=True) if each in ours else each for each in order.payments)
    after = replace(order, payments=payments)
    if after.received < order.total:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    return (after,)


def _revoked(ledger: Ledger, body: CertificateRevoked) -> tuple[Row, ...]:
    certificate = certificate_of(ledger, body.number)
    if certificate.status is CertificateStatus.VOID:
        return (certificate,)
    rows: list[Row] = [replace(certificate, status=CertificateStatus.REVOKED)]
    account = account_of(ledger, certificate.account)
    if account.key is not None and account.key.number == body.number:
        rows.append(replace(account, key=account.key.out_of_use()))
    return tuple(rows)
