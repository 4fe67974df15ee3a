"""会员缴费记录 and an order's story, from what the order and its requests say: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.member.views import MoneyKind, MoneyLine, StoryLine, StoryStep
from kiosk.domain.ledger import BindingStep, OrderStatus
from kiosk.domain.requests import DeliveryState, InvoiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kiosk.desk.requests.views import DeliveryView, InvoiceView, RequestsView
    from kiosk.domain.ledger import Certificate, Order, Payment

_GOES_BACK = {OrderStatus.REFUNDING: MoneyKind.REFUNDING, OrderStatus.REFUNDED: MoneyKind.REFUNDED}
_ENDS = {
    OrderStatus.CANCELLED: StoryStep.CANCELLED,
    OrderStatus.EXPIRED: StoryStep.EXPIRED,
    OrderStatus.REFUNDING: StoryStep.REFUNDING,
    OrderStatus.REFUNDED: StoryStep.REFUNDED,
}


def money_lines(orders: Iterable[Order]) -> tuple[MoneyLine, ...]:
    """What was paid for these orders and what went back, each payment once, the newest first."""
    dated = [each for order in orders for each in _money(order)]
    return tuple(line for _, line in sorted(dated, key=lambda each: each[0], reverse=True))


def _money(order: Order) -> Iterator[tuple[int, MoneyLine]]:
    """The lines of an order, each with the time by which it stands among others: what went back stands before what came."""
    reference, kind = order.reference, order.kind
    returned = _returned(order)
    latest = max((each.time for each in (*order.money, *returned)), default=order.placed_at)
    back = _GOES_BACK.get(order.status)
    if back is not None:
        yield latest, MoneyLine(reference, kind, back, order.received)
    for each in returned:
        transaction = each.transaction or ""
        yield latest, MoneyLine(reference, kind, MoneyKind.RETURNED, each.amount, transaction=transaction)
    for each in sorted((*order.money, *returned), key=lambda each: each.time, reverse=True):
        transaction = each.transaction or ""
        paid = MoneyLine(reference, kind, MoneyKind.PAID, each.amount, each.time, each.how, transaction)
        yield each.time, paid


def _returned(order: Order) -> tuple[Payment, ...]:
    """The payments that were paid back, each transaction once."""
    return tuple({each.transaction: each for each in order.payments if each.returned}.values())


def story(
    order: Order,
    requests: RequestsView,
    certificates: Iterable[Certificate],
    written_at: Callable[[int], int],
    kiosk: int,
) -> tuple[StoryLine, ...]:
    """What happened to an order, oldest first; what has no time of its own stands after all that has one.

    `written_at` is when an entry of the journal was written (UTC seconds), 0 where it is not here any more.
    """
    dated = [*_dated(order, certificates, written_at), *_asked(requests)]
    ends = [StoryLine(StoryStep.RETURNED, amount=each.amount) for each in _returned(order)]
    ended = _ENDS.get(order.status)
    if ended is not None:
        amount = order.received if order.status in _GOES_BACK else 0
        ends.append(StoryLine(ended, amount=amount, detail=order.refund_reason))
    if order.owner != kiosk:
        ends.append(StoryLine(StoryStep.MOVED, detail=str(order.owner)))
    known = [line for line in dated if line.time]
    return (*sorted(known, key=lambda line: line.time or 0), *(x for x in dated if not x.time), *ends)


def _dated(
    order: Order, certificates: Iterable[Certificate], written_at: Callable[[int], int]
) -> Iterator[StoryLine]:
    yield StoryLine(StoryStep.PLACED, order.placed_at)
    for each in sorted((*order.money, *_returned(order)), key=lambda each: each.time):
        yield StoryLine(StoryStep.PAID, each.time, each.amount, each.how, each.transaction or "")
    if order.handover and order.told_by == order.owner:
        yield StoryLine(StoryStep.ASSIGNED, written_at(order.sequence) or None)
    issued = {each.number: written_at(each.sequence) or None for each in certificates}
    for attempt in order.bindings:
        number = attempt.certificate or ""
        if number:
            yield StoryLine(StoryStep.ISSUED, issued.get(number), detail=number)
        if attempt.step is BindingStep.ABANDONED:
            yield StoryLine(StoryStep.ABANDONED, issued.get(number), detail=attempt.token_serial)
        elif attempt.step is BindingStep.BOUND:
            yield StoryLine(StoryStep.BOUND, issued.get(number), detail=attempt.token_serial)


def _asked(requests: RequestsView) -> Iterator[StoryLine]:
    if requests.delivery is not None:
        yield from _delivery(requests.delivery)
    if requests.invoice is not None:
        yield from _invoice(requests.invoice)


def _delivery(each: DeliveryView) -> Iterator[StoryLine]:
    if each.asked_at:
        yield StoryLine(StoryStep.DELIVERY_ASKED, each.asked_at, detail=each.region)
    if each.mailed_at:
        yield StoryLine(StoryStep.MAILED, each.mailed_at, detail=f"{each.carrier} {each.tracking}".strip())
    if each.state is DeliveryState.RETURNED:
        yield StoryLine(StoryStep.MAILED_BACK, detail=each.reason)


def _invoice(each: InvoiceView) -> Iterator[StoryLine]:
    if each.asked_at:
        yield StoryLine(StoryStep.INVOICE_ASKED, each.asked_at)
    if each.state is InvoiceState.WITHDRAWN:
        yield StoryLine(StoryStep.INVOICE_WITHDRAWN)
    if each.issued_at:
        yield StoryLine(StoryStep.INVOICE_ISSUED, each.issued_at, detail=each.number)
