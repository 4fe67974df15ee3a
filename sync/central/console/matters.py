"""The console's page of matters (待办事项): what may be decided, by whom; each decision with a remark that is logged."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sync.central.console.base import (
    ReadOnlyAdmin,
    RemarkForm,
    needed_remark,
    number_column,
    time_column,
)
from sync.central.console.filters import KioskFilter
from sync.central.console.waiting import tell_if_waiting
from sync.central.context import centre_now
from sync.central.ledger import settling
from sync.central.ledger.models import Matter
from sync.central.ledger.rules import RULES, Action
from sync.central.wording import MATTER_ACTIONS

_SUBJECT = number_column("subject", "对象")
_ORDER = number_column("order")


GIVES_AWAY = "这笔订单的款已退回，不能照收或登记这个key盘：请停用key盘（退款），会员另行下单"
"""Why a key that is held does not come into use."""
UNDONE = "因此登记的key盘重新暂缓，等待再次处理；已停用的key盘和已退的款不能恢复"
"""What undoing a decision does."""


class MatterForm(RemarkForm):
    """A remark, and whether all matters of the same kiosk and kind are decided alike."""

    alike = forms.BooleanField(label="同机同类的一并处理", required=False)


def _decide(page: MatterAdmin, request: HttpRequest, queryset: QuerySet[Matter], action: Action) -> None:
    remark = needed_remark(page, request)
    if not remark:
        return
    chosen = list(queryset)
    matters = settling.alike(chosen) if request.POST.get("alike") else chosen
    by, now = request.user.get_username(), centre_now()
    left = settling.decide(matters, action, by, remark, now)
    for matter in matters:
        if matter not in left:
            page.log_change(request, matter, f"{MATTER_ACTIONS[action.value]}：{remark}")
    page.message_user(
        request, f"{MATTER_ACTIONS[action.value]}：{len(matters) - len(left)} 项", messages.SUCCESS
    )
    if action is Action.REOPEN and len(left) < len(matters):
        page.message_user(request, UNDONE, messages.WARNING)
    for matter in left:
        why = GIVES_AWAY if settling.gives_away(matter, action) else "不能这样处理"
        page.message_user(request, f"{matter}：{why}", messages.ERROR)
    tell_if_waiting(page, request)


@admin.register(Matter)
class MatterAdmin(ReadOnlyAdmin[Matter]):
    """What a person should look at; nothing waits for it."""

    list_display = (
        "rule",
        _SUBJECT,
        "kiosk",
        "account",
        time_column("raised_at", "时间"),
        "state",
        "action",
        "closed_by",
        "remark",
        "may_be",
    )
    list_filter = ("state", "rule", ("kiosk", KioskFilter))
    search_fields = ("=account", "=subject", "^order")
    exclude = ("key", "subject", "order")
    readonly_fields = (_SUBJECT, _ORDER)
    action_form = MatterForm
    actions = ("list_key", "revoke_key", "accept", "refund", "lift", "noted", "reopen")

    @admin.display(description="可以处理为")
    def may_be(self, row: Matter) -> str:
        """What may be decided about it."""
        actions = next((rule.actions for reason, rule in RULES.items() if reason.value == row.rule), ())
        return "、".join(MATTER_ACTIONS[action.value] for action in actions)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may decide."""
        return bool(request.user.has_perm("ledger.decide_matter"))

    def has_key_permission(self, request: HttpRequest) -> bool:
        """Who may decide which key is an account's."""
        return bool(request.user.has_perm("ledger.decide_key"))

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Who may have money paid back."""
        return bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="这个key盘有效，其余停用（须填备注）", permissions=("key",))
    def list_key(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """List the key after all; the account's other one goes out of use."""
        _decide(self, request, queryset, Action.LIST)

    @admin.action(description="停用这个key盘（须填备注）", permissions=("key",))
    def revoke_key(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Take the key out of use for good."""
        _decide(self, request, queryset, Action.REVOKE)

    @admin.action(description="照收，暂缓的key盘予以登记（须填备注）", permissions=("decide",))
    def accept(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Take it as it was received."""
        _decide(self, request, queryset, Action.ACCEPT)

    @admin.action(description="退款，已绑定的key盘停用（须填备注）", permissions=("refund",))
    def refund(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Have the order's money paid back."""
        _decide(self, request, queryset, Action.REFUND)

    @admin.action(description="解除挂失，key盘恢复使用（须填备注）", permissions=("key",))
    def lift(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Lift the hold that a kiosk could not lift."""
        _decide(self, request, queryset, Action.LIFT)

    @admin.action(description="已阅（须填备注）", permissions=("decide",))
    def noted(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Close it; nothing changes."""
        _decide(self, request, queryset, Action.NOTED)

    @admin.action(description="撤销处理，重新待办（须填备注）", permissions=("decide",))
    def reopen(self, request: HttpRequest, queryset: QuerySet[Matter]) -> None:
        """Open it again."""
        _decide(self, request, queryset, Action.REOPEN)
