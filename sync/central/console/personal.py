"""The console's page of personal records: what is here of whom, exporting it and erasing it; of the facts nothing is in the list."""

from __future__ import annotations

import msgspec
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

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
from sync.central.ledger.privacy import erase_on_request, exported
from sync.central.personal.models import PersonalRecord

_SUBJECT = number_column("subject", "对象")


@admin.register(PersonalRecord)
class PersonalAdmin(ReadOnlyAdmin[PersonalRecord]):
    """Which records there are, and where each stands."""

    list_display = (
        "account",
        "kind",
        _SUBJECT,
        "kiosk",
        "state",
        time_column("made_at", "填写时间"),
        time_column("received_at", "收到时间"),
        time_column("erased_at", "删除时间"),
    )
    list_filter = ("state", "kind", ("kiosk", KioskFilter))
    search_fields = ("=account", "=subject")
    exclude = ("subject",)
    readonly_fields = (_SUBJECT,)
    action_form = RemarkForm
    actions = ("export", "erase")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Who may export what is kept of an account."""
        return bool(request.user.has_perm("personal.export_personal"))

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Who may erase what is kept of an account."""
        return bool(request.user.has_perm("personal.erase_personal"))

    @admin.action(description="导出该账号的个人资料（须填备注）", permissions=("export",))
    def export(self, request: HttpRequest, queryset: QuerySet[PersonalRecord]) -> HttpResponse | None:
        """Give what is kept of one account as a file."""
        chosen = _by_account(queryset)
        remark = needed_remark(self, request)
        if not remark:
            return None
        if len(chosen) != 1:
            self.message_user(request, "一次只能导出一个账号", messages.ERROR)
            return None
        ((account, row),) = chosen.items()
        self.log_change(request, row, f"导出 {account} 的个人资料：{remark}")
        answer = HttpResponse(
            msgspec.json.format(msgspec.json.encode(exported(account)), indent=2),
            content_type="application/json",
        )
        answer["Content-Disposition"] = f'attachment; filename="personal-{account}.json"'
        return answer

    @admin.action(description="删除该账号的个人资料，终端机也删除（须填备注）", permissions=("erase",))
    def erase(self, request: HttpRequest, queryset: QuerySet[PersonalRecord]) -> None:
        """Erase what is kept of accounts, here and at the kiosks."""
        remark = needed_remark(self, request)
        if not remark:
            return
        for account, row in _by_account(queryset).items():
            count = erase_on_request(account, request.user.get_username(), centre_now()).count
            self.log_change(request, row, f"删除 {account} 的个人资料：{remark}")
            self.message_user(request, f"{account}：已删除 {count} 份个人资料", messages.SUCCESS)
        tell_if_waiting(self, request)


def _by_account(rows: QuerySet[PersonalRecord]) -> dict[str, PersonalRecord]:
    return {row.account: row for row in rows}
