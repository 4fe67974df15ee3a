"""The console's pages of the journal and its alarms."""

from __future__ import annotations

import pprint

import msgspec
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from kiosk.domain.entries.decisions import StrandDecision
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.identifiers import number_in
from kiosk.labels import REMARK_REASONS
from sync.central.console.base import (
    ReadOnlyAdmin,
    RemarkForm,
    SmallReadOnlyAdmin,
    hex_column,
    kiosk_column,
    needed_remark,
    number_column,
    time_column,
    typed_remark,
    yuan_column,
)
from sync.central.console.filters import KioskEntryFilter, KioskKeyFilter, KioskTextFilter, SetFilter
from sync.central.console.waiting import STILL_WORKS, described, tell_if_waiting
from sync.central.context import centre_now
from sync.central.fleet.machines import has_working_machine
from sync.central.journal.alarms import close_alarm
from sync.central.journal.models import Alarm, Entry, Fact, Snapshot, Strand, StrayEntry
from sync.central.ledger.deciding_strands import decide_strand
from sync.central.ledger.models import EntryRemark, StrandCursor
from sync.central.ledger.set_aside import decision_about
from sync.central.tables import strand_number
from sync.central.wording import STRAND_DECISIONS

_SUBJECT = number_column("subject", "对象")
_ORDER = number_column("order")
_WHEN = (time_column("wall", "终端机时间"), time_column("received_at", "收到时间"))


class _Readable:
    """Adds a column with an entry's content."""

    @admin.display(description="内容")
    def readable(self, row: Entry | StrayEntry) -> str:
        """The content, bytes as hex."""
        try:
            content = _printable(msgspec.msgpack.decode(bytes(row.data)))
            return pprint.pformat(content, width=100, sort_dicts=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return bytes(row.data).hex()


def _printable(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: _printable(each) for key, each in value.items()}
        case list():
            return [_printable(each) for each in value]
        case _:
            return value


@admin.register(Strand)
class StrandAdmin(SmallReadOnlyAdmin[Strand]):
    """The strands of the kiosks' journals."""

    list_display = (
        "kiosk",
        "number",
        "machine",
        "parent",
        "branch_sequence",
        "high_sequence",
        hex_column("high_hash", "哈希"),
        time_column("received_at", "最近收到"),
        "decision",
    )
    list_filter = (("kiosk", KioskKeyFilter),)
    readonly_fields = ("decision",)
    action_form = RemarkForm
    actions = ("take_over", "set_aside", "give_up")

    @admin.display(description="处理")
    def decision(self, row: Strand) -> str:
        """What was decided about it."""
        return described(decision_about(row.kiosk, strand=row.number))

    def has_strand_permission(self, request: HttpRequest) -> bool:
        """Who may take strands over or set them aside."""
        return bool(request.user.has_perm("ledger.decide_strand"))

    def has_give_up_permission(self, request: HttpRequest) -> bool:
        """Who may answer for it that no machine binds a strand's orders, so that their money goes back."""
        return self.has_strand_permission(request) and bool(request.user.has_perm("payments.refund_payment"))

    @admin.action(description="接管：记录照常入账、登记（须填备注）", permissions=("strand",))
    def take_over(self, request: HttpRequest, queryset: QuerySet[Strand]) -> None:
        """Have strands count as any other."""
        self._decide(request, queryset, StrandDecision.TAKE_OVER)

    @admin.action(
        description="搁置：未登记的key盘停用，没有机器在用时订单的款可退（须填备注）", permissions=("strand",)
    )
    def set_aside(self, request: HttpRequest, queryset: QuerySet[Strand]) -> None:
        """Have nothing of strands come into use; a machine that works is asked before an order's money goes back."""
        self._decide(request, queryset, StrandDecision.SET_ASIDE)
        for kiosk in sorted(set(queryset.values_list("kiosk", flat=True))):
            if typed_remark(request) and has_working_machine(kiosk):
                self.message_user(request, f"{kiosk} 号机{STILL_WORKS}", messages.WARNING)

    @admin.action(
        description="舍弃：搁置，并担保不再有机器办理其中的订单，款可退（须填备注）", permissions=("give_up",)
    )
    def give_up(self, request: HttpRequest, queryset: QuerySet[Strand]) -> None:
        """The same, and whoever does it answers for it that no machine binds the orders, so that money goes back."""
        self._decide(request, queryset, StrandDecision.GIVEN_UP)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Strand], decision: StrandDecision) -> None:
        remark = needed_remark(self, request)
        if not remark:
            return
        strands = list(queryset.exclude(kiosk=EXCHANGE_KIOSK))
        for strand in strands:
            decide_strand(strand, decision, request.user.get_username(), remark, centre_now())
            self.log_change(request, strand, f"{STRAND_DECISIONS[decision.value]}：{remark}")
        said = f"{STRAND_DECISIONS[decision.value]}：{len(strands)} 条日志线"
        self.message_user(request, said, messages.WARNING)
        tell_if_waiting(self, request)


@admin.register(Entry)
class EntryAdmin(_Readable, ReadOnlyAdmin[Entry]):
    """The journals as received."""

    list_display = (
        kiosk_column(),
        "strand",
        "epoch",
        "sequence",
        hex_column("hash", "哈希"),
        "kind",
        _SUBJECT,
        "account",
        *_WHEN,
    )
    list_filter = (("kiosk", KioskEntryFilter), "kind")
    search_fields = ("=account", "^subject")
    fields = (
        "kiosk",
        "strand",
        "machine",
        "epoch",
        "sequence",
        "kind",
        _SUBJECT,
        "account",
        "applied",
        "explanation",
        "readable",
    )
    readonly_fields = (_SUBJECT, "applied", "explanation", "readable")

    @admin.display(description="已入账", boolean=True)
    def applied(self, row: Entry) -> bool:
        """Whether it was applied."""
        strand = strand_number(row.kiosk, row.strand)
        return StrandCursor.objects.filter(strand=strand, applied__gte=row.sequence).exists()

    @admin.display(description="说明")
    def explanation(self, row: Entry) -> str:
        """What was remarked when it was applied."""
        remarks = EntryRemark.objects.filter(entry=row.key).order_by("key")
        return (
            "；".join(f"{REMARK_REASONS[each.reason]} {number_in(each.subject)}" for each in remarks) or "–"
        )


@admin.register(StrayEntry)
class StrayEntryAdmin(_Readable, ReadOnlyAdmin[StrayEntry]):
    """Quarantine."""

    list_display = ("kiosk", "machine", "epoch", "sequence", hex_column("hash", "哈希"), "kind", *_WHEN)
    list_filter = (("kiosk", KioskTextFilter),)
    fields = ("kiosk", "machine", "epoch", "sequence", "kind", "readable")
    readonly_fields = ("readable",)


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin[Snapshot]):
    """The snapshots that kiosks showed, behind which they delete old entries; one a kiosk and month."""

    list_display = (
        "kiosk",
        "sequence",
        "state",
        "reason",
        "machine",
        "strand",
        time_column("received_at", "收到时间"),
    )
    list_filter = (("kiosk", KioskTextFilter),)
    exclude = ("data", "signature")


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin[Fact]):
    """Facts, whatever became of their entries."""

    list_display = (
        "kind",
        "kiosk",
        "strand",
        "sequence",
        "source",
        _ORDER,
        "certificate_number",
        yuan_column("amount", "金额"),
        "how",
        "transaction",
        *_WHEN,
    )
    list_filter = (("kiosk", KioskTextFilter), "kind", "source", "how")
    search_fields = ("^order", "=certificate_number")
    exclude = ("order", "certificate")
    readonly_fields = (_ORDER,)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin[Alarm]):
    """Alarms, which a person must look at."""

    list_display = (
        "kind",
        kiosk_column(),
        _SUBJECT,
        "detail",
        time_column("raised_at", "时间"),
        time_column("cleared_at", "处理时间"),
        "cleared_by",
        "remark",
    )
    list_filter = (("cleared_at", SetFilter), "kind")
    exclude = ("key", "subject")
    readonly_fields = (_SUBJECT,)
    action_form = RemarkForm
    actions = ("clear",)

    def has_clear_permission(self, request: HttpRequest) -> bool:
        """Who may close alarms."""
        return bool(request.user.has_perm("journal.change_alarm"))

    @admin.action(description="标记为已处理（须填备注）", permissions=("clear",))
    def clear(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> None:
        """Close alarms, with a remark that is logged."""
        remark = needed_remark(self, request)
        if not remark:
            return
        alarms = list(queryset.filter(cleared_at=None))
        for alarm in alarms:
            close_alarm(alarm, request.user.get_username(), remark, centre_now())
            self.log_change(request, alarm, f"已处理：{remark}")
        self.message_user(request, f"已处理 {len(alarms)} 条告警", messages.SUCCESS)
