"""What entries commit to, the sealed records, and their keys in a table of their own, which no backup carries."""

from __future__ import annotations

from django.db import models

from kiosk.domain.identifiers import number_in
from kiosk.domain.personal import PersonalKind
from kiosk.labels import PERSONAL_KINDS

HEX = 64
"""Characters of a commitment."""


class RecordState(models.TextChoices):
    """Whether the record to a commitment is here."""

    AWAITED = "awaited", "未送到"
    KEPT = "kept", "已收到"
    ERASED = "erased", "已删除"


class Kind(models.TextChoices):
    """What a record is for."""

    DELIVERY = PersonalKind.DELIVERY.value, PERSONAL_KINDS[PersonalKind.DELIVERY.value]
    INVOICE = PersonalKind.INVOICE.value, PERSONAL_KINDS[PersonalKind.INVOICE.value]
    OPERATOR = PersonalKind.OPERATOR.value, PERSONAL_KINDS[PersonalKind.OPERATOR.value]


class PersonalRecord(models.Model):
    """A commitment that an entry of `kiosk` has, and where its record stands; nothing in it is personal.

    `subject` is the order's reference or the proposal's name. `made_at` is the entry's time by its kiosk's clock, at most the
    one at which it was received; `finished_at` when it was first seen that what the record is for is done.
    """

    commitment = models.CharField("承诺", max_length=HEX, primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    account = models.CharField("账号", max_length=12)
    kind = models.CharField("种类", max_length=10, choices=Kind.choices)
    subject = models.CharField("对象", max_length=40)
    state = models.CharField("状态", max_length=10, choices=RecordState.choices, default=RecordState.AWAITED)
    made_at = models.BigIntegerField("填写时间")
    received_at = models.BigIntegerField("收到时间", null=True)
    finished_at = models.BigIntegerField("办完时间", null=True)
    erased_at = models.BigIntegerField("删除时间", null=True)

    class Meta:
        """Names and order."""

        verbose_name = "个人资料"
        verbose_name_plural = "个人资料"
        ordering = ("-made_at", "-commitment")
        permissions = (
            ("export_personal", "可以导出个人资料"),
            ("erase_personal", "可以删除个人资料"),
        )
        indexes = (
            models.Index(fields=("made_at", "commitment"), name="personal_time"),
            models.Index(fields=("state", "made_at", "commitment"), name="personal_state_time"),
            models.Index(fields=("kind", "made_at", "commitment"), name="personal_kind"),
            models.Index(fields=("kiosk", "made_at", "commitment"), name="personal_kiosk"),
            models.Index(fields=("account", "made_at", "commitment"), name="personal_account"),
            models.Index(fields=("state", "commitment"), name="personal_state"),
            models.Index(fields=("kiosk", "received_at"), name="personal_kiosk_received"),
            models.Index(fields=("subject",), name="personal_subject"),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.get_kind_display()} {number_in(self.subject)}"


class SealedRecord(models.Model):
    """Salt and record, sealed with AES-256-GCM under the record's own key, the commitment as associated data."""

    commitment = models.CharField("承诺", max_length=HEX, primary_key=True)
    sealed = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "封存的资料"
        verbose_name_plural = "封存的资料"

    def __str__(self) -> str:
        return self.commitment


class RecordKey(models.Model):
    """The key of one record, itself sealed with the centre's; in no backup, so that none outlives an erasure."""

    commitment = models.CharField("承诺", max_length=HEX, primary_key=True)
    sealed = models.BinaryField("内容")

    class Meta:
        """Names and order."""

        verbose_name = "资料的密钥"
        verbose_name_plural = "资料的密钥"

    def __str__(self) -> str:
        return self.commitment


class AccountErasure(models.Model):
    """What was made of an account up to `until` (UTC seconds) was erased on request; what comes later of it is not taken."""

    account = models.CharField("账号", max_length=12, primary_key=True)
    until = models.BigIntegerField("到")

    class Meta:
        """Names and order."""

        verbose_name = "删除请求"
        verbose_name_plural = "删除请求"

    def __str__(self) -> str:
        return self.account


class ErasedPages(models.Model):
    """The one row that counts erasures, and up to which of them the database's pages were emptied."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    erased = models.BigIntegerField("删除次数", default=0)
    emptied = models.BigIntegerField("已清空", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "页面清空进度"
        verbose_name_plural = "页面清空进度"

    def __str__(self) -> str:
        return f"{self.emptied}/{self.erased}"
