"""The console's pages of orders, certificates and accounts."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from kiosk.domain.ledger import CertificateStatus
from kiosk.labels import FEE_ITEMS
from sync.central.console.base import (
    ReadOnlyAdmin,
    RemarkForm,
    needed_remark,
    number_column,
    time_column,
    yuan_column,
)
from sync.central.console.filters import KioskFilter
from sync.central.console.refunds import ask_for_refunds
from sync.central.console.waiting import tell_if_waiting
from sync.central.context import centre_now
from sync.central.formats import china_time, yuan
from sync.central.ledger import settling
from sync.central.ledger.models import (
    LedgerAccount,
    LedgerCertificate,
    LedgerOrder,
)
from sync.central.ledger.rows import order_record, register_record
from sync.central.wording import PAID_HOW

_ORDER = number_column("order")


class MoveForm(RemarkForm):
    """The remark of a refund, and the kiosk that orders are moved to."""

    target = forms.IntegerField(label="移交到", required=False, min_value=1)


@admin.register(LedgerOrder)
class OrderAdmin(ReadOnlyAdmin[LedgerOrder]):
    """Orders of all kiosks."""

    list_display = (
        "order_number",
        "owner",
        "kind",
        "account",
        "status",
        yuan_column("total", "应付"),
        yuan_column("received", "实收"),
        time_column("placed_at", "下单时间"),
    )
    list_filter = ("status", ("owner", KioskFilter), "kind")
    search_fields = ("=order_number", "=reference", "=account")
    row_an_order = True
    exclude = ("reference", "record")
    readonly_fields = ("details",)
    action_form = MoveForm
    actions = ("request_refund", "move")

    @admin.display(description="详情")
    def details(self, row: LedgerOrder) -> str:
        """Lines, payments and bindings."""
        order = order_record(row)
        lines = [f"{FEE_ITEMS[line.item]} ￥{yuan(line.amount)}" for line in order.lines]
        lines += [
            f"收款 {PAID_HOW[each.how.value]} ￥{yuan(each.amount)} {china_time(each.time)} {each.transaction or ''}"
            for each in order.payments
        ]
        lines += [
            f"绑定 第 {each.attempt} 次 {each.token_serial} {each.step.value}" for each in order.bindings
        ]
        if order.refund_reason:
            lines.append(f"退款原因 {order.refund_reason}")
        return "\n".join(lines)

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Who may ask for refunds."""
        return bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="要求终端机退款（须填备注）", permissions=("refund",))
    def request_refund(self, request: HttpRequest, queryset: QuerySet[LedgerOrder]) -> None:
        """Ask the owning kiosks to grant refunds: only they may."""
        list(ask_for_refunds(self, request, ((order, order) for order in queryset)))

    def has_move_permission(self, request: HttpRequest) -> bool:
        """Who may move orders."""
        return bool(request.user.has_perm("ledger.move_order"))

    @admin.action(description="移交到终端机", permissions=("move",))
    def move(self, request: HttpRequest, queryset: QuerySet[LedgerOrder]) -> None:
        """Move orders to the kiosk typed for the action."""
        target = request.POST.get("target", "")
        for order in queryset:
            if target.isdecimal() and settling.move(
                order, int(target), request.user.get_username(), centre_now()
            ):
                self.message_user(
                    request,
                    f"{order.order_number}（{order.account}）：移交到 {target} 号机",
                    messages.SUCCESS,
                )
            else:
                self.message_user(
                    request,
                    f"{order.order_number}（{order.account}）：不能移交到 {target or '（未填）'}",
                    messages.ERROR,
                )
        tell_if_waiting(self, request)


@admin.register(LedgerCertificate)
class CertificateAdmin(ReadOnlyAdmin[LedgerCertificate]):
    """The register of certificates."""

    list_display = (
        "number",
        "account",
        "token_serial",
        "status",
        "checked",
        "kiosk",
        _ORDER,
        time_column("not_before", "有效期起"),
        time_column("not_after", "有效期止"),
    )
    list_filter = ("status", "checked", ("kiosk", KioskFilter))
    search_fields = ("=number", "=account", "=token_serial", "^order")
    exclude = ("order", "record")
    readonly_fields = (_ORDER,)
    action_form = RemarkForm
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may revoke."""
        return bool(request.user.has_perm("ledger.revoke_certificate"))

    @admin.action(description="吊销证书（不能恢复，须填备注）", permissions=("revoke",))
    def revoke(self, request: HttpRequest, queryset: QuerySet[LedgerCertificate]) -> None:
        """Revoke certificates that may still be in use, with a remark that is logged."""
        remark = needed_remark(self, request)
        if not remark:
            return
        ended = (CertificateStatus.REVOKED.value, CertificateStatus.VOID.value)
        usable = queryset.exclude(status__in=ended)
        rows = list(usable)
        for row in rows:
            settling.revoke_certificate(row, request.user.get_username(), remark, centre_now())
            self.log_change(request, row, f"吊销：{remark}")
        self.message_user(request, f"已通知终端机吊销 {len(rows)} 张证书", messages.WARNING)
        tell_if_waiting(self, request)


@admin.register(LedgerAccount)
class AccountAdmin(ReadOnlyAdmin[LedgerAccount]):
    """The key on record of each account."""

    list_display = ("account", "key_number", "key")
    search_fields = ("=account", "=key_number")
    exclude = ("record",)
    action_form = RemarkForm
    actions = ("lift",)

    def has_key_permission(self, request: HttpRequest) -> bool:
        """Who may decide which key is an account's."""
        return bool(request.user.has_perm("ledger.decide_key"))

    @admin.action(description="解除挂失，key盘恢复使用（须填备注）", permissions=("key",))
    def lift(self, request: HttpRequest, queryset: QuerySet[LedgerAccount]) -> None:
        """Lift the holds of accounts' keys, whoever set them, with a remark that is logged."""
        remark = needed_remark(self, request)
        if not remark:
            return
        rows = {each.account: each for each in queryset}
        lifted = settling.lift_holds(rows, request.user.get_username(), centre_now())
        for account in lifted:
            self.log_change(request, rows[account], f"解除挂失：{remark}")
        self.message_user(request, f"已解除 {len(lifted)} 个账号的挂失", messages.SUCCESS)
        tell_if_waiting(self, request)

    @admin.display(description="key盘")
    def key(self, row: LedgerAccount) -> str:
        """Serial and state."""
        key = register_record(row).key
        if key is None:
            return "–"
        return f"{key.token_serial}{'（停用）' if key.lost else ''}"
