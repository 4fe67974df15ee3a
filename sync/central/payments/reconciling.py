"""Staff's decisions on payments that a desk vouched for.

Of two that are taken at once the first counts; only what was found to be money by itself may be given back later.
"""

from __future__ import annotations

from django.db import transaction

from sync.central.fleet.feed.telling import telling
from sync.central.journal.alarms import clear_alarm
from sync.central.journal.models import AlarmKind
from sync.central.ledger.settling import may_return
from sync.central.payments.models import UNPAID, DeskPayment, DeskPaymentState, Payment, PaymentState
from sync.central.payments.news import tell_money


def confirm_same(row: DeskPayment, by: str, remark: str, now: int) -> bool:
    """Decide that the desk saw the provider's payment; False when the provider has none for the order."""
    with transaction.atomic():
        if not Payment.objects.filter(order=row.order).exclude(state__in=UNPAID).exists():
            return False
        if not _decided(row, DeskPaymentState.SAME, by, remark, now):
            return False
        for kiosk in Payment.objects.filter(order=row.order).values_list("kiosk", flat=True):
            clear_alarm(AlarmKind.PAID_TWICE, kiosk, row.order, by, now)
    return True


def confirm_separate(row: DeskPayment, by: str, remark: str, now: int) -> bool:
    """Decide that the desk has the money itself, so that what was paid online is a surplus."""
    return _decided(row, DeskPaymentState.RECEIVED, by, remark, now)


def confirm_returned(row: DeskPayment, by: str, remark: str, now: int) -> bool:
    """Decide that the desk gave the money back, as its kiosk granted; without other money the order is refunded."""
    with telling(now) as told:
        payment = Payment.objects.select_for_update().get(order=row.order)
        if not (may_return(row.order, row.kiosk) or payment.state == PaymentState.REFUNDED):
            return False
        if not _decided(row, DeskPaymentState.RETURNED, by, remark, now):
            return False
        # The provider has nothing of it, so that with the desk's money the order's is back.
        if payment.state in UNPAID:
            payment.state, payment.refunded_at = PaymentState.REFUNDED, now
            payment.save(update_fields=["state", "refunded_at"])
            tell_money(told, [payment.order])
    return True


def _decided(row: DeskPayment, state: DeskPaymentState, by: str, remark: str, now: int) -> bool:
    with transaction.atomic():
        before = [DeskPaymentState.OPEN]
        if state == DeskPaymentState.RETURNED:
            before.append(DeskPaymentState.RECEIVED)
        changed = DeskPayment.objects.filter(key=row.key, state__in=before).update(
            state=state, settled_at=now, settled_by=by, remark=remark
        )
        if changed:
            clear_alarm(AlarmKind.DESK_CONFIRMATION, row.kiosk, row.order, by, now)
    return bool(changed)
