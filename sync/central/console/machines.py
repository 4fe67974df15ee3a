"""The console's page of the kiosks' machines."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from kiosk.domain.entries.decisions import StrandDecision
from kiosk.pki.certificates import parse_certificate
from kiosk.pki.issuing import key_fingerprint
from sync.central.console.base import RemarkForm, SmallReadOnlyAdmin, needed_remark, time_column, typed_remark
from sync.central.console.waiting import STILL_WORKS, described, tell_if_waiting
from sync.central.context import centre_now
from sync.central.fleet.machines import end, has_working_machine
from sync.central.fleet.models import Machine, MachineState
from sync.central.fleet.standing import record_soon
from sync.central.journal.appending import AT_ONCE
from sync.central.journal.models import StrayEntry
from sync.central.ledger.deciding_strands import confirm_machine, decide_quarantine
from sync.central.ledger.set_aside import decision_about
from sync.central.wording import STRAND_DECISIONS


@admin.register(Machine)
class MachineAdmin(SmallReadOnlyAdmin[Machine]):
    """Machines: which stand where, and taking them out of use."""

    list_display = (
        "kiosk",
        "number",
        "state",
        "fingerprint",
        time_column("enrolled_at", "登记时间"),
        time_column("ended_at", "停用时间"),
        "remark",
        "quarantine",
    )
    list_filter = ("state",)
    search_fields = ("=kiosk__number",)
    fields = ("kiosk", "number", "state", "fingerprint", "strand", "ended_by", "remark", "quarantine")
    readonly_fields = ("fingerprint", "quarantine")
    list_select_related = ("kiosk",)
    action_form = RemarkForm
    actions = ("confirm", "retire", "lost", "revoke", "take_over", "set_aside", "give_up")

    @admin.display(description="密钥指纹")
    def fingerprint(self, row: Machine) -> str:
        """What `keydesk status` shows there too."""
        return key_fingerprint(parse_certificate(bytes(row.issuing_certificate)).public_key)

    @admin.display(description="隔离记录")
    def quarantine(self, row: Machine) -> str:
        """Whether there are entries of it in quarantine, and what was decided about them."""
        there = StrayEntry.objects.filter(kiosk=row.kiosk_id, machine=row.number)[:1].exists()
        said = described(decision_about(row.kiosk_id, machine=row.number))
        return said if not there else "有，待处理" if said == "–" else f"有，{said}"

    def has_strand_permission(self, request: HttpRequest) -> bool:
        """Who may decide about what is in quarantine."""
        return bool(request.user.has_perm("ledger.decide_strand"))

    def has_give_up_permission(self, request: HttpRequest) -> bool:
        """Who may answer for it that no machine binds the orders in quarantine, so that their money goes back."""
        return self.has_strand_permission(request) and bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="接管隔离记录：读入账册（须填备注）", permissions=("strand",))
    def take_over(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Read into the books what machines sent into quarantine."""
        self._decide(request, queryset, StrandDecision.TAKE_OVER)

    @admin.action(
        description="搁置隔离记录：不入账，没有机器在用时订单的款可退（须填备注）", permissions=("strand",)
    )
    def set_aside(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Leave it there for good; a machine that works is asked before an order's money goes back."""
        self._decide(request, queryset, StrandDecision.SET_ASIDE)
        for kiosk in sorted(set(queryset.values_list("kiosk_id", flat=True))):
            if typed_remark(request) and has_working_machine(kiosk):
                self.message_user(request, f"{kiosk} 号机{STILL_WORKS}", messages.WARNING)

    @admin.action(
        description="舍弃隔离记录：不入账，并担保不再有机器办理其中的订单，款可退（须填备注）",
        permissions=("give_up",),
    )
    def give_up(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """The same, and whoever does it answers for it that no machine binds the orders, so that money goes back."""
        self._decide(request, queryset, StrandDecision.GIVEN_UP)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Machine], decision: StrandDecision) -> None:
        remark = needed_remark(self, request)
        if not remark:
            return
        name = STRAND_DECISIONS[decision.value]
        for machine in queryset:
            by = request.user.get_username()
            moved, left = decide_quarantine(machine, decision, by, remark, centre_now())
            self.log_change(request, machine, f"{name}隔离记录：{remark}")
            said = f"{machine}：{name}隔离记录"
            if decision is StrandDecision.TAKE_OVER:
                said = f"{said}，读入 {moved} 条，接不上的 {left} 条留在隔离区"
                said += "；还有更多，请再接管一次" if moved + left == AT_ONCE else ""
            self.message_user(request, said, messages.WARNING)
        tell_if_waiting(self, request)

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Who may take a machine out of use."""
        return bool(request.user.has_perm("fleet.change_machine"))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may revoke."""
        return bool(request.user.has_perm("fleet.revoke_kiosk"))

    @admin.action(description="确认机器：中心恢复后登记它的记录（须填备注）", permissions=("end",))
    def confirm(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Let machines serve members that showed their deeds after the centre was put back, and enter what they sent."""
        remark = needed_remark(self, request)
        if not remark:
            return
        by, now, count = request.user.get_username(), centre_now(), 0
        for machine in queryset:
            if confirm_machine(machine, by, remark, now):
                self.log_change(request, machine, f"确认：{remark}")
                count += 1
        waiting = queryset.count() - count
        self.message_user(request, f"已确认 {count} 台", messages.SUCCESS if count else messages.WARNING)
        if waiting:
            self.message_user(request, f"另有 {waiting} 台不在等确认，没有改动", messages.WARNING)

    @admin.action(description="停用机器（还能传完记录，须填备注）", permissions=("end",))
    def retire(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Retire machines: they may upload what they have, and are enrolled anew with a new token."""
        working = queryset.filter(state__in=(MachineState.ENROLLED, MachineState.UNCONFIRMED))
        self._end(request, working, MachineState.RETIRED)

    @admin.action(description="登记为丢失（还能传完记录，须填备注）", permissions=("end",))
    def lost(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Note that machines are lost; the same, with another word for it."""
        self._end(request, queryset.exclude(state=MachineState.REVOKED), MachineState.LOST)

    @admin.action(description="吊销机器（之后的记录隔离保存，须填备注）", permissions=("revoke",))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        """Revoke machines: what they still send is kept in quarantine; the kiosk may get another."""
        self._end(request, queryset.exclude(state=MachineState.REVOKED), MachineState.REVOKED)

    def _end(self, request: HttpRequest, queryset: QuerySet[Machine], state: MachineState) -> None:
        remark = needed_remark(self, request)
        if not remark:
            return
        machines = list(queryset)
        for machine in machines:
            end(machine, state, request.user.get_username(), remark, centre_now())
            record_soon()
            self.log_change(request, machine, f"{state.label}：{remark}")
        self.message_user(request, f"{state.label}：{len(machines)} 台", messages.WARNING)
