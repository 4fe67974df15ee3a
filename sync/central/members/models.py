"""Who may use the desks, and what a key costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from kiosk.domain import fees, members
from kiosk.domain.documents import RESIDENT_NUMBER_LENGTH, DocumentKind
from kiosk.domain.identifiers import ACCOUNT_FORM
from kiosk.domain.masking import masked_phone
from kiosk.domain.names import LONGEST_NAME, LONGEST_PERSON, NameFault, NameRefused, tidy_name
from sync.central.fleet.models import Kiosk

if TYPE_CHECKING:
    NameColumn = models.CharField[str, str]
else:
    NameColumn = models.CharField

_SAID = {
    NameFault.EMPTY: "名称不能是空的",
    NameFault.NOTHING_SPOKEN: "名称里要有文字或数字",
    NameFault.TOO_LONG: "名称太长，最多 {longest} 个字",
    NameFault.INVISIBLE: "含有看不见的字符 {code}，请删去它，或重新输入",
    NameFault.PRIVATE_USE: "「{character}」（{code}）是旧系统的自造字，别处显示成别的字，请改用标准的汉字",
    NameFault.REPLACED: "「{character}」（{code}）是兼容字，证书里会变成「{instead}」（{instead_code}），请改用后者",
    NameFault.UNKNOWN: "「{character}」（{code}）不能用在名称里",
}


class NameField(NameColumn):
    """A name as `kiosk.domain.names` has it: tidied where a form is saved, refused with the reason."""

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """For migrations it is Django's own column: the rule is no part of the table."""
        name, _, positional, named = super().deconstruct()
        return name, "django.db.models.CharField", positional, named

    def clean(self, value: object, model_instance: models.Model | None) -> str:
        """Return the tidy name. Raises ValidationError."""
        name = str(super().clean(value, model_instance))
        longest = self.max_length or len(name)
        try:
            return tidy_name(name, longest)
        except NameRefused as error:
            raise ValidationError(_said(error, longest)) from error


def _said(error: NameRefused, longest: int) -> str:
    return _SAID[error.fault].format(
        longest=longest,
        character=error.character,
        code=_code(error.character),
        instead=error.instead,
        instead_code=_code(error.instead),
    )


def _code(character: str) -> str:
    return " ".join(f"U+{ord(each):04X}" for each in character)


def name_faults(row: models.Model) -> list[str]:
    """What is wrong with the names of a row, by today's rule: it may have been stored under a former one."""
    found = []
    for field in row._meta.fields:  # noqa: SLF001 - Django's documented API
        if isinstance(field, NameField):
            longest = field.max_length or LONGEST_NAME
            try:
                tidy_name(str(field.value_from_object(row)), longest)
            except NameRefused as error:
                found.append(f"{field.verbose_name}：{_said(error, longest)}")
    return found


class ReviewState(models.TextChoices):
    """The review of an enterprise or an operator by the exchange's staff."""

    APPROVED = members.Review.APPROVED.value, "已通过"
    UNDER_REVIEW = members.Review.UNDER_REVIEW.value, "审核中"
    REFUSED = members.Review.REFUSED.value, "已退回"


class DocumentChoice(models.TextChoices):
    """The kind of an operator's identity document."""

    RESIDENT_ID = DocumentKind.RESIDENT_ID.value, "中国居民身份证"
    PASSPORT = DocumentKind.PASSPORT.value, "护照"


class RoleChoice(models.TextChoices):
    """The role of somebody of the desk's staff."""

    STAFF = members.Role.STAFF.value, "柜台"
    SUPERVISOR = members.Role.SUPERVISOR.value, "主管"


class Enterprise(models.Model):
    """A member enterprise."""

    code = models.CharField("统一社会信用代码", max_length=18, primary_key=True)
    name = NameField("企业名称", max_length=LONGEST_NAME, db_index=True)
    legal_person = NameField("企业法人", max_length=LONGEST_PERSON)
    review = models.CharField(
        "审核", max_length=12, choices=ReviewState.choices, default=ReviewState.UNDER_REVIEW
    )
    kiosks = models.ManyToManyField(
        Kiosk, verbose_name="专属终端机", blank=True, help_text="不服务全部会员的终端机只收到这里选中的企业"
    )

    class Meta:
        """Names and order."""

        verbose_name = "会员企业"
        verbose_name_plural = "会员企业"
        ordering = ("code",)
        indexes = (
            models.Index(fields=("review", "code"), name="enterprise_review"),
            models.Index(fields=("legal_person",), name="enterprise_person"),
        )

    def __str__(self) -> str:
        return self.name

    def record(self) -> members.Enterprise:
        """The enterprise as it is published."""
        return members.Enterprise(self.code, self.name, self.legal_person, members.Review(self.review))


class Operator(models.Model):
    """A trader of an enterprise; `verifier` is the Argon2id hash of the password. Of the document's number only what is masked is kept."""

    account = models.CharField(
        "登录账号", max_length=12, primary_key=True, validators=[RegexValidator(rf"^{ACCOUNT_FORM}\Z")]
    )
    enterprise = models.ForeignKey(Enterprise, verbose_name="会员企业", on_delete=models.PROTECT)
    name = NameField("姓名", max_length=LONGEST_PERSON)
    review = models.CharField(
        "审核", max_length=12, choices=ReviewState.choices, default=ReviewState.UNDER_REVIEW
    )
    phone = models.CharField(
        "绑定手机",
        max_length=15,
        blank=True,
        validators=[RegexValidator(r"^\+?[0-9]{7,14}$")],
        help_text="登录验证的短信验证码发到这里",
    )
    document = models.CharField(
        "有效证件类型", max_length=12, choices=DocumentChoice.choices, blank=True, default=""
    )
    document_number = models.CharField(
        "有效证件号码(只留首尾)", max_length=RESIDENT_NUMBER_LENGTH, blank=True, editable=False, default=""
    )
    authorised = models.BooleanField("法人授权书", default=False, help_text="已收到企业的法人授权书")
    verifier = models.CharField("密码校验值", max_length=200, editable=False, default="")

    class Meta:
        """Names and order."""

        verbose_name = "操作员"
        verbose_name_plural = "操作员"
        ordering = ("account",)
        indexes = (
            models.Index(fields=("review", "account"), name="operator_review"),
            models.Index(fields=("name",), name="operator_name"),
        )
        permissions = (("review_operator", "可以审核操作员"),)

    def __str__(self) -> str:
        return f"{self.account} {self.name}"

    def record(self) -> members.Operator:
        """The operator as it is published: of document and phone what is masked."""
        return members.Operator(
            account=self.account,
            enterprise_code=self.enterprise_id,
            name=self.name,
            review=members.Review(self.review),
            verifier=self.verifier,
            document=DocumentKind(self.document) if self.document else None,
            document_number=self.document_number,
            phone=masked_phone(self.phone),
            authorised=self.authorised,
        )


class DeskStaff(models.Model):
    """Somebody of the desk's staff; `verifier` is the Argon2id hash of the password."""

    name = NameField("姓名", max_length=LONGEST_PERSON, primary_key=True)
    role = models.CharField("岗位", max_length=12, choices=RoleChoice.choices, default=RoleChoice.STAFF)
    verifier = models.CharField("密码校验值", max_length=200, editable=False, default="")

    class Meta:
        """Names and order."""

        verbose_name = "柜台人员"
        verbose_name_plural = "柜台人员"

    def __str__(self) -> str:
        return self.name

    def record(self) -> members.StaffMember:
        """The person as published."""
        return members.StaffMember(self.name, members.Role(self.role), self.verifier)


class FeeSchedule(models.Model):
    """Prices in fen from `effective_from` (UTC seconds) on; never changed once published."""

    number = models.PositiveIntegerField("收费表号", primary_key=True, validators=[MaxValueValidator(0xFFFF)])
    effective_from = models.BigIntegerField("生效时间(UTC秒)")
    token = models.PositiveIntegerField("国产密钥(分)")
    certificate = models.PositiveIntegerField("证书费用(分)")
    service = models.PositiveIntegerField("服务费(分)")

    class Meta:
        """Names and order."""

        verbose_name = "收费表"
        verbose_name_plural = "收费表"
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"收费表 {self.number}"

    def record(self) -> fees.FeeSchedule:
        """The schedule as it is published."""
        return fees.FeeSchedule(self.number, self.effective_from, self.token, self.certificate, self.service)
