"""What one kiosk's entries make of an order: its own view, from its own journal alone.

A step returns the order after the entry, or raises DoesNotFollow. Binding attempts are in `binding_steps`.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from kiosk.domain.entries.orders import (
    DeliveryChosen,
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderReleased,
    OrderTakenOver,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import AssignedOrder, HandOver, Order, OrderStatus, PaidHow, Payment
from kiosk.domain.remarks import DoesNotFollow, RemarkReason

OrderStep = (
    OrderReleased
    | OrderPaid
    | OrderCancelled
    | OrderExpired
    | DeliveryChosen
    | RefundGranted
    | RefundCompleted
    | SurplusReturned
)


def placing_kiosk(reference: str) -> int:
    """The kiosk that an order's reference names; 0 for a text that names none."""
    first = reference.partition("-")[0]
    return int(first) if first.isascii() and first.isdigit() else 0


def owned(order: Order) -> Order:
    """The order, if the kiosk whose view it is owns it. Raises DoesNotFollow."""
    if order.owner != order.told_by:
        raise DoesNotFollow(RemarkReason.ORDER_OF_ANOTHER_KIOSK, order.reference)
    return order


def in_state(order: Order, *states: OrderStatus) -> Order:
    """The order, if it is owned and in one of these states. Raises DoesNotFollow."""
    if owned(order).status not in states:
        raise DoesNotFollow(RemarkReason.ORDER_IN_ANOTHER_STATE, order.reference)
    return order


def placed(known: Order | None, entry: Entry, body: OrderPlaced) -> Order:
    """A new order. Raises DoesNotFollow where the journal has it, or its number names another kiosk."""
    if known is not None:
        raise DoesNotFollow(RemarkReason.ORDER_EXISTS, body.order)
    if placing_kiosk(body.order) != entry.kiosk:
        raise DoesNotFollow(RemarkReason.ORDER_OF_ANOTHER_KIOSK, body.order)
    return Order(
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
        told_by=entry.kiosk,
    )


def assigned(known: Order | None, entry: Entry, body: OrderAssigned) -> Order:
    """The order with this kiosk as its owner; attempts count from one. Raises DoesNotFollow."""
    if known is None:
        given = _given(entry, body, entry.kiosk)
        return replace(given, payments=(_payment(entry, body, body.feed),), previous=body.previous)
    if body.handover <= known.handover or known.owner == entry.kiosk:
        raise DoesNotFollow(RemarkReason.HANDOVER_DIFFERS, known.reference)
    if not known.status.is_open:
        raise DoesNotFollow(RemarkReason.ORDER_IN_ANOTHER_STATE, known.reference)
    return replace(
        known,
        owner=entry.kiosk,
        handover=body.handover,
        status=OrderStatus.PAID,
        payments=_with_carried(known.payments, entry, body),
    )


def _with_carried(known: tuple[Payment, ...], entry: Entry, body: OrderAssigned) -> tuple[Payment, ...]:
    """An order's payments with the one that its assignment carries, unless that is among them."""
    carried = _payment(entry, body, body.feed)
    is_known = any(
        each.is_vouched_for if carried.is_vouched_for else each.transaction == carried.transaction
        for each in known
    )
    return known if is_known else (*known, carried)


def taken_over(known: Order | None, entry: Entry, body: OrderTakenOver) -> Order:
    """The exchange's own view of an order that it gives to another owner. Raises DoesNotFollow."""
    if entry.kiosk != EXCHANGE_KIOSK:
        raise DoesNotFollow(RemarkReason.NOT_THE_EXCHANGE, body.order)
    if known is None:
        known = replace(_given(entry, body, body.new_owner), payments=(_payment(entry, body, None),))
    elif body.handover <= known.handover:
        raise DoesNotFollow(RemarkReason.HANDOVER_DIFFERS, known.reference)
    return _handed_over(known, HandOver(body.handover, body.new_owner))


def _given(entry: Entry, body: AssignedOrder, owner: int) -> Order:
    return Order(
        reference=body.order,
        owner=owner,
        kind=body.order_kind,
        account=body.account,
        enterprise=body.enterprise,
        operator=body.operator,
        lines=body.lines,
        schedule=body.schedule,
        placed_at=body.placed_at,
        deadline=body.paid_at,
        sequence=entry.sequence,
        status=OrderStatus.PAID,
        handover=body.handover,
        told_by=entry.kiosk,
    )


def _payment(entry: Entry, body: AssignedOrder, feed: str | None) -> Payment:
    # Without a transaction somebody vouched for it; the provider's may follow and is the same money.
    amount = sum(line.amount for line in body.lines)
    return Payment(
        PaidHow.FEED, amount, entry.sequence, body.paid_at, transaction=body.transaction or None, feed=feed
    )


def _handed_over(order: Order, given: HandOver) -> Order:
    return replace(
        order,
        owner=given.owner,
        handover=given.handover,
        released=(*order.released, given),
        bindings=(),
    )


def step(order: Order, entry: Entry, body: OrderStep) -> Order:  # noqa: PLR0911 - one case an entry kind
    """The order after one of its entries, attempts to bind apart. Raises DoesNotFollow."""
    match body:
        case OrderReleased():
            return _released(order, body)
        case OrderPaid():
            return _paid(order, entry, body)
        case OrderCancelled():
            return replace(in_state(order, OrderStatus.PLACED), status=OrderStatus.CANCELLED)
        case OrderExpired():
            return replace(in_state(order, OrderStatus.PLACED), status=OrderStatus.EXPIRED)
        case DeliveryChosen():
            return replace(owned(order), delivery=body.delivery)
        case RefundGranted():
            return _refund_granted(order, body)
        case RefundCompleted():
            return _refund_completed(order, body)
        case SurplusReturned():
            return _surplus_returned(order, body)
        case _:
            assert_never(body)


def _released(order: Order, body: OrderReleased) -> Order:
    in_state(order, OrderStatus.PLACED, OrderStatus.PAID)
    if body.handover <= order.handover or body.new_owner == order.owner:
        raise DoesNotFollow(RemarkReason.HANDOVER_DIFFERS, order.reference)
    return _handed_over(order, HandOver(body.handover, body.new_owner))


def _paid(order: Order, entry: Entry, body: OrderPaid) -> Order:
    """Money is taken in every state; of an order that was given away it changes no state."""
    if body.amount != order.total:
        raise DoesNotFollow(RemarkReason.AMOUNT_DIFFERS, order.reference)
    payment = Payment(
        body.how, body.amount, entry.sequence, body.paid_at, body.transaction, body.feed, body.supervisor
    )
    order = replace(order, payments=(*order.payments, payment))
    if order.owner != order.told_by:
        return order
    match order.status:
        case OrderStatus.PLACED:
            return replace(order, status=OrderStatus.PAID)
        case OrderStatus.CANCELLED | OrderStatus.EXPIRED:
            return replace(order, status=OrderStatus.REFUNDING)
        case OrderStatus.PAID | OrderStatus.BOUND | OrderStatus.REFUNDING | OrderStatus.REFUNDED:
            return order
        case _:
            assert_never(order.status)


def _refund_granted(order: Order, body: RefundGranted) -> Order:
    """A paid order's; a bound one's only once it was decided that its certificate is out of use."""
    revoked = bool(order.bindings) and order.bindings[-1].revoked
    in_state(order, OrderStatus.PAID, *((OrderStatus.BOUND,) if revoked else ()))
    return replace(order, status=OrderStatus.REFUNDING, refund_reason=body.reason)


def _refund_completed(order: Order, body: RefundCompleted) -> Order:
    """The money is back with the payer; of a paid order also where the exchange did not wait for its owner's word."""
    in_state(order, OrderStatus.PAID, OrderStatus.REFUNDING)
    if body.amount != order.received:
        raise DoesNotFollow(RemarkReason.AMOUNT_DIFFERS, order.reference)
    return replace(order, status=OrderStatus.REFUNDED)


def _surplus_returned(order: Order, body: SurplusReturned) -> Order:
    """One of the provider's transactions was paid back; other money covers the order."""
    ours = [each for each in order.payments if each.transaction == body.transaction]
    if not ours or any(each.returned or each.amount != body.amount for each in ours):
        raise DoesNotFollow(RemarkReason.AMOUNT_DIFFERS, order.reference)
    payments = tuple(replace(each, returned=True) if each in ours else each for each in order.payments)
    after = replace(order, payments=payments)
    if after.received < order.total:
        raise DoesNotFollow(RemarkReason.ORDER_IN_ANOTHER_STATE, order.reference)
    return after
