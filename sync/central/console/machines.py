"""The console's page of the kiosks' machines."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sync.central.console.base import NEEDS_REMARK, RemarkForm, SmallReadOnlyAdmin, time_column, typed_remark
from sync.central.context import centre_now
from sync.central.fleet.machines import end
from sync.central.fleet.models import Machine, MachineState


@admin.register(Machine)
class MachineAdmin(SmallReadOnlyAdmin[Machine]):
    """Machines: which stand where, and taking them out of use."""

    list_display = (
        "kiosk",
        "number",
        "state",
        "strand",
        time_column("enrolled_at", "登记时间"),
        time_column("ended_at", "停用时间"),
        "ended_by",
        "remark",
    )
    list_filter = ("state",)
    search_fields = ("=kiosk__number",)
    fields = ("kiosk", "number", "state", "strand", "ended_by", "remark")
    list_select_related = ("kiosk",)
    action_form = RemarkForm
    actions = ("retire", "lost", "revoke")

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Who may take a machine out of use."""
        return bool(request.user.has_perm("fleet.change_machine"))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may revoke."""
        return bool(request.user.has_perm("fleet.revoke_kiosk"))

    @admin.action(description="停用机器（还能传完记录，须填备注）", permissions=("end",))
    def retire(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Retire machines: they may upload what they have, and are enrolled anew with a new token."""
        self._end(request, queryset.filter(state=MachineState.ENROLLED), MachineState.RETIRED)

    @admin.action(description="登记为丢失（还能传完记录，须填备注）", permissions=("end",))
    def lost(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Note that machines are lost; the same, with another word for it."""
        self._end(request, queryset.exclude(state=MachineState.REVOKED), MachineState.LOST)

    @admin.action(description="吊销机器（之后的记录隔离保存，须填备注）", permissions=("revoke",))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Revoke machines: what they still send is kept in quarantine; the kiosk may get another."""
        self._end(request, queryset.exclude(state=MachineState.REVOKED), MachineState.REVOKED)

    def _end(self, request: HttpRequest, queryset: QuerySet[Machine], state: MachineState) -> None:
        remark = typed_remark(request)
        if not remark:
            self.message_user(request, NEEDS_REMARK, messages.ERROR)
            return
        machines = list(queryset)
        for machine in machines:
            end(machine, state, request.user.get_username(), remark, centre_now())
            self.log_change(request, machine, f"{state.label}：{remark}")
        self.message_user(request, f"{state.label}：{len(machines)} 台", messages.WARNING)
