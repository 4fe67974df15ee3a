"""Payments that a supervisor at a desk vouched for, listed for a person to reconcile with the provider's."""

from __future__ import annotations

from collections.abc import Iterable

from kiosk.domain.entries import OrderAssigned, OrderPaid, OrderPlaced
from kiosk.domain.identifiers import IdentifierError, number_in, parse_order_reference
from kiosk.domain.journal import unseal
from kiosk.domain.ledger import PaidHow
from sync.central.journal.alarms import raise_alarm
from sync.central.journal.models import AlarmKind, Entry
from sync.central.journal.received_entries import ReceivedEntry
from sync.central.payments.models import DeskPayment, Payment, PaymentState
from sync.central.tables import column_text, fact_key

_LARGEST = 10**15  # fen; small enough that a sum of a kiosk's payments fits into a column
_OPENING = ("order-placed", "order-assigned")


def record_vouched(received: Iterable[ReceivedEntry], now: int) -> None:
    """List the payments that these entries vouch for; repeating changes nothing.

    Rows are only added, never changed: the kiosk's row is locked here, while a payment or a refund locks the kiosk's row
    last. PostgreSQL makes even an insertion that ignores conflicts wait for whoever changes the conflicting row.
    """
    for each in received:
        body = None if each.entry is None else each.entry.body
        if isinstance(body, OrderPaid) and body.how is PaidHow.DESK and each.order:
            _record(each, body, now)


def _record(each: ReceivedEntry, body: OrderPaid, now: int) -> None:
    account, kind = _ordered(each.order)
    amount = max(-_LARGEST, min(body.amount, _LARGEST))
    supervisor = column_text(body.supervisor or "", 40)
    row = DeskPayment(
        key=fact_key(each.kiosk, each.sequence, each.hash),
        order=each.order,
        order_number=number_in(each.order),
        kiosk=each.kiosk,
        account=account,
        amount=amount,
        supervisor=supervisor,
        vouched_at=each.wall,
        received_at=now,
    )
    if not DeskPayment.objects.filter(key=row.key).exists():
        DeskPayment.objects.bulk_create([row], ignore_conflicts=True)
    listed = Payment(
        order=each.order,
        order_number=number_in(each.order),
        kiosk=_made_at(each),
        account=account,
        kind=kind,
        amount=amount,
        state=PaymentState.VOUCHED,
        opened_at=now,
        token=b"",
    )
    if not Payment.objects.filter(order=each.order).exists():
        Payment.objects.bulk_create([listed], ignore_conflicts=True)
    raise_alarm(
        AlarmKind.DESK_CONFIRMATION, each.kiosk, each.order, f"由主管担保：{supervisor or '（未具名）'}", now
    )
    if Payment.objects.filter(order=each.order, state=PaymentState.PAID).exists():
        raise_paid_twice(listed, now)


def raise_paid_twice(payment: Payment, now: int) -> None:
    """Raise an alarm for an order that the desk vouched for and that was also paid online."""
    detail = (
        "网上已缴费，柜台又有主管担保：请在「柜台担保收款」里核对；确是两笔的，再在「缴费」里退回多付的款"
    )
    raise_alarm(AlarmKind.PAID_TWICE, payment.kiosk, payment.order, detail, now)


def _ordered(order: str) -> tuple[str, str]:
    """The account and the kind of an order, as far as the journals have them."""
    opening = Entry.objects.filter(subject=order, kind__in=_OPENING).order_by("key").first()
    if opening is None:
        return "", ""
    body = unseal(bytes(opening.data)).entry.body
    kind = body.order_kind.value if isinstance(body, OrderPlaced | OrderAssigned) else ""
    return opening.account, kind


def _made_at(each: ReceivedEntry) -> int:
    try:
        return parse_order_reference(each.order).number.kiosk
    except IdentifierError:
        return each.kiosk
