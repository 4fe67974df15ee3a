"""Kiosks and what the centre stores of each: keys, machines, tokens, policies; the feed's tables are in `feed`."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from kiosk.domain.identifiers import MAXIMUM_KIOSK
from kiosk.domain.nights import USUAL_AT
from kiosk.domain.policy import DAY, HOUR, LONGEST_DEVIATION, Policy
from sync.central.errors import EXCHANGE_KIOSK
from sync.central.fleet.feed import models as _feed  # noqa: F401 - Django finds the feed's tables by this

_USUAL = Policy(number=0, kiosk=0, valid_until=0)
"""The limits of a policy unless staff type others."""


def not_the_exchange(number: int) -> None:
    """Refuse the number under which the exchange itself issues. Raises ValidationError."""
    if number == EXCHANGE_KIOSK:
        raise ValidationError("这个编号留给交易所自己签发证书")


def _between(least: int, most: int) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class KioskState(models.TextChoices):
    """A kiosk's state."""

    AWAITED = "awaited", "待登记"
    ENROLLED = "enrolled", "在用"
    REVOKED = "revoked", "已吊销"


class Kiosk(models.Model):
    """One kiosk: a place with a number, whatever machines stand there; times are UTC seconds.

    `night_since` and `night_ended` are by the centre's clock; both are None of a program that makes no nightly run.
    `night_findings` is JSON.
    """

    number = models.PositiveIntegerField(
        "编号",
        primary_key=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAXIMUM_KIOSK), not_the_exchange],
    )
    place = models.CharField("位置", max_length=80, blank=True)
    state = models.CharField("状态", max_length=10, choices=KioskState.choices, default=KioskState.AWAITED)
    serves_all = models.BooleanField("服务全部会员", default=True)
    enrolled_at = models.BigIntegerField("登记时间", null=True, editable=False)
    last_contact = models.BigIntegerField("最近联系", null=True, editable=False)
    backlog = models.PositiveIntegerField("未上传记录", default=0, editable=False)
    program = models.CharField("程序版本", max_length=60, blank=True, editable=False)
    clock_offset = models.BigIntegerField("时钟偏差(秒)", default=0, editable=False)
    epoch_given = models.PositiveIntegerField("已发纪元", default=0, editable=False)
    machine_given = models.PositiveIntegerField("已发机器号", default=0, editable=False)
    announced_sequence = models.BigIntegerField("终端机序号", default=0, editable=False)
    cursors = models.CharField("已读版本", max_length=200, blank=True, editable=False)
    night_since = models.BigIntegerField("夜间检查开始计", null=True, editable=False)
    night_at = models.PositiveIntegerField("夜间检查时刻(分)", default=USUAL_AT, editable=False)
    night_ended = models.BigIntegerField("最近夜间检查", null=True, editable=False)
    night_findings = models.TextField("夜间检查要处理的事", blank=True, editable=False)
    night_expiring = models.PositiveIntegerField("快到期的key盘", default=0, editable=False)

    class Meta:
        """Names and order."""

        verbose_name = "终端机"
        verbose_name_plural = "终端机"
        ordering = ("number",)
        permissions = (("revoke_kiosk", "可以吊销终端机"),)

    def __str__(self) -> str:
        return f"{self.number} 号机 {self.place}".strip()


class MachineState(models.TextChoices):
    """A machine's state; only what a revoked one sends is kept out of the books.

    Of an unconfirmed one nothing is entered before staff confirm it: it showed a deed that a backup put back does not know, or
    the backup has forgotten which machines were taken out of use.
    """

    ENROLLED = "enrolled", "在用"
    UNCONFIRMED = "unconfirmed", "待确认"
    RETIRED = "retired", "已停用"
    LOST = "lost", "已丢失"
    REVOKED = "revoked", "已吊销"


class Machine(models.Model):
    """A machine of a kiosk, by the number of its enrolment; a higher number supersedes.

    `payment_secret` is sealed with the centre's key; `deed` is what the machine keeps of all this; `strand` is the one
    that it wrote on last (0 before the first entry), `shown_in` the incarnation in which it showed last what it has of the centre,
    `confirmed_in` that in which staff confirmed it last.
    """

    key = models.BigIntegerField("键", primary_key=True, editable=False)
    kiosk = models.ForeignKey(Kiosk, verbose_name="终端机", on_delete=models.PROTECT)
    number = models.PositiveIntegerField("机器号")
    state = models.CharField(
        "状态", max_length=12, choices=MachineState.choices, default=MachineState.ENROLLED
    )
    device_key = models.BinaryField("设备公钥", editable=False, db_index=True)
    issuing_certificate = models.BinaryField("签发证书", editable=False)
    payment_secret = models.BinaryField("缴费密钥", editable=False)
    deed = models.BinaryField("登记书", editable=False)
    strand = models.PositiveIntegerField("日志线", default=0, editable=False)
    shown_in = models.PositiveIntegerField("出示登记书的代次", default=1, editable=False)
    confirmed_in = models.PositiveIntegerField("确认的代次", default=0, editable=False)
    enrolled_at = models.BigIntegerField("登记时间")
    ended_at = models.BigIntegerField("停用时间", null=True)
    ended_by = models.CharField("停用人", max_length=150, blank=True)
    remark = models.CharField("备注", max_length=200, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "机器"
        verbose_name_plural = "机器"
        ordering = ("-key",)

    def __str__(self) -> str:
        return f"{self.kiosk_id} 号机 第 {self.number} 台"


class EnrolmentToken(models.Model):
    """A token given out for one kiosk; only its SHA-256 is stored."""

    digest = models.CharField("摘要", max_length=64, primary_key=True)
    kiosk = models.ForeignKey(Kiosk, verbose_name="终端机", on_delete=models.PROTECT)
    made_at = models.BigIntegerField("发放时间")
    expires_at = models.BigIntegerField("失效时间")
    used_at = models.BigIntegerField("使用时间", null=True)
    device_key = models.BinaryField("使用者", default=bytes)

    class Meta:
        """Names and order."""

        verbose_name = "登记令牌"
        verbose_name_plural = "登记令牌"

    def __str__(self) -> str:
        return f"{self.kiosk_id} 号机 {self.digest[:8]}"


class IssuingRequest(models.Model):
    """A kiosk's request for its issuing CA certificate that waits for the root, or was signed by it.

    `digest` is over the kiosk's number and the key; `request` is PKCS#10, empty where only the certificate was brought;
    times are UTC seconds.
    """

    digest = models.CharField("摘要", max_length=64, primary_key=True, editable=False)
    kiosk = models.ForeignKey(Kiosk, verbose_name="终端机", on_delete=models.PROTECT)
    request = models.BinaryField("申请", editable=False)
    public_key = models.BinaryField("公钥", editable=False)
    asked_at = models.BigIntegerField("申请时间")
    certificate = models.BinaryField("签发证书", editable=False, default=bytes)
    signed_at = models.BigIntegerField("导入时间", null=True)

    class Meta:
        """Names and order."""

        verbose_name = "根证书签发"
        verbose_name_plural = "根证书签发"
        ordering = ("-asked_at", "digest")

    def __str__(self) -> str:
        return f"{self.kiosk_id} 号机 {self.digest[:8]}"


class KioskPolicy(models.Model):
    """A policy as signed for one kiosk; each kiosk's numbers rise."""

    key = models.BigIntegerField("键", primary_key=True, editable=False)
    kiosk = models.ForeignKey(Kiosk, verbose_name="终端机", on_delete=models.PROTECT)
    number = models.PositiveIntegerField("策略号", editable=False)
    valid_until = models.BigIntegerField("有效至(UTC秒)")
    unsynced_certificates = models.PositiveIntegerField(
        "未同步证书上限", default=_USUAL.unsynced_certificates, validators=_between(0, 100_000)
    )
    unsynced_amount = models.BigIntegerField(
        "未同步金额上限(分)", default=_USUAL.unsynced_amount, validators=_between(0, 10**12)
    )
    server_time_age = models.BigIntegerField(
        "中心时间最长间隔(秒)", default=_USUAL.server_time_age, validators=_between(HOUR, 3660 * DAY)
    )
    clock_deviation = models.PositiveIntegerField(
        "时钟最大偏差(秒)", default=_USUAL.clock_deviation, validators=_between(1, LONGEST_DEVIATION)
    )
    payment_window = models.PositiveIntegerField(
        "缴费时限(秒)", default=_USUAL.payment_window, validators=_between(60, DAY)
    )
    certificate_years = models.PositiveIntegerField(
        "证书年数", default=_USUAL.certificate_years, validators=_between(1, 5)
    )
    losses_a_day = models.PositiveIntegerField(
        "每天挂失、解除挂失上限",
        default=_USUAL.losses_a_day,
        validators=_between(0, 1000),
        help_text="一天内超出的挂失不停用key盘，超出的解除不恢复，列入待办事项",
    )
    prolonged = models.BooleanField(
        "自动延期", default=True, help_text="到期前由中心自动续发；不选则到「有效至」为止，之后本机不能办理"
    )
    data = models.BinaryField("策略", editable=False)
    signature = models.BinaryField("签名", editable=False)

    class Meta:
        """Names and order."""

        verbose_name = "策略"
        verbose_name_plural = "策略"
        ordering = ("-key",)

    def __str__(self) -> str:
        return f"{self.kiosk_id} 号机 策略 {self.number}"
