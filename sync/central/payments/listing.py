"""Two columns of the list of payments: who vouched at a desk, and what became of money that came in twice."""

from __future__ import annotations

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from sync.central.payments.models import (
    AttemptState,
    DeskPayment,
    DeskPaymentState,
    Payment,
    PaymentAttempt,
    PaymentState,
)

SURPLUS_REFUNDING = "多付退款中"
SURPLUS_REFUNDED = "多付已退款"
SURPLUS_OPEN = "担保待核对"


def with_surplus(rows: QuerySet[Payment]) -> QuerySet[Payment]:
    """The payments with `vouched_by` and `surplus_state` (empty where nothing came in twice)."""
    attempts = PaymentAttempt.objects.filter(payment=OuterRef("pk"))
    desk = DeskPayment.objects.filter(order=OuterRef("pk"))
    beside = attempts.filter(state=AttemptState.PAID).exclude(transaction=OuterRef("transaction"))
    apart = Exists(desk.filter(state=DeskPaymentState.RECEIVED))
    paid = Q(state=PaymentState.PAID)
    returned = Exists(attempts.filter(state=AttemptState.RETURNED)) & ~Q(state=PaymentState.REFUNDED)
    state = Case(
        When(Exists(beside) | (paid & apart), then=Value(SURPLUS_REFUNDING)),
        When(paid & Exists(desk.filter(state=DeskPaymentState.OPEN)), then=Value(SURPLUS_OPEN)),
        When(returned, then=Value(SURPLUS_REFUNDED)),
        default=Value(""),
        output_field=CharField(),
    )
    vouched_by = Coalesce(Subquery(desk.order_by("key").values("supervisor")[:1]), Value(""))
    return rows.annotate(vouched_by=vouched_by, surplus_state=state)
