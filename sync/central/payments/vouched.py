"""Payments that a supervisor at a desk vouched for, listed for a person to reconcile with the provider's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from kiosk.domain.entries.orders import OrderAssigned, OrderPaid, OrderPlaced
from kiosk.domain.identifiers import IdentifierError, number_in, parse_order_reference
from kiosk.domain.journal import unseal
from kiosk.domain.ledger import PaidHow
from sync.central.journal.alarms import Cause, raise_alarms
from sync.central.journal.models import AlarmKind, Entry
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.payments.models import DeskPayment, Payment, PaymentState
from sync.central.tables import Insert, OnConflict, column_text, fact_key

_LARGEST = 10**15  # fen; small enough that a sum of a kiosk's payments fits into a column
_OPENING = ("order-placed", "order-assigned")


class _Vouched(msgspec.Struct, frozen=True):
    """A payment that an entry vouches for, and the account and the kind of its order as far as the journals have them."""

    received: ReceivedEntry
    paid: OrderPaid
    account: str
    kind: str

    @property
    def key(self) -> str:
        return fact_key(self.received.kiosk, self.received.sequence, self.received.hash)

    @property
    def order(self) -> str:
        return self.received.order

    @property
    def amount(self) -> int:
        return max(-_LARGEST, min(self.paid.amount, _LARGEST))

    @property
    def supervisor(self) -> str:
        return column_text(self.paid.supervisor or "", 40)


def record_vouched(received: Iterable[ReceivedEntry], now: int) -> None:
    """List the payments that these entries vouch for, by a few statements; repeating changes nothing.

    Rows are only added, never changed: the kiosk's row is locked here, while a payment or a refund locks the kiosk's row
    last. PostgreSQL makes even an insertion that ignores conflicts wait for whoever changes the conflicting row.
    """
    paid = [
        (each, body)
        for each in received
        if each.entry is not None
        and isinstance(body := each.entry.body, OrderPaid)
        and body.how is PaidHow.DESK
        and each.order
    ]
    if not paid:
        return
    ordered = _ordered({each.order for each, _ in paid})
    vouched = [_Vouched(each, body, *ordered.get(each.order, ("", ""))) for each, body in paid]
    _list_desk_payments(vouched, now)
    states = _list_payments(vouched, now)
    raise_alarms(_causes(vouched, states), now)


def _list_desk_payments(vouched: Iterable[_Vouched], now: int) -> None:
    new = {each.key: each for each in vouched}
    known = set(DeskPayment.objects.filter(key__in=new).order_by().values_list("key", flat=True))
    rows = [
        DeskPayment(
            key=key,
            order=each.order,
            order_number=number_in(each.order),
            kiosk=each.received.kiosk,
            account=each.account,
            amount=each.amount,
            supervisor=each.supervisor,
            vouched_at=each.received.wall,
            received_at=now,
        )
        for key, each in new.items()
        if key not in known
    ]
    Insert(DeskPayment, rows, OnConflict.KEEP).write()


def _list_payments(vouched: Iterable[_Vouched], now: int) -> dict[str, str]:
    """List the payments of orders that have none; the states of those that were there."""
    new = {each.order: each for each in vouched}
    states = dict(Payment.objects.filter(order__in=new).order_by().values_list("order", "state"))
    rows = [
        Payment(
            order=order,
            order_number=number_in(order),
            kiosk=_made_at(each.received),
            account=each.account,
            kind=each.kind,
            amount=each.amount,
            state=PaymentState.VOUCHED,
            opened_at=now,
            token=b"",
        )
        for order, each in new.items()
        if order not in states
    ]
    Insert(Payment, rows, OnConflict.KEEP).write()
    return states


def _causes(vouched: Iterable[_Vouched], states: Mapping[str, str]) -> Iterator[Cause]:
    for each in vouched:
        who = f"由主管担保：{each.supervisor or '（未具名）'}"
        yield Cause(AlarmKind.DESK_CONFIRMATION, each.received.kiosk, each.order, who)
        if states.get(each.order) == PaymentState.PAID:
            yield _paid_twice(_made_at(each.received), each.order)


def raise_paid_twice(payment: Payment, now: int) -> None:
    """Raise an alarm for an order that the desk vouched for and that was also paid online."""
    raise_alarms([_paid_twice(payment.kiosk, payment.order)], now)


def _paid_twice(kiosk: int, order: str) -> Cause:
    detail = (
        "网上已缴费，柜台又有主管担保：请在「柜台担保收款」里核对；确是两笔的，再在「缴费」里退回多付的款"
    )
    return Cause(AlarmKind.PAID_TWICE, kiosk, order, detail)


def _ordered(orders: Collection[str]) -> dict[str, tuple[str, str]]:
    """The account and the kind of each order, as far as the journals have them."""
    found = dict[str, tuple[str, str]]()
    openings = Entry.objects.filter(subject__in=orders, kind__in=_OPENING).order_by("key")
    for subject, account, data in openings.values_list("subject", "account", "data"):
        if subject not in found:
            body = unseal(bytes(data)).entry.body
            kind = body.order_kind.value if isinstance(body, OrderPlaced | OrderAssigned) else ""
            found[subject] = account, kind
    return found


def _made_at(each: ReceivedEntry) -> int:
    try:
        return parse_order_reference(each.order).number.kiosk
    except IdentifierError:
        return each.kiosk
