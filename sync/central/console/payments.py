"""The console's pages of payments and refunds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from sync.central.console.base import (
    Inline,
    ReadOnlyAdmin,
    RemarkForm,
    needed_remark,
    time_column,
    yuan_column,
)
from sync.central.console.filters import KioskFilter, KioskTextFilter, SupervisorFilter
from sync.central.console.refunds import ask_for_refunds
from sync.central.console.waiting import STILL_WORKS
from sync.central.context import centre_now
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.set_aside import is_of_a_strand_set_aside
from sync.central.ledger.settling import may_return
from sync.central.payments import paying, reconciling
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


def _with_surplus(rows: QuerySet[Payment]) -> QuerySet[Payment]:
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


class AttemptInline(Inline[PaymentAttempt, Payment]):
    """The attempts with the provider."""

    model = PaymentAttempt
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "out_trade_no",
        "attempt",
        "state",
        "transaction",
        "refund_number",
        time_column("opened_at", "时间"),
    )

    @admin.display(description="商户退款单号")
    def refund_number(self, row: PaymentAttempt) -> str:
        """Under which number the provider has its refund, once it went back."""
        return row.out_refund_no if row.state in {AttemptState.RETURNED, AttemptState.REFUNDED} else "–"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Attempts are added by the payment page alone."""
        del request, obj
        return False


class SurplusFilter(admin.SimpleListFilter):
    """Orders for which money came in twice."""

    title = "多付"
    parameter_name = "surplus"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The filter's choices."""
        del request, model_admin
        return [("refunding", SURPLUS_REFUNDING), ("refunded", SURPLUS_REFUNDED), ("vouched", SURPLUS_OPEN)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        """The rows of the chosen state."""
        del request
        chosen = {"refunding": SURPLUS_REFUNDING, "refunded": SURPLUS_REFUNDED, "vouched": SURPLUS_OPEN}
        wanted = chosen.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(Q(surplus_state=wanted))


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin[Payment]):
    """Payments by order."""

    list_display = (
        "order_number",
        "kiosk",
        "account",
        yuan_column("amount", "金额"),
        "state",
        "transaction",
        "vouched",
        "surplus",
        time_column("opened_at", "打开时间"),
        time_column("paid_at", "支付时间"),
        time_column("refunded_at", "退回时间"),
    )
    list_filter = ("state", ("kiosk", KioskFilter), SurplusFilter)
    search_fields = ("=order_number", "=order", "=account", "=transaction", "=attempts__transaction")
    row_an_order = True
    window = 2000  # a surplus is looked for in other tables
    exclude = ("order", "token")
    readonly_fields = ("vouched", "surplus")
    inlines = (AttemptInline,)
    action_form = RemarkForm
    actions = ("ask", "pay_back", "return_surplus")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """Add the columns of who vouched and of a surplus."""
        return _with_surplus(super().get_queryset(request))

    @admin.display(description="柜台担保人")
    def vouched(self, row: Any) -> str:
        """Which supervisor vouched for the money, if one did."""
        return row.vouched_by or "–"

    @admin.display(description="多付")
    def surplus(self, row: Any) -> str:
        """What became of money that came in twice."""
        return row.surplus_state or "–"

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Who may refund."""
        return bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="要求终端机退款（须填备注）", permissions=("refund",))
    def ask(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Ask the owning kiosks to grant refunds: only they may."""
        orders = LedgerOrder.objects.in_bulk([payment.order for payment in queryset])
        for asked in ask_for_refunds(self, request, ((each, orders.get(each.order)) for each in queryset)):
            Payment.objects.filter(pk=asked.pk).update(refund_asked_at=centre_now())

    @admin.action(description="原路退回款项", permissions=("refund",))
    def pay_back(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Refund what the kiosk granted, or what a revoked kiosk can no longer grant."""
        for payment in queryset:
            if not may_return(payment.order, payment.kiosk):
                why = "终端机尚未同意退款"
                if is_of_a_strand_set_aside(payment.order):
                    why = f"{why}：{STILL_WORKS}"
                said = f"{payment.order_number}（{payment.account}）：{why}"
                self.message_user(request, said, messages.ERROR)
            elif paying.pay_back(payment, centre_now()):
                self.log_change(request, payment, "原路退回")
                self.message_user(
                    request, f"{payment.order_number}（{payment.account}）：已原路退回", messages.SUCCESS
                )
            else:
                self.message_user(
                    request, f"{payment.order_number}（{payment.account}）：支付机构没有退回", messages.ERROR
                )

    @admin.action(description="退回多付的款", permissions=("refund",))
    def return_surplus(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Refund what came in twice; the order keeps one payment."""
        for payment in queryset:
            back = paying.return_surplus(payment, centre_now())
            if back:
                self.message_user(
                    request,
                    f"{payment.order_number}（{payment.account}）：多付的 {back / 100:.2f} 元已原路退回",
                    messages.SUCCESS,
                )
            elif paying.surplus(payment).exists():
                self.message_user(
                    request, f"{payment.order_number}（{payment.account}）：支付机构没有退回", messages.ERROR
                )
            else:
                self.message_user(
                    request, f"{payment.order_number}（{payment.account}）：没有多付的款", messages.ERROR
                )


@admin.register(DeskPayment)
class DeskPaymentAdmin(ReadOnlyAdmin[DeskPayment]):
    """Payments that a desk vouched for."""

    list_display = (
        "order_number",
        "kiosk",
        "account",
        yuan_column("amount", "金额"),
        "supervisor",
        time_column("vouched_at", "担保时间"),
        "state",
        "settled_by",
        "remark",
    )
    list_filter = (("kiosk", KioskTextFilter), "state", ("supervisor", SupervisorFilter))
    search_fields = ("=order_number", "=order", "=account", "=supervisor")
    exclude = ("order",)
    action_form = RemarkForm
    actions = ("same", "apart", "paid_back")

    def has_reconcile_permission(self, request: HttpRequest) -> bool:
        """Who may reconcile."""
        return bool(request.user.has_perm("payments.reconcile_deskpayment"))

    @admin.action(description="与网上缴费是同一笔（须填备注）", permissions=("reconcile",))
    def same(self, request: HttpRequest, queryset: QuerySet[DeskPayment]) -> None:
        """Decide that the desk vouched for the payment that the provider has."""
        self._decide(request, queryset, reconciling.confirm_same, DeskPaymentState.SAME)

    @admin.action(description="另收的款，已核对（须填备注）", permissions=("reconcile",))
    def apart(self, request: HttpRequest, queryset: QuerySet[DeskPayment]) -> None:
        """Decide that the desk has the money itself."""
        self._decide(request, queryset, reconciling.confirm_separate, DeskPaymentState.RECEIVED)

    @admin.action(description="已在柜台退还（须填备注）", permissions=("reconcile",))
    def paid_back(self, request: HttpRequest, queryset: QuerySet[DeskPayment]) -> None:
        """Decide that the desk gave the money back."""
        self._decide(request, queryset, reconciling.confirm_returned, DeskPaymentState.RETURNED)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[DeskPayment],
        decide: Callable[[DeskPayment, str, str, int], bool],
        outcome: DeskPaymentState,
    ) -> None:
        remark = needed_remark(self, request)
        if not remark:
            return
        for row in queryset:
            if decide(row, request.user.get_username(), remark, centre_now()):
                self.log_change(request, row, f"{outcome.label}：{remark}")
                self.message_user(request, f"{row}：{outcome.label}", messages.SUCCESS)
            else:
                self.message_user(request, f"{row}：现在不能标记为「{outcome.label}」", messages.ERROR)
