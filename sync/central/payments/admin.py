"""The console's pages of payments and refunds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sync.central.console.showing import Inline, ReadOnlyAdmin, time_column, yuan_column
from sync.central.context import centre_now
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.settling import ask_refund, is_dead, may_pay_back
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentAttempt


class AttemptInline(Inline[PaymentAttempt, Payment]):
    """The tries with the provider."""

    model = PaymentAttempt
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "out_trade_no",
        "attempt",
        "state",
        "transaction",
        time_column("opened_at", "时间"),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Attempts come from the page."""
        del request, obj
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin[Payment]):
    """Payments by order."""

    list_display = (
        "order",
        "kiosk",
        "account",
        yuan_column("amount", "金额"),
        "state",
        "transaction",
        time_column("opened_at", "打开时间"),
        time_column("paid_at", "支付时间"),
        time_column("refunded_at", "退回时间"),
    )
    list_filter = ("state", "kiosk")
    search_fields = ("=order", "=account", "=transaction")
    exclude = ("token",)
    inlines = (AttemptInline,)
    actions = ("ask", "pay_back", "return_surplus")

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Who may refund."""
        return bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="要求终端机退款", permissions=("refund",))
    def ask(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Ask the owning kiosks to grant refunds: only they may."""
        for payment in queryset:
            row = LedgerOrder.objects.filter(number=payment.order).first()
            now = centre_now()
            if row is not None and ask_refund(row, request.user.get_username(), "中心要求退款", now):
                payment.refund_asked_at = now
                payment.save(update_fields=["refund_asked_at"])
                self.message_user(request, f"{payment.order}：已要求 {row.owner} 号机退款", messages.SUCCESS)
            else:
                self.message_user(request, f"{payment.order}：现在不能要求退款", messages.ERROR)

    @admin.action(description="原路退回款项", permissions=("refund",))
    def pay_back(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Pay back what the kiosk granted (or what a revoked kiosk can no longer grant)."""
        for payment in queryset:
            row = LedgerOrder.objects.filter(number=payment.order).first()
            # The journal of a kiosk that died may never have told of the order.
            if not (is_dead(payment.kiosk) if row is None else may_pay_back(row)):
                self.message_user(request, f"{payment.order}：终端机尚未同意退款", messages.ERROR)
            elif paying.pay_back(payment, centre_now()):
                self.message_user(request, f"{payment.order}：已原路退回", messages.SUCCESS)
            else:
                self.message_user(request, f"{payment.order}：支付机构没有退回", messages.ERROR)

    @admin.action(description="退回多付的款", permissions=("refund",))
    def return_surplus(self, request: HttpRequest, queryset: QuerySet[Payment]) -> None:
        """Pay back what came in twice; the order keeps the payment that stands."""
        for payment in queryset:
            back = paying.return_surplus(payment, centre_now())
            if back:
                self.message_user(
                    request, f"{payment.order}：多付的 {back / 100:.2f} 元已原路退回", messages.SUCCESS
                )
            elif paying.surplus(payment).exists():
                self.message_user(request, f"{payment.order}：支付机构没有退回", messages.ERROR)
            else:
                self.message_user(request, f"{payment.order}：没有多付的款", messages.ERROR)
