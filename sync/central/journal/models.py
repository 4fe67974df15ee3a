"""Strands; received entries, byte for byte; quarantine; facts, whatever becomes of the entries; alarms."""

from __future__ import annotations

from django.db import models

from kiosk.domain.entries.body import Tip
from kiosk.domain.identifiers import number_in
from sync.central.wording import ENTRY_KINDS, PAID_HOW


class Strand(models.Model):
    """One journal of a kiosk's machine, or a branch of one after a copy was put back; 1 is a kiosk's first.

    A branch's own entries follow the entry `branch_sequence` of `parent` (0 for both: nothing before them). `machine`
    is the one that wrote last, `epoch_due` the new epoch that its kiosk was told to begin, until it does, `arrival` that
    of its last entries.
    """

    key = models.BigIntegerField("键", primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    number = models.PositiveIntegerField("日志线")
    machine = models.PositiveIntegerField("机器号")
    parent = models.PositiveIntegerField("分自", default=0)
    branch_sequence = models.BigIntegerField("分叉处", default=0)
    high_epoch = models.PositiveIntegerField("纪元", default=0)
    high_sequence = models.BigIntegerField("已收序号", default=0)
    high_hash = models.BinaryField("已收哈希", default=bytes)
    epoch_due = models.PositiveIntegerField("待开纪元", null=True)
    arrival = models.BigIntegerField("到达次序", default=0, editable=False)
    begun_at = models.BigIntegerField("开始时间")
    received_at = models.BigIntegerField("最近收到")

    class Meta:
        """Names and order."""

        verbose_name = "日志线"
        verbose_name_plural = "日志线"
        ordering = ("-key",)

    def __str__(self) -> str:
        return f"{self.kiosk} 号机 日志线 {self.number}"

    @property
    def high_water(self) -> Tip:
        """The tip of what was received on it."""
        return Tip(self.high_epoch, self.high_sequence, bytes(self.high_hash))

    def put_high_water(self, tip: Tip) -> None:
        """Set a new tip (not saved)."""
        self.high_epoch, self.high_sequence, self.high_hash = tip.epoch, tip.sequence, tip.hash


class Entry(models.Model):
    """One entry of a strand; `subject` is the order or the certificate that it names.

    `arrival` rises with the batches of a kiosk, whatever strands they continue.
    """

    key = models.BigIntegerField("键", primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    strand = models.PositiveIntegerField("日志线", default=1)
    machine = models.PositiveIntegerField("机器号", default=1)
    epoch = models.PositiveIntegerField("纪元")
    sequence = models.BigIntegerField("序号")
    hash = models.BinaryField("哈希")
    data = models.BinaryField("内容")
    kind = models.CharField("种类", max_length=40, choices=list(ENTRY_KINDS.items()))
    subject = models.CharField("对象", max_length=40, blank=True, db_index=True)
    account = models.CharField("账号", max_length=12, blank=True)
    wall = models.BigIntegerField("终端机时间")
    received_at = models.BigIntegerField("收到时间")
    arrival = models.BigIntegerField("到达次序", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "日志记录"
        verbose_name_plural = "日志记录"
        ordering = ("-key",)
        indexes = (models.Index(fields=("account", "key"), name="entry_account"),)

    def __str__(self) -> str:
        return f"{self.kiosk}/{self.epoch}/{self.sequence} {self.kind}"


class Source(models.TextChoices):
    """Where an entry was stored, from which a fact was read or which is beside the strands."""

    CHAIN = "chain", "日志"
    QUARANTINE = "quarantine", "隔离"


class StrayEntry(models.Model):
    """An entry beside the strands, in quarantine: a revoked machine sent it."""

    key = models.CharField("键", max_length=40, primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    machine = models.PositiveIntegerField("机器号", default=1)
    epoch = models.PositiveIntegerField("纪元")
    sequence = models.BigIntegerField("序号")
    hash = models.BinaryField("哈希")
    data = models.BinaryField("内容")
    kind = models.CharField("种类", max_length=40, choices=list(ENTRY_KINDS.items()))
    wall = models.BigIntegerField("终端机时间")
    received_at = models.BigIntegerField("收到时间")

    class Meta:
        """Names and order."""

        verbose_name = "隔离记录"
        verbose_name_plural = "隔离记录"
        ordering = ("-key",)
        indexes = (
            models.Index(fields=("kiosk", "machine", "sequence"), name="stray_machine"),
            models.Index(fields=("kiosk", "epoch", "sequence"), name="stray_place"),
        )

    def __str__(self) -> str:
        return f"{self.kiosk}/{self.epoch}/{self.sequence} {self.kind}"


class FactKind(models.TextChoices):
    """What already happened, whatever becomes of the entry."""

    CERTIFICATE = "certificate", "签发证书"
    REVOCATION = "revocation", "证书停用"
    LIFT = "lift", "解除挂失"
    MONEY = "money", "收款"


class Fact(models.Model):
    """A certificate issued or taken out of use, or a payment; amounts in fen, `certificate` is DER.

    `strand` is 0 for what lies beside the strands.
    """

    key = models.CharField("键", max_length=40, primary_key=True)
    kind = models.CharField("种类", max_length=12, choices=FactKind.choices)
    kiosk = models.PositiveIntegerField("终端机")
    strand = models.PositiveIntegerField("日志线", default=0)
    sequence = models.BigIntegerField("序号")
    source = models.CharField("来源", max_length=10, choices=Source.choices)
    order = models.CharField("订单", max_length=40, blank=True, db_index=True)
    certificate_number = models.CharField("证书号", max_length=16, blank=True, db_index=True)
    certificate = models.BinaryField("证书", default=bytes)
    amount = models.BigIntegerField("金额(分)", default=0)
    how = models.CharField("方式", max_length=10, blank=True, choices=list(PAID_HOW.items()))
    transaction = models.CharField("交易号", max_length=64, blank=True)
    wall = models.BigIntegerField("终端机时间")
    received_at = models.BigIntegerField("收到时间")

    class Meta:
        """Names and order."""

        verbose_name = "既成事实"
        verbose_name_plural = "既成事实"
        ordering = ("-key",)
        indexes = (
            models.Index(fields=("source", "key"), name="fact_source"),
            models.Index(fields=("kiosk", "strand", "kind", "sequence"), name="fact_line_kind"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {number_in(self.order) or self.certificate_number}"


class SnapshotState(models.TextChoices):
    """Where a kiosk's snapshot stands."""

    WAITING = "waiting", "待核对"
    ACKNOWLEDGED = "acknowledged", "已确认"
    REFUSED = "refused", "不符"


class Snapshot(models.Model):
    """What a kiosk says that its journal comes to up to one entry; the key is its hash.

    Where the centre found the same, the kiosk may delete the entries before.
    """

    key = models.CharField("哈希", max_length=64, primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    machine = models.PositiveIntegerField("机器号")
    strand = models.PositiveIntegerField("日志线")
    sequence = models.BigIntegerField("到序号")
    data = models.BinaryField("内容")
    signature = models.BinaryField("签名")
    state = models.CharField("状态", max_length=16, choices=SnapshotState.choices)
    reason = models.CharField("原因", max_length=20, blank=True)
    received_at = models.BigIntegerField("收到时间")

    class Meta:
        """Names and order."""

        verbose_name = "日志快照"
        verbose_name_plural = "日志快照"
        ordering = ("-received_at", "-key")
        indexes = (
            models.Index(fields=("received_at", "key"), name="snapshot_received"),
            models.Index(fields=("kiosk", "received_at", "key"), name="snapshot_kiosk"),
            models.Index(
                fields=("received_at", "key"), name="snapshot_waiting", condition=models.Q(state="waiting")
            ),
        )

    def __str__(self) -> str:
        return f"{self.kiosk} 号机 到第 {self.sequence} 条"


class AlarmKind(models.TextChoices):
    """The kinds of alarms."""

    FORK = "fork", "日志分叉"
    TWO_ALIVE = "two-alive", "两份数据同时使用"
    LOST_TAIL = "lost-tail", "日志缺尾"
    UNPAID_CONFIRMATION = "unpaid-confirmation", "无收款的确认"
    DESK_CONFIRMATION = "desk-confirmation", "主管担保收款"
    PAID_TWICE = "paid-twice", "重复付款"
    REVOKED_SENDS = "revoked-sends", "已吊销终端机上传"
    PUT_BACK = "put-back", "中心数据恢复"
    ACCOUNT = "account", "恢复后待确认的账号"
    UNCONFIRMED = "unconfirmed", "恢复后待确认的机器"
    SHOWN_ROW = "shown-row", "恢复前下发过的资料"
    SNAPSHOT = "snapshot", "日志快照不符"
    MISSING = "missing", "日志缺失"
    NIGHTS_MISSED = "nights-missed", "夜间检查未做"


class Alarm(models.Model):
    """Something that a person must look at; raised once for each subject."""

    key = models.CharField("键", max_length=80, primary_key=True)
    kind = models.CharField("种类", max_length=24, choices=AlarmKind.choices)
    kiosk = models.PositiveIntegerField("终端机")
    subject = models.CharField("对象", max_length=60)
    detail = models.CharField("详情", max_length=300, blank=True)
    raised_at = models.BigIntegerField("时间")
    cleared_at = models.BigIntegerField("处理时间", null=True)
    cleared_by = models.CharField("处理人", max_length=150, blank=True)
    remark = models.CharField("备注", max_length=200, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "告警"
        verbose_name_plural = "告警"
        ordering = ("-raised_at", "-key")
        indexes = (
            models.Index(fields=("raised_at", "key"), name="alarm_raised"),
            models.Index(fields=("kind", "raised_at", "key"), name="alarm_kind"),
            models.Index(
                fields=("raised_at", "key"), name="alarm_open", condition=models.Q(cleared_at__isnull=True)
            ),
            models.Index(
                fields=("raised_at", "key"),
                name="alarm_cleared",
                condition=models.Q(cleared_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {number_in(self.subject)}"
