"""The folded rows; `record` is the domain's struct (MessagePack), the columns beside it are for looking things up."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.db import models

from kiosk.domain.identifiers import number_in
from kiosk.labels import (
    CERTIFICATE_STATUSES,
    DELIVERY_STATES,
    INVOICE_STATES,
    ORDER_KINDS,
    ORDER_STATUSES,
    PROPOSAL_STATES,
    REMARK_REASONS,
)
from sync.central.ledger.rules import RULES
from sync.central.wording import MATTER_ACTIONS, STRAND_DECISIONS


def _choices(names: Iterable[tuple[StrEnum, str]]) -> list[tuple[str, str]]:
    """A table of names as Django's choices."""
    return [(each.value, name) for each, name in names]


class LedgerOrder(models.Model):
    """An order by its reference; several may have its number. `owner` is the kiosk that may bind."""

    reference = models.CharField("订单标识", max_length=40, primary_key=True)
    order_number = models.CharField("订单号", max_length=40)
    owner = models.PositiveIntegerField("终端机")
    kind = models.CharField("业务", max_length=12, choices=_choices(ORDER_KINDS.items()))
    account = models.CharField("账号", max_length=12)
    status = models.CharField("状态", max_length=10, choices=_choices(ORDER_STATUSES.items()))
    total = models.BigIntegerField("金额(分)")
    received = models.BigIntegerField("实收(分)")
    placed_at = models.BigIntegerField("下单时间")
    record = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "订单"
        verbose_name_plural = "订单"
        ordering = ("-placed_at", "-reference")
        permissions = (("move_order", "可以移交订单"),)
        indexes = (
            models.Index(fields=("placed_at", "reference"), name="order_placed"),
            models.Index(fields=("status", "placed_at", "reference"), name="order_status"),
            models.Index(fields=("owner", "placed_at", "reference"), name="order_owner"),
            models.Index(fields=("account", "placed_at", "reference"), name="order_account"),
            models.Index(fields=("order_number", "placed_at", "reference"), name="order_number"),
        )

    def __str__(self) -> str:
        return self.order_number


class Checked(models.TextChoices):
    """Whether a certificate was held against its issuing CA."""

    NOT_YET = "", "未验证"
    GENUINE = "genuine", "属实"
    WRONG = "wrong", "不属实"


class LedgerCertificate(models.Model):
    """A certificate on the register; its number begins with its kiosk, whose `machine` issued it on `strand` at `position`."""

    number = models.CharField("证书号", max_length=16, primary_key=True)
    kiosk = models.PositiveIntegerField("签发终端机")
    machine = models.PositiveIntegerField("机器号", default=1)
    strand = models.PositiveIntegerField("日志线", default=1)
    position = models.BigIntegerField("位置", default=0)
    account = models.CharField("账号", max_length=12)
    order = models.CharField("订单标识", max_length=40, db_index=True)
    token_serial = models.CharField("key盘序列号", max_length=64)
    status = models.CharField("状态", max_length=10, choices=_choices(CERTIFICATE_STATUSES.items()))
    checked = models.CharField("验证", max_length=10, blank=True, choices=Checked.choices)
    not_before = models.BigIntegerField("有效期起")
    not_after = models.BigIntegerField("有效期止")
    record = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "证书"
        verbose_name_plural = "证书登记簿"
        ordering = ("-not_before", "-number")
        permissions = (("revoke_certificate", "可以吊销证书"),)
        indexes = (
            models.Index(fields=("not_before", "number"), name="certificate_begin"),
            models.Index(fields=("status", "not_before", "number"), name="certificate_status"),
            models.Index(fields=("kiosk", "not_before", "number"), name="certificate_kiosk"),
            models.Index(fields=("account", "not_before", "number"), name="certificate_account"),
            models.Index(fields=("token_serial",), name="certificate_token"),
            models.Index(fields=("checked", "not_before", "number"), name="certificate_checked"),
            models.Index(fields=("checked", "position"), name="certificate_not_checked"),
        )

    def __str__(self) -> str:
        return self.number


class DecidedStrand(models.Model):
    """What staff decided about a strand of a kiosk, or about what a machine sent into quarantine (`strand` is 0)."""

    key = models.CharField("键", max_length=30, primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    strand = models.PositiveIntegerField("日志线", default=0)
    machine = models.PositiveIntegerField("机器号", default=0)
    decision = models.CharField("处理", max_length=10, choices=list(STRAND_DECISIONS.items()))
    position = models.BigIntegerField("位置")
    decided_at = models.BigIntegerField("处理时间")
    by = models.CharField("处理人", max_length=150)
    remark = models.CharField("备注", max_length=200)

    class Meta:
        """Names and order."""

        verbose_name = "日志线处理"
        verbose_name_plural = "日志线处理"
        ordering = ("-position",)
        permissions = (("decide_strand", "可以接管或搁置日志线和隔离记录"),)

    def __str__(self) -> str:
        return f"{self.kiosk} 号机 {self.get_decision_display()}"


class LedgerAccount(models.Model):
    """The register of one account: what was bound for it, and which is its key."""

    account = models.CharField("账号", max_length=12, primary_key=True)
    key_number = models.CharField("证书号", max_length=16, blank=True)
    record = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "账号key盘"
        verbose_name_plural = "账号key盘"
        ordering = ("account",)
        indexes = (models.Index(fields=("key_number",), name="account_key"),)

    def __str__(self) -> str:
        return self.account


class LedgerRequests(models.Model):
    """What was asked for an order after it was paid, by its reference; the order itself may not have been told of yet."""

    order = models.CharField("订单标识", max_length=40, primary_key=True)
    order_number = models.CharField("订单号", max_length=40)
    account = models.CharField("账号", max_length=12)
    delivery = models.CharField("邮寄", max_length=10, blank=True, choices=_choices(DELIVERY_STATES.items()))
    carrier = models.CharField("快递公司", max_length=40, blank=True)
    tracking = models.CharField("快递单号", max_length=40, blank=True)
    invoice = models.CharField("发票", max_length=10, blank=True, choices=_choices(INVOICE_STATES.items()))
    invoice_number = models.CharField("发票号码", max_length=40, blank=True)
    asked_at = models.BigIntegerField("时间", default=0)
    record = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "邮寄和发票"
        verbose_name_plural = "邮寄和发票"
        ordering = ("-asked_at", "-order")
        permissions = (("fulfil_request", "可以登记寄出和开票"),)
        indexes = (
            models.Index(fields=("asked_at", "order"), name="requests_time"),
            models.Index(fields=("delivery", "asked_at", "order"), name="requests_delivery"),
            models.Index(fields=("invoice", "asked_at", "order"), name="requests_invoice"),
            models.Index(fields=("account", "asked_at", "order"), name="requests_account"),
            models.Index(fields=("order_number", "asked_at", "order"), name="requests_number"),
        )

    def __str__(self) -> str:
        return self.order_number


class LedgerProposal(models.Model):
    """An operator that an account proposed."""

    proposal = models.CharField("申请", max_length=16, primary_key=True)
    account = models.CharField("申请的账号", max_length=12)
    enterprise_code = models.CharField("统一社会信用代码", max_length=18, blank=True)
    state = models.CharField("状态", max_length=12, choices=_choices(PROPOSAL_STATES.items()))
    proposed_at = models.BigIntegerField("申请时间")
    record = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "添加交易员"
        verbose_name_plural = "添加交易员"
        ordering = ("-proposed_at", "-proposal")
        indexes = (
            models.Index(fields=("proposed_at", "proposal"), name="proposal_time"),
            models.Index(fields=("state", "proposed_at", "proposal"), name="proposal_state"),
            models.Index(fields=("account", "proposed_at", "proposal"), name="proposal_account"),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.proposal}"


class MatterState(models.TextChoices):
    """Whether somebody decided, or the cause is gone."""

    OPEN = "open", "待处理"
    DECIDED = "decided", "已处理"
    ENDED = "ended", "已自行了结"


class Matter(models.Model):
    """Something that a person should look at, named by its rule and its subject; it holds up nobody.

    `sequence` is that of the entry that raised it, `kiosk` whose entry that was.
    """

    key = models.CharField("键", max_length=100, primary_key=True)
    rule = models.CharField(
        "事由", max_length=40, choices=[(each.value, REMARK_REASONS[each]) for each in RULES]
    )
    subject = models.CharField("对象", max_length=60)
    kiosk = models.PositiveIntegerField("终端机")
    account = models.CharField("账号", max_length=12, blank=True)
    order = models.CharField("订单标识", max_length=40, blank=True, db_index=True)
    sequence = models.BigIntegerField("序号")
    position = models.BigIntegerField("位置")
    raised_at = models.BigIntegerField("时间")
    state = models.CharField("状态", max_length=10, choices=MatterState.choices, default=MatterState.OPEN)
    action = models.CharField("处理", max_length=10, blank=True, choices=list(MATTER_ACTIONS.items()))
    closed_at = models.BigIntegerField("处理时间", null=True)
    closed_by = models.CharField("处理人", max_length=150, blank=True)
    remark = models.CharField("备注", max_length=200, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "待办事项"
        verbose_name_plural = "待办事项"
        ordering = ("-position", "-key")
        permissions = (
            ("decide_matter", "可以处理待办事项"),
            ("decide_key", "可以决定哪个key盘有效"),
        )
        indexes = (
            models.Index(fields=("position", "key"), name="matter_position"),
            models.Index(fields=("state", "position", "key"), name="matter_state"),
            models.Index(fields=("rule", "position", "key"), name="matter_rule"),
            models.Index(fields=("kiosk", "position", "key"), name="matter_kiosk"),
            models.Index(fields=("account", "position", "key"), name="matter_account"),
            models.Index(fields=("subject", "position", "key"), name="matter_subject"),
            models.Index(fields=("order", "position", "key"), name="matter_order"),
            models.Index(fields=("kiosk", "rule", "state"), name="matter_kiosk_rule"),
        )

    def __str__(self) -> str:
        return f"{self.get_rule_display()} {number_in(self.subject)}"


class EntryRemark(models.Model):
    """What an entry left when it was applied; `key` is its position with a count, `entry` the entry's key."""

    key = models.BigIntegerField("键", primary_key=True)
    position = models.BigIntegerField("位置")
    entry = models.BigIntegerField("记录", db_index=True)
    reason = models.CharField("事由", max_length=40, choices=list(REMARK_REASONS.items()))
    subject = models.CharField("对象", max_length=60)

    class Meta:
        """Names and order."""

        verbose_name = "入账说明"
        verbose_name_plural = "入账说明"
        ordering = ("-key",)

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {number_in(self.subject)}"


class ApplierState(models.Model):
    """The one row that is locked while a batch is written: the last position given, the strand that was served last."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    position = models.BigIntegerField("位置", default=0)
    served = models.BigIntegerField("上次处理", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "入账进度"
        verbose_name_plural = "入账进度"

    def __str__(self) -> str:
        return str(self.position)


class StrandCursor(models.Model):
    """How far a strand is applied, and how often that failed since; `strand` begins its entries' keys."""

    strand = models.BigIntegerField("日志", primary_key=True)
    applied = models.BigIntegerField("已入账序号", default=0)
    failures = models.PositiveIntegerField("失败次数", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "入账序号"
        verbose_name_plural = "入账序号"

    def __str__(self) -> str:
        return f"{self.strand}/{self.applied}"


class AppliedPortion(models.Model):
    """Consecutive entries of a strand that were applied together; the first has `position`, the others the next ones."""

    position = models.BigIntegerField("位置", primary_key=True)
    strand = models.BigIntegerField("日志")
    first = models.BigIntegerField("从")
    last = models.BigIntegerField("到")
    condemned = models.BooleanField("未入账", default=False)
    read = models.BinaryField("另外读到的", default=bytes)

    class Meta:
        """Names and order."""

        verbose_name = "入账批次"
        verbose_name_plural = "入账批次"
        ordering = ("position",)
        indexes = (models.Index(fields=("strand", "first"), name="portion_strand_first"),)

    def __str__(self) -> str:
        return f"{self.position} {self.strand}/{self.first}–{self.last}"
