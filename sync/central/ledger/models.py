"""The folded rows; `record` is the domain's struct (MessagePack), the columns beside it are for looking things up."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.db import models

from kiosk.labels import CERTIFICATE_STATUSES, DISPUTE_REASONS, ORDER_KINDS, ORDER_STATUSES
from sync.central.wording import ENTRY_KINDS


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
        return self.reference


class LedgerCertificate(models.Model):
    """A certificate on the register; its number begins with the kiosk that issued it."""

    number = models.CharField("证书号", max_length=16, primary_key=True)
    kiosk = models.PositiveIntegerField("签发终端机")
    account = models.CharField("账号", max_length=12)
    order = models.CharField("订单号", max_length=40)
    token_serial = models.CharField("key盘序列号", max_length=64)
    status = models.CharField("状态", max_length=10, choices=_choices(CERTIFICATE_STATUSES.items()))
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
        )

    def __str__(self) -> str:
        return self.number


class LedgerAccount(models.Model):
    """What the journals tell of one account: its key and its open orders."""

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


class DisputeState(models.TextChoices):
    """Whether somebody decided."""

    OPEN = "open", "待处理"
    DISMISSED = "dismissed", "不入账"
    RETRIED = "retried", "已重新入账"


class Dispute(models.Model):
    """An entry that contradicts the record; its account's later entries wait until a person decides."""

    key = models.BigIntegerField("键", primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    sequence = models.BigIntegerField("序号")
    account = models.CharField("账号", max_length=12, blank=True)
    kind = models.CharField("记录种类", max_length=40, choices=list(ENTRY_KINDS.items()))
    reason = models.CharField("原因", max_length=60, choices=list(DISPUTE_REASONS.items()))
    subject = models.CharField("对象", max_length=100)
    raised_at = models.BigIntegerField("时间")
    state = models.CharField("处理", max_length=10, choices=DisputeState.choices, default=DisputeState.OPEN)
    settled_at = models.BigIntegerField("处理时间", null=True)
    settled_by = models.CharField("处理人", max_length=150, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "争议"
        verbose_name_plural = "争议"
        ordering = ("-raised_at", "-key")
        permissions = (("settle_dispute", "可以处理争议"),)
        indexes = (
            models.Index(fields=("account", "state", "raised_at"), name="dispute_account_state"),
            models.Index(fields=("raised_at", "key"), name="dispute_raised"),
            models.Index(fields=("state", "raised_at", "key"), name="dispute_state"),
            models.Index(fields=("reason", "raised_at", "key"), name="dispute_reason"),
        )

    def __str__(self) -> str:
        return f"{self.kiosk}/{self.sequence} {self.get_reason_display()}"
