"""Members, operators and the desks' staff on the console."""

from __future__ import annotations

import time
import unicodedata

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms import ModelForm
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from kiosk.domain.documents import DocumentKind
from kiosk.domain.feed import EnterprisePublished, OperatorPublished, StaffPublished
from kiosk.domain.login_check import CodeJudged, CodeJudgement, FirstPasswordChosen
from kiosk.domain.members import Review
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName, member_name, read_member_name
from kiosk.pki.passwords import make_verifier
from sync.central.configuration import SmsProviderName
from sync.central.console.base import Form
from sync.central.console.users import PASSWORD_RULE
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import Matter
from sync.central.login import first_passwords
from sync.central.login.models import MemberSession, PasswordInvitation
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator
from sync.central.payments.models import Payment
from tests.support.kiosk_double import KioskDouble
from tests.support.values import present
from tests.sync.central.console.acting import act

pytestmark = pytest.mark.django_db


def test_approving_an_operator_publishes_it(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    assert "已通过" in act(staff, Operator, "approve", "11000005")
    (told,) = [each for each in kiosk.news() if isinstance(each, OperatorPublished)]
    assert (told.operator.account, told.operator.review) == ("11000005", Review.APPROVED)
    assert told.operator.verifier.startswith("$argon2id$")
    assert "已退回" in act(staff, Operator, "refuse", "11000005")
    assert Operator.objects.get(account="11000005").review == "refused"


@pytest.mark.parametrize(
    ("model", "named", "others"),
    [(Operator, "11000005", "11000001"), (Enterprise, None, None), (DeskStaff, "张华", "林涛")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_name_that_was_stored_under_a_former_rule_is_said_in_its_list_and_can_be_searched_for(
    staff: Client, kiosk: KioskDouble, model: type[Model], named: str | None, others: str | None
) -> None:
    codes = Enterprise.objects.order_by("code").values_list("code", flat=True)
    named, others = named or codes[0], others or codes[1]
    former = {"name": f"{named}\ue001"} if model is DeskStaff else {"name": "程\ue001"}
    model._base_manager.filter(pk=named).update(**former)
    page = reverse(f"admin:members_{model._meta.model_name}_changelist")
    for address in (page, f"{page}?names=refused"):
        assert "U+E001" in staff.get(address).content.decode()
    found = staff.get(f"{page}?names=refused").context["cl"].result_list
    assert [each.name for each in found] == [former["name"]]
    assert others not in {each.pk for each in found}
    assert staff.get(f"{page}?names=other").status_code == 302


def test_an_operator_whose_name_cannot_be_used_is_not_approved(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    Operator.objects.filter(account="11000005").update(name="程\u200b林")
    said = act(staff, Operator, "approve", "11000005")
    assert "11000005 没有批准：姓名：含有看不见的字符 U+200B" in said
    assert Operator.objects.get(account="11000005").review == "under-review"
    assert not [each for each in kiosk.news() if isinstance(each, OperatorPublished)]


def test_what_a_row_is_known_by_is_not_typed_over(staff: Client, kiosk: KioskDouble) -> None:
    person, enterprise = DeskStaff.objects.get(name="张华"), Enterprise.objects.order_by("code")[0]
    counts = DeskStaff.objects.count(), Enterprise.objects.count()
    page = reverse("admin:members_deskstaff_change", args=[person.pk])
    staff.post(page, {"name": "张华华", "role": "supervisor"})
    page = reverse("admin:members_enterprise_change", args=[enterprise.pk])
    typed = {"code": "9111", "name": "新名称", "legal_person": enterprise.legal_person, "review": "approved"}
    staff.post(page, typed)
    person.refresh_from_db()
    enterprise.refresh_from_db()
    assert (person.role, enterprise.name) == ("supervisor", "新名称")
    assert (DeskStaff.objects.count(), Enterprise.objects.count()) == counts


def test_deciding_takes_a_permission(clerk: Client, served: KioskDouble) -> None:
    act(clerk, Operator, "approve", "11000005")
    assert Operator.objects.get(account="11000005").review == "under-review"
    act(clerk, Kiosk, "revoke", 3, remark="mine")
    assert Kiosk.objects.get(number=3).state == KioskState.ENROLLED
    for action in ("list_key", "revoke_key", "accept", "refund", "noted", "reopen"):
        act(clerk, Matter, action, Matter.objects.get(rule="price-differs").pk, remark="mine")
    assert Matter.objects.get(rule="price-differs").state == "open"
    act(clerk, Payment, "pay_back", Payment.objects.get().pk)
    assert Payment.objects.get().refunded_at is None


def test_staff_set_no_operator_s_password_where_messages_are_sent(staff: Client, kiosk: KioskDouble) -> None:
    page = reverse("admin:members_operator_change", args=["11000001"])
    shown = staff.get(page).content.decode()
    assert "新密码" not in shown
    assert "已设置" in shown
    before = Operator.objects.get(account="11000001")
    fields = {"enterprise": before.enterprise_id, "name": "李晓", "review": "approved"}
    staff.post(page, {**fields, "new_password": "Another-1"})
    after = Operator.objects.get(account="11000001")
    assert (after.name, after.verifier) == ("李晓", before.verifier)


def test_another_phone_ends_the_link_the_code_and_the_sessions_that_went_to_the_former(
    staff: Client, kiosk: KioskDouble
) -> None:
    now, account = int(time.time()), "11000001"
    Operator.objects.filter(account=account).update(phone="13912341234")
    invitation = present(first_passwords.invite(account, now))
    PasswordInvitation.objects.update(sent_at=now)
    MemberSession.objects.create(
        key="k", account=account, code_hash="", tries_left=0, proved=True, began_at=now, expires=now + 900
    )
    page = reverse("admin:members_operator_change", args=[account])
    enterprise = Operator.objects.get(account=account).enterprise_id
    fields = {"enterprise": enterprise, "name": "李晓", "review": "approved", "phone": "13912341234"}
    assert "已失效" not in staff.post(page, fields, follow=True).content.decode()
    assert first_passwords.account_of(invitation.token, now) == account
    assert MemberSession.objects.get().expires > now
    said = staff.post(page, {**fields, "phone": "13700001111"}, follow=True).content.decode()
    assert "发到原手机的设置密码链接已失效，请重发" in said
    assert first_passwords.account_of(invitation.token, now) is None
    typed = FirstPasswordChosen(account, invitation.code, make_verifier("Another-1"))
    assert first_passwords.take_code(typed, now) == CodeJudged(CodeJudgement.OVER)
    assert MemberSession.objects.get().expires < time.time()
    assert "链接已失效" in staff.get(page).content.decode()


def test_a_new_password_is_kept_as_a_hash_alone(
    staff: Client, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KEYDESK", replace(settings.KEYDESK, sms=SmsProviderName.NONE))
    page = reverse("admin:members_operator_change", args=["11000001"])
    fields = {"enterprise": Operator.objects.get(account="11000001").enterprise_id, "name": "李晓梅"}
    before = Operator.objects.get(account="11000001").verifier
    staff.post(page, {**fields, "review": "approved", "new_password": ""})
    assert Operator.objects.get(account="11000001").verifier == before
    said = staff.post(page, {**fields, "review": "approved", "new_password": "short-1"}).content.decode()
    assert "至少 8 个字符" in said
    assert Operator.objects.get(account="11000001").verifier == before
    staff.post(page, {**fields, "review": "approved", "new_password": "Another-1"})
    verifier = Operator.objects.get(account="11000001").verifier
    assert verifier.startswith("$argon2id$")
    assert verifier != before


def test_a_password_that_is_set_meanwhile_outlives_a_change_of_the_name(
    staff: Client, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = reverse("admin:members_operator_change", args=["11000001"])
    fields = {"enterprise": Operator.objects.get(account="11000001").enterprise_id, "name": "李晓"}

    def meanwhile(form: ModelForm[Operator]) -> dict[str, object]:
        Operator.objects.filter(account="11000001").update(verifier="set meanwhile")
        return form.cleaned_data

    monkeypatch.setattr(Form, "clean", meanwhile)
    staff.post(page, {**fields, "review": "approved"})
    after = Operator.objects.get(account="11000001")
    assert (after.name, after.verifier) == ("李晓", "set meanwhile")


def test_of_a_document_s_number_only_what_is_masked_is_kept_and_told(
    staff: Client, kiosk: KioskDouble
) -> None:
    page = reverse("admin:members_operator_change", args=["11000001"])
    fields = {
        "enterprise": Operator.objects.get(account="11000001").enterprise_id,
        "name": "李晓梅",
        "review": "approved",
        "phone": "13812345678",
        "document": "resident-id",
        "authorised": "on",
    }
    kiosk.feed()
    said = staff.post(page, {**fields, "new_document_number": "110105194912310021"}).content.decode()
    assert "不是这种证件的号码" in said
    said = staff.post(
        page, {**fields, "document": "", "new_document_number": "11010519491231002X"}
    ).content.decode()
    assert "请选证件类型" in said
    staff.post(page, {**fields, "new_document_number": "11010519491231002x"})
    row = Operator.objects.get(account="11000001")
    assert row.document_number == "1101**********002X"
    told = [each.operator for each in kiosk.news() if isinstance(each, OperatorPublished)]
    assert [(each.document, each.document_number, each.phone, each.authorised) for each in told] == [
        (DocumentKind.RESIDENT_ID, "1101**********002X", "138****5678", True)
    ]
    staff.post(page, {**fields, "name": "李晓", "new_document_number": ""})
    assert Operator.objects.get(account="11000001").document_number == "1101**********002X"
    assert "1101**********002X" in staff.get(page).content.decode()
    staff.post(page, {**fields, "document": "passport", "new_document_number": ""})
    assert Operator.objects.get(account="11000001").document_number == ""


def test_nobody_is_added_to_the_desks_staff_without_a_password(staff: Client, kiosk: KioskDouble) -> None:
    page = reverse("admin:members_deskstaff_add")
    answer = staff.post(page, {"name": "钱进", "role": "supervisor", "new_password": ""})
    form = answer.context["adminform"].form
    assert "new_password" in form.errors
    assert "没有密码不能登录" in form.fields["new_password"].help_text
    assert not DeskStaff.objects.filter(name="钱进").exists()
    staff.post(page, {"name": "钱进", "role": "supervisor", "new_password": "Super-12"})
    assert DeskStaff.objects.get(name="钱进").verifier.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("Short-1", "至少 8 个字符"),
        ("x-" * 33, "最多 64 个字符"),
        (" Müller-1 ", "只能用字母、数字和键盘上的符号"),
        ("12345678", "至少要用两种"),
        ("linlinlin", "至少要用两种"),
        ("Lin-admin-1", "不能含有登录账号"),
    ],
)
def test_members_the_desks_staff_and_users_of_the_console_choose_passwords_by_one_rule(
    staff: Client, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch, password: str, said: str
) -> None:
    monkeypatch.setattr(settings, "KEYDESK", replace(settings.KEYDESK, sms=SmsProviderName.NONE))
    person = DeskStaff.objects.create(name="admin", verifier="$former")
    page = reverse("admin:members_deskstaff_change", args=[person.pk])
    answer = staff.post(page, {"role": "staff", "new_password": password})
    assert said in str(answer.context["adminform"].form.errors["new_password"])
    assert PASSWORD_RULE in answer.content.decode(), "the rule stands beside the field"
    person.refresh_from_db()
    assert person.verifier == "$former"
    with pytest.raises(ValidationError, match=said):
        validate_password(password, User(username="admin"))
    if "admin" not in password:
        page = reverse("admin:members_operator_change", args=["11000001"])
        before = Operator.objects.get(account="11000001")
        fields = {"enterprise": before.enterprise_id, "name": before.name, "review": "approved"}
        assert said in staff.post(page, {**fields, "new_password": password}).content.decode()
        assert Operator.objects.get(account="11000001").verifier == before.verifier


def test_somebody_of_the_desks_staff_gets_another_name_and_keeps_the_password(
    staff: Client, kiosk: KioskDouble
) -> None:
    kiosk.feed()
    before = DeskStaff.objects.get(name="张华")
    page = reverse("admin:members_deskstaff_change", args=["张华"])
    for refused, said in (("林涛", "已有叫这个姓名"), ("程\u200b林", "看不见的字符")):
        answer = staff.post(page, {"role": "staff", "new_password": "", "new_name": refused})
        assert said in answer.content.decode()
    staff.post(page, {"role": "supervisor", "new_password": "", "new_name": " 张桦 "})
    renamed = DeskStaff.objects.get(name="张桦")
    assert (renamed.role, renamed.verifier) == ("supervisor", before.verifier)
    assert DeskStaff.objects.get(name="张华").verifier == ""
    told = {each.staff.name: each.staff for each in kiosk.news() if isinstance(each, StaffPublished)}
    assert told["张桦"].verifier == before.verifier
    assert told["张华"].verifier == "", "the old name opens nothing at any kiosk"
    add = staff.get(reverse("admin:members_deskstaff_add")).content.decode()
    assert "改名为" not in add


def test_two_fee_schedules_never_hold_from_one_moment(staff: Client, kiosk: KioskDouble) -> None:
    page = reverse("admin:members_feeschedule_add")
    typed = {"token": "11000", "certificate": "8000", "service": "15000"}
    moment = {"effective_from_0": "2031-01-01", "effective_from_1": "00:00:00"}
    staff.post(page, {"number": "71", **typed, **moment})
    assert FeeSchedule.objects.filter(number=71).exists()
    answer = staff.post(page, {"number": "72", **typed, **moment})
    assert "收费表 71 也从这个时间起生效" in answer.content.decode()
    assert not FeeSchedule.objects.filter(number=72).exists()
    staff.post(page, {"number": "72", **typed, **moment, "effective_from_1": "00:00:01"})
    assert FeeSchedule.objects.filter(number=72).exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("程\u200b林", "看不见的字符 U+200B"),
        ("程\x0b林", "看不见的字符 U+000B"),
        ("程\ue000林", "U+E000）是旧系统的自造字"),
        ("程\uf92c", "U+F92C）是兼容字，证书里会变成「郎」（U+90CE）"),
        ("程\U0001f600", "U+1F600）不能用在名称里"),
        ("粮" * 65, "64"),
    ],
)
def test_a_name_that_no_certificate_can_have_is_refused_with_the_reason(
    staff: Client, served: KioskDouble, name: str, reason: str
) -> None:
    enterprise = Enterprise.objects.order_by("code")[0]
    page = reverse("admin:members_enterprise_change", args=[enterprise.pk])
    rest = {"legal_person": enterprise.legal_person, "review": "approved"}
    for typed in ({"name": name, **rest}, {**rest, "name": enterprise.name, "legal_person": name}):
        said = staff.post(page, typed).content.decode()
        assert reason in said or (len(name) > 40 and "40" in said)
    again = Enterprise.objects.get(pk=enterprise.pk)
    assert (again.name, again.legal_person) == (enterprise.name, enterprise.legal_person)


def test_the_names_of_operators_and_of_the_desks_staff_are_judged_too(
    staff: Client, served: KioskDouble
) -> None:
    operator = Operator.objects.get(account="11000001")
    page = reverse("admin:members_operator_change", args=["11000001"])
    typed = {"enterprise": operator.enterprise_id, "name": "程\u200b林", "review": "approved"}
    assert "看不见的字符" in staff.post(page, typed).content.decode()
    page = reverse("admin:members_deskstaff_add")
    assert "自造字" in staff.post(page, {"name": "程\ue000", "role": "staff"}).content.decode()
    assert not DeskStaff.objects.filter(name__contains="程").exists()
    page = reverse("admin:members_operator_add")
    assert staff.post(page, {**typed, "account": "0", "name": "程林"}).status_code == 200
    assert not Operator.objects.filter(account="0").exists()


def test_a_name_is_kept_as_certificates_have_it(staff: Client, kiosk: KioskDouble) -> None:
    kiosk.feed()
    enterprise = Enterprise.objects.order_by("code")[0]
    page = reverse("admin:members_enterprise_change", args=[enterprise.pk])
    typed = unicodedata.normalize("NFD", "Müller　 程\U0002ebf0𠮷 粮油")
    rest = {"legal_person": "程𠮷林", "review": "approved"}
    staff.post(page, {"name": typed, **rest})
    enterprise.refresh_from_db()
    assert (enterprise.name, enterprise.legal_person) == ("Müller 程\U0002ebf0𠮷 粮油", "程𠮷林")
    (told,) = [each for each in kiosk.news() if isinstance(each, EnterprisePublished)]
    assert told.enterprise.name == enterprise.name
    name = member_name(DEFAULT_ORGANISATION, MemberName("11000001", told.enterprise.name))
    assert read_member_name(name).enterprise == told.enterprise.name
