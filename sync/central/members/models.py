"""Who may use the desks, and what a key costs."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from kiosk.domain import fees, members
from sync.central.fleet.models import Kiosk


class ReviewState(models.TextChoices):
    """The review of an enterprise or an operator by the exchange's staff."""

    APPROVED = members.Review.APPROVED.value, "已通过"
    UNDER_REVIEW = members.Review.UNDER_REVIEW.value, "审核中"
    REFUSED = members.Review.REFUSED.value, "已退回"


class RoleChoice(models.TextChoices):
    """The role of somebody of the desk's staff."""

    STAFF = members.Role.STAFF.value, "柜台"
    SUPERVISOR = members.Role.SUPERVISOR.value, "主管"


class Enterprise(models.Model):
    """A member enterprise."""

    code = models.CharField("统一社会信用代码", max_length=18, primary_key=True)
    name = models.CharField("企业名称", max_length=64, db_index=True)
    legal_person = models.CharField("企业法人", max_length=40)
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
    """A trader of an enterprise; `verifier` is the Argon2id hash of the password."""

    account = models.CharField(
        "登录账号", max_length=12, primary_key=True, validators=[RegexValidator(r"^(0|[1-9][0-9]{0,11})$")]
    )
    enterprise = models.ForeignKey(Enterprise, verbose_name="会员企业", on_delete=models.PROTECT)
    name = models.CharField("姓名", max_length=40)
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
        """The operator as it is published."""
        review = members.Review(self.review)
        return members.Operator(self.account, self.enterprise_id, self.name, review, self.verifier)


class DeskStaff(models.Model):
    """Somebody of the desk's staff; `verifier` is the Argon2id hash of the password."""

    name = models.CharField("姓名", max_length=40, primary_key=True)
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
