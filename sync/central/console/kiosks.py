"""The console's pages of kiosks, policies and feeds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from kiosk.domain.nights import ALARMING
from kiosk.domain.policy import Policy
from kiosk.domain.versions import Version
from kiosk.labels import night_finding, why_unapplied
from kiosk.pki.issuing import key_fingerprint
from sync.central.console.base import (
    FenField,
    Form,
    ReadOnlyAdmin,
    RemarkForm,
    SecondsField,
    SmallAdmin,
    SmallReadOnlyAdmin,
    needed_remark,
    time_column,
)
from sync.central.console.filters import AudienceFilter, KioskFilter, SetFilter
from sync.central.console.waiting import tell_if_waiting
from sync.central.context import centre_keys, centre_now
from sync.central.fleet import policies, unapplied_rows
from sync.central.fleet.enrolment_tokens import hand_out, unused_tokens, void_words
from sync.central.fleet.feed.models import FeedRow, KeptRow
from sync.central.fleet.models import IssuingRequest, Kiosk, KioskPolicy, KioskState
from sync.central.fleet.standing import record_soon
from sync.central.formats import china_time
from sync.central.journal.nights import findings_of, nights_missed
from sync.central.ledger.publishing import publish_audiences
from sync.central.ledger.settling import held_by, lift_holds
from sync.central.wording import audience_name

AT_ONCE = 200
"""The most holds that are lifted at once."""
WAITING, SIGNED = "等待根证书签发", "已签发"
HERE, ELSEWHERE = "根密钥在中心，与数据库在一起", "根密钥不在中心：keydesk-central root export-requests"
LATE = 300  # seconds without contact after which a kiosk counts as offline


@admin.register(Kiosk)
class KioskAdmin(SmallAdmin[Kiosk]):
    """Kiosks: last contact, backlog, enrolment, revocation."""

    list_display = (
        "number",
        "place",
        "state",
        "reachable",
        time_column("last_contact", "最近联系"),
        "night",
        "backlog",
        "clock_offset",
        "program",
    )
    list_filter = ("state",)
    search_fields = ("number", "place")
    readonly_fields = (
        "state",
        "unused_token",
        time_column("enrolled_at", "登记时间"),
        time_column("last_contact", "最近联系"),
        "backlog",
        "clock_offset",
        "program",
        "announced_sequence",
        "cursors",
        time_column("night_ended", "最近夜间检查"),
        "night_left",
        "night_expiring",
    )
    action_form = RemarkForm
    actions = ("enrolment_token", "revoke", "lift_holds")

    @admin.display(description="联网", boolean=True)
    def reachable(self, row: Kiosk) -> bool:
        """Whether it was in contact lately."""
        return row.last_contact is not None and centre_now() - row.last_contact < LATE

    @admin.display(description="夜间检查")
    def night(self, row: Kiosk) -> str:
        """How many nights it missed, or what its last nightly run left for people; and when that ended."""
        if row.night_since is None:
            return "–"
        when = china_time(row.night_ended)[5:16]  # without the year and the seconds
        if (missed := nights_missed(row, centre_now())) >= ALARMING and row.state == KioskState.ENROLLED:
            return f"{missed} 夜没有做 {when}".rstrip()
        left = len(findings_of(row))
        return f"{f'{left} 件事要处理' if left else '全部正常'} {when}" if when else "–"

    @admin.display(description="夜间检查要处理的事")
    def night_left(self, row: Kiosk) -> str:
        """What its last nightly run left for people."""
        found = (night_finding(each.kind, each.count, each.step, _in_chinese) for each in findings_of(row))
        return "；".join(found) or "–"

    @admin.display(description="登记令牌")
    def unused_token(self, row: Kiosk) -> str:
        """The token that was given out and not used; another one makes it void."""
        token = unused_tokens(row.number, centre_now()).first()
        if token is None:
            return "–"
        said = f"{china_time(token.made_at)} 发放，还没有用，{china_time(token.expires_at)} 失效"
        return f"{said}；一台机器正凭它等待根证书签发" if token.device_key else said

    def get_readonly_fields(self, request: HttpRequest, obj: Kiosk | None = None) -> Any:
        """The number cannot be changed."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else ("number", *fields)

    def get_fields(self, request: HttpRequest, obj: Kiosk | None = None) -> Any:
        """Who it is, what can be typed, then what it tells."""
        del request
        typed = ("number", "place", "serves_all")
        return typed if obj is None else (*typed, *self.readonly_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Kiosk | None = None) -> bool:
        """Kiosks are revoked, not deleted."""
        del request, obj
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Kiosk,
        form: ModelForm[Kiosk],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save the changed fields alone: uploads, feeds and revocations write the same row meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        obj.save(update_fields=form.changed_data)
        obj.refresh_from_db()
        if "serves_all" in form.changed_data and obj.state == KioskState.ENROLLED:
            publish_audiences(obj, centre_now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may revoke."""
        return bool(request.user.has_perm("fleet.revoke_kiosk"))

    @admin.action(description="发放登记令牌", permissions=("change",))
    def enrolment_token(self, request: HttpRequest, queryset: QuerySet[Kiosk]) -> None:
        """Give out a one-time enrolment token, shown only now."""
        for kiosk in queryset:
            if kiosk.state == KioskState.REVOKED:
                self.message_user(request, f"{kiosk}：已吊销，不能再登记", messages.ERROR)
            else:
                given = hand_out(kiosk.number, centre_now())
                self.message_user(request, f"{kiosk}：{given.token}")
                if given.voided:
                    self.message_user(request, f"{kiosk}：{void_words(given, _in_chinese)}", messages.WARNING)

    @admin.action(description="吊销终端机（不能恢复，须填备注）", permissions=("revoke",))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Kiosk]) -> None:
        """Revoke kiosks, with a remark that is logged; what they still send is kept in quarantine."""
        remark = needed_remark(self, request)
        if not remark:
            return
        kiosks = list(queryset.exclude(state=KioskState.REVOKED))
        for kiosk in kiosks:
            Kiosk.objects.filter(number=kiosk.number).update(state=KioskState.REVOKED)
            record_soon()
            self.log_change(request, kiosk, f"吊销：{remark}")
        self.message_user(request, f"已吊销 {len(kiosks)} 台；它们之后上传的记录将隔离保存", messages.WARNING)

    def has_key_permission(self, request: HttpRequest) -> bool:
        """Who may decide which key is an account's."""
        return bool(request.user.has_perm("ledger.decide_key"))

    @admin.action(description="解除已吊销终端机的挂失（须填备注）", permissions=("key",))
    def lift_holds(self, request: HttpRequest, queryset: QuerySet[Kiosk]) -> None:
        """Lift the holds that revoked kiosks alone set, which stay until somebody decides so."""
        remark = needed_remark(self, request)
        if not remark:
            return
        for kiosk in queryset.filter(state=KioskState.REVOKED):
            accounts = held_by(kiosk.number)[:AT_ONCE]
            lifted = lift_holds(accounts, request.user.get_username(), centre_now())
            self.log_change(request, kiosk, f"解除挂失 {'、'.join(lifted)}：{remark}")
            self.message_user(request, f"{kiosk}：已解除 {len(lifted)} 个账号的挂失", messages.SUCCESS)
        tell_if_waiting(self, request)


class PolicyForm(Form[KioskPolicy]):
    """The form of a policy's limits."""

    valid_until = SecondsField(label="有效至", help_text="中国时间")

    class Meta:
        """Every limit."""

        model = KioskPolicy
        exclude = ()
        field_classes = dict.fromkeys(("unsynced_amount",), FenField)


@admin.register(KioskPolicy)
class PolicyAdmin(SmallAdmin[KioskPolicy]):
    """Policies: adding one signs and publishes it; policies are never changed."""

    form = PolicyForm
    list_display = (
        "kiosk",
        "number",
        time_column("valid_until", "有效至"),
        "prolonged",
        "unsynced_certificates",
        "unsynced_amount",
        "clock_deviation",
        "payment_window",
        "losses_a_day",
    )
    list_filter = ("kiosk",)

    def has_change_permission(self, request: HttpRequest, obj: KioskPolicy | None = None) -> bool:
        """A signed policy stays as it is."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KioskPolicy | None = None) -> bool:
        """Entries name policies by number."""
        del request, obj
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: KioskPolicy,
        form: ModelForm[KioskPolicy],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Sign and publish the limits that were typed."""
        del request, form, change
        limits = Policy(
            number=0,
            kiosk=obj.kiosk_id,
            valid_until=obj.valid_until,
            unsynced_certificates=obj.unsynced_certificates,
            unsynced_amount=obj.unsynced_amount,
            server_time_age=obj.server_time_age,
            clock_deviation=obj.clock_deviation,
            payment_window=obj.payment_window,
            certificate_years=obj.certificate_years,
            losses_a_day=obj.losses_a_day,
        )
        issued = policies.issue(obj.kiosk_id, limits, centre_keys(), centre_now(), prolonged=obj.prolonged)
        obj.key, obj.number = issued.key, issued.number


def _in_chinese(message: str, **parameters: object) -> str:
    return message.format(**parameters) if parameters else message


@admin.register(KeptRow)
class KeptAdmin(ReadOnlyAdmin[KeptRow]):
    """Rows of the feed that kiosks could not apply; a person sees to them."""

    list_display = (
        "kiosk",
        "kind",
        "key",
        "why",
        time_column("noted_at", "时间"),
        time_column("gone_at", "终端机不再保留"),
        time_column("closed_at", "处理时间"),
        "closed_by",
        "remark",
    )
    list_filter = (("kiosk", KioskFilter), ("closed_at", SetFilter), ("gone_at", SetFilter), "kind")
    exclude = ("problem", "audience")
    readonly_fields = ("for_whom", "why")
    action_form = RemarkForm
    actions = ("dismiss",)

    @admin.display(description="受众")
    def for_whom(self, row: KeptRow) -> str:
        """Whom the row is for."""
        return audience_name(row.audience)

    @admin.display(description="原因")
    def why(self, row: KeptRow) -> str:
        """The problem in words."""
        said, detail = why_unapplied(row.problem, _in_chinese)
        return f"{said}（{detail}）" if detail else said

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        """Who may close them."""
        return bool(request.user.has_perm("fleet.change_keptrow"))

    @admin.action(description="标记为已处理（须填备注）", permissions=("dismiss",))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[KeptRow]) -> None:
        """Close rows, with a remark that is logged; their kiosks drop what is for them alone."""
        remark = needed_remark(self, request)
        if not remark:
            return
        rows = list(queryset.filter(closed_at=None))
        for row in rows:
            unapplied_rows.dismiss(row, request.user.get_username(), remark, centre_now())
            self.log_change(request, row, f"已处理：{remark}")
        self.message_user(request, f"已处理 {len(rows)} 项资料", messages.SUCCESS)


@admin.register(FeedRow)
class FeedAdmin(ReadOnlyAdmin[FeedRow]):
    """What the kiosks are told, the latest first."""

    list_display = ("for_whom", "key", "kind", "version", "live", time_column("made_at", "时间"))
    list_filter = (("audience", AudienceFilter), "kind")
    search_fields = ("^key",)
    fields = ("for_whom", "key", "kind", "version", "base", "live", "echoed", "text")
    readonly_fields = ("for_whom", "version", "base", "echoed", "text")

    @admin.display(description="受众")
    def for_whom(self, row: FeedRow) -> str:
        """Whom the row is for."""
        return audience_name(row.audience)

    @admin.display(description="版本")
    def version(self, row: FeedRow) -> str:
        """The row's version."""
        return str(Version(row.incarnation, row.stamp))

    @admin.display(description="代替的版本")
    def base(self, row: FeedRow) -> str:
        """The version that it replaces."""
        return str(Version(row.base_incarnation, row.base_stamp)) if row.base_stamp else "无"

    @admin.display(description="终端机已入账")
    def echoed(self, row: FeedRow) -> str:
        """When its kiosk entered it."""
        return china_time(row.echoed_at)

    @admin.display(description="内容")
    def text(self, row: FeedRow) -> str:
        """The body; password verifiers are not shown."""
        if row.kind in {"operator", "staff"}:
            return "（含密码校验值，不显示）"
        return bytes(row.body).decode() or "（已由后来的代替，不再保留）"


@admin.register(IssuingRequest)
class IssuingRequestAdmin(SmallReadOnlyAdmin[IssuingRequest]):
    """Requests of kiosks: which wait, and which the root signed."""

    list_display = (
        "kiosk",
        "state",
        "fingerprint",
        time_column("asked_at", "申请时间"),
        time_column("signed_at", "导入时间"),
    )
    search_fields = ("=kiosk__number",)
    fields = ("kiosk", "state", "fingerprint", "asked_at", "signed_at")
    readonly_fields = ("state", "fingerprint")
    list_select_related = ("kiosk",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and above it where the root's key is."""
        where = HERE if centre_keys().root_is_here else ELSEWHERE
        return super().changelist_view(request, {**(extra_context or {}), "title": where})

    @admin.display(description="状态")
    def state(self, row: IssuingRequest) -> str:
        """Whether it waits."""
        return SIGNED if row.certificate else WAITING

    @admin.display(description="申请指纹")
    def fingerprint(self, row: IssuingRequest) -> str:
        """What the kiosk shows too."""
        return key_fingerprint(bytes(row.public_key))
