"""The console's pages of members, staff and prices; saving publishes."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from kiosk.domain.credit_codes import tidy_code
from kiosk.domain.documents import DocumentKind, document_fault
from kiosk.domain.masking import masked_document
from kiosk.domain.members import Review, shown_review
from kiosk.domain.promises import china_day
from kiosk.pki.passwords import make_verifier
from sync.central.console.base import (
    Admin,
    FenField,
    Form,
    Page,
    SecondsField,
    SmallAdmin,
    time_column,
    yuan_column,
)
from sync.central.console.filters import RefusedNames
from sync.central.console.password_links import link_state, send_link, sends_links
from sync.central.console.users import PASSWORD_RULE, password_refusal
from sync.central.context import centre_now
from sync.central.fleet.feed.telling import telling
from sync.central.ledger.publishing import publish_enterprise, publish_operators
from sync.central.ledger.reviewing import lock_accounts, traders_wait
from sync.central.login.first_passwords import end_of
from sync.central.members.models import (
    DeskStaff,
    Enterprise,
    FeeSchedule,
    Operator,
    ReviewState,
    name_faults,
)
from sync.central.members.publishing import publish_schedule, publish_staff

Person = TypeVar("Person", DeskStaff, Operator)
_LINK_ENDED = "发到原手机的设置密码链接已失效，请重发"


def name_column() -> Any:  # the stubs know columns by name alone
    """A column that says what is wrong with a name that was stored under a former rule."""

    @admin.display(description="名称的问题")
    def column(row: Any) -> str:
        return "；".join(name_faults(row)) or "–"

    return column


class PasswordForm(Form[Any]):
    """A form that takes a new password, of which only the Argon2id hash is stored."""

    new_password = forms.CharField(
        label="新密码",
        required=False,
        strip=False,
        widget=forms.PasswordInput,
        help_text=f"不填则不改。{PASSWORD_RULE}",
    )

    def __init__(self, *positional: Any, **named: Any) -> None:
        """Whoever has no password yet is told what that means."""
        super().__init__(*positional, **named)
        if not self.instance.verifier:
            self.fields["new_password"].help_text = f"还没有密码，没有密码不能登录。{PASSWORD_RULE}"

    def clean(self) -> dict[str, Any]:
        """What a member could not choose is nobody's password, and nothing with the account or the name in it."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        password = given.get("new_password") or ""
        called = next(
            str(given.get(field) or value)
            for field in ("account", "name")
            if (value := getattr(self.instance, field, None)) is not None
        )
        refused = password_refusal(password, called) if password else None
        if refused is not None:
            self.add_error("new_password", refused)
        return given


class OperatorForm(Form[Any]):
    """A form of operators, which takes the number of an identity document and keeps what is masked of it."""

    new_document_number = forms.CharField(label="新证件号码", required=False, max_length=40)

    def __init__(self, *positional: Any, **named: Any) -> None:
        """Show what is kept of the number."""
        super().__init__(*positional, **named)
        known = self.instance.document_number or "没有"
        self.fields["new_document_number"].help_text = f"不填则不改；核对后只保存首尾几位，现有：{known}"

    def clean(self) -> dict[str, Any]:
        """A number has to be one of the document's kind."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        number = tidy_code(cleaned.get("new_document_number") or "")
        kind = cleaned.get("document") or ""
        if number and not kind:
            self.add_error("document", "请选证件类型")
        elif number and document_fault(DocumentKind(kind), number, china_day(centre_now())) is not None:
            self.add_error("new_document_number", "不是这种证件的号码，请核对")
        cleaned["new_document_number"] = number
        return cleaned


class OperatorPasswordForm(PasswordForm, OperatorForm):
    """The same with a password, where no messages are sent with which operators could set their own."""


class StaffForm(PasswordForm):
    """A form of the desk's staff, who are of no use without a password.

    A name is what kiosks know a person by, and what stands in the journal; another one makes another row.
    """

    new_name = forms.CharField(
        label="改名为",
        required=False,
        max_length=40,
        help_text="不改就空着。改名后用新姓名和原来的密码登录；原姓名不能再登录，日志里已有的记录不变",
    )

    def clean_new_name(self) -> str:
        """Take a name by the rules of any, that nobody has yet."""
        typed = self.cleaned_data["new_name"].strip()
        field = DeskStaff._meta.get_field("name")  # noqa: SLF001 - Django's documented interface
        name: str = field.clean(typed, self.instance) if typed else ""
        if name in {"", self.instance.name}:
            return ""
        if DeskStaff.objects.filter(name=name).exists():
            raise ValidationError("已有叫这个姓名的柜台人员")
        return name

    def __init__(self, *positional: Any, **named: Any) -> None:
        """Whoever has no password yet needs one."""
        super().__init__(*positional, **named)
        self.fields["new_password"].required = not self.instance.verifier


class _Permanent(Page[Any]):
    """Rows that are published to kiosks and never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Kiosks cannot delete a row that was published."""
        del request, obj
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The primary key cannot be changed: another value would make a second row."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (self.opts.pk.name, *fields)


@admin.register(Enterprise)
class EnterpriseAdmin(_Permanent, Admin[Any]):
    """Member enterprises."""

    list_display = ("code", "name", "legal_person", "review", "standing", name_column())
    list_filter = ("review", RefusedNames)
    search_fields = ("^code", "^name", "=legal_person")
    filter_horizontal = ("kiosks",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each with whether a trader of it waits."""
        rows: QuerySet[Any] = super().get_queryset(request).annotate(trader_waits=traders_wait())
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Where the enterprise stands, beside its own review."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "standing")

    @admin.display(description="企业状态")
    def standing(self, row: Any) -> str:
        """As members and the web site see it: 审核中 also while another trader waits."""
        shown = ReviewState(shown_review(Review(row.review), trader_waits=row.trader_waits).value)
        waits = "（添加交易员，待审核）" if row.trader_waits else ""
        return f"{shown.label}{waits}"

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[Any],
        formsets: Any,
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Publish after the enterprise's kiosks are saved."""
        super().save_related(request, form, formsets, change)
        publish_enterprise(form.instance, centre_now())


@admin.register(Operator)
class OperatorAdmin(_Permanent, Admin[Any]):
    """Operators and their review."""

    form = OperatorPasswordForm
    list_display = ("account", "name", "enterprise", "review", name_column())
    list_filter = ("review", RefusedNames)
    search_fields = ("^account", "=name", "^enterprise__name")
    autocomplete_fields = ("enterprise",)
    actions = ("approve", "refuse", "send_password_link")

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Who may decide on an operator."""
        return bool(request.user.has_perm("members.review_operator"))

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        **kwargs: Any,
    ) -> Any:
        """No password is typed here where operators get links to set their own."""
        if sends_links():
            kwargs["form"] = OperatorForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Only those who may review can change the review; of a password is told whether there is one."""
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = (*fields, "password_state")
        return fields if self.has_review_permission(request) else (*fields, "review")

    @admin.display(description="登录密码")
    def password_state(self, obj: Operator) -> str:
        """Whether there is a password, and where the latest link stands."""
        return link_state(obj)

    @admin.action(description="发送设置密码的链接（以前的失效）", permissions=("review",))
    def send_password_link(self, request: HttpRequest, queryset: QuerySet[Operator]) -> None:
        """Send links with which operators set their passwords."""
        for operator in queryset:
            send_link(self, request, operator)

    def save_model(
        self,
        request: HttpRequest,
        obj: Operator,
        form: ModelForm[Operator],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save and publish: of one who is known only what was changed here, since a member may set the password meanwhile."""
        changed = [name for name in form.changed_data if not name.startswith("new_")]
        if _set_password(obj, form):
            changed.append("verifier")
        number = form.cleaned_data["new_document_number"]
        if number or "document" in changed:
            obj.document_number = masked_document(number)
            changed.append("document_number")
        ended = False
        with telling(centre_now()):
            if change:
                obj.save(update_fields=changed)
                ended = "phone" in changed and end_of(obj.account, centre_now())
            else:
                lock_accounts()
                obj.save(force_insert=True)
            publish_operators([obj], centre_now())
        if ended:
            self.message_user(request, _LINK_ENDED, messages.WARNING)

    @admin.action(description="批准所选操作员", permissions=("review",))
    def approve(self, request: HttpRequest, queryset: QuerySet[Operator]) -> None:
        """Approve those whose names can be used."""
        refused = {operator.pk: faults for operator in queryset if (faults := name_faults(operator))}
        for account, faults in refused.items():
            self.message_user(request, f"{account} 没有批准：{'；'.join(faults)}", messages.ERROR)
        usable = queryset.exclude(pk__in=refused)
        if usable:
            self._decide(request, usable, ReviewState.APPROVED)

    @admin.action(description="退回所选操作员", permissions=("review",))
    def refuse(self, request: HttpRequest, queryset: QuerySet[Operator]) -> None:
        """Refuse."""
        self._decide(request, queryset, ReviewState.REFUSED)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Operator], review: ReviewState) -> None:
        with telling(centre_now()):
            for operator in queryset:
                operator.review = review
                operator.save(update_fields=["review"])
            publish_operators(queryset, centre_now())
        self.message_user(request, f"{queryset.count()} 人：{review.label}", messages.SUCCESS)


@admin.register(DeskStaff)
class StaffAdmin(_Permanent, SmallAdmin[Any]):
    """The desk's staff."""

    form = StaffForm
    list_display = ("name", "role", name_column())
    list_filter = (RefusedNames,)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Who is new has one name alone."""
        fields = super().get_fields(request, obj)
        return [each for each in fields if each != "new_name"] if obj is None else fields

    def save_model(
        self,
        request: HttpRequest,
        obj: DeskStaff,
        form: ModelForm[DeskStaff],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save and publish; under a new name as another row, beside which the old one opens nothing any more."""
        _set_password(obj, form)
        name = form.cleaned_data.get("new_name") if change else ""
        with telling(centre_now()):
            if name:
                renamed = DeskStaff(name=name, role=obj.role, verifier=obj.verifier)
                renamed.save(force_insert=True)
                publish_staff(renamed, centre_now())
                obj.verifier = ""
            super().save_model(request, obj, form, change)
            publish_staff(obj, centre_now())
        if name:
            self.message_user(request, f"{obj.name} 现在叫 {name}，原姓名不能再登录", messages.SUCCESS)


class FeeScheduleForm(Form[FeeSchedule]):
    """The form of a fee schedule."""

    effective_from = SecondsField(label="生效时间", help_text="中国时间")

    class Meta:
        """Every price."""

        model = FeeSchedule
        exclude = ()
        field_classes = dict.fromkeys(("token", "certificate", "service"), FenField)
        help_texts = dict.fromkeys(("token", "certificate", "service"), "整数：11000 就是 110.00 元")

    def clean_effective_from(self) -> int:
        """Take a moment from which no other schedule holds: of two, nobody could say which counts."""
        moment: int = self.cleaned_data["effective_from"]
        other = FeeSchedule.objects.filter(effective_from=moment).exclude(pk=self.instance.pk).first()
        if other is not None:
            raise ValidationError(f"{other} 也从这个时间起生效，请改一个时间")
        return moment


@admin.register(FeeSchedule)
class FeeScheduleAdmin(_Permanent, SmallAdmin[Any]):
    """Fee schedules: added, never changed, since orders name them by number."""

    form = FeeScheduleForm
    list_display = (
        "number",
        time_column("effective_from", "生效时间"),
        yuan_column("token", "国产密钥"),
        yuan_column("certificate", "证书费用"),
        yuan_column("service", "服务费"),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A published schedule stays as it is."""
        del request, obj
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: FeeSchedule,
        form: ModelForm[FeeSchedule],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save and publish."""
        with telling(centre_now()):
            super().save_model(request, obj, form, change)
            publish_schedule(obj, centre_now())


def _set_password(row: Person, form: ModelForm[Person]) -> bool:
    """Whether a password was typed, which the row has now."""
    password = form.cleaned_data.get("new_password") or ""
    if password.strip():
        row.verifier = make_verifier(password)
    return bool(password.strip())
