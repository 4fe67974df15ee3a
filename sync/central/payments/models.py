"""Payments by order and attempt; amounts in fen, times UTC seconds."""

from __future__ import annotations

from django.db import models

from kiosk.domain.identifiers import out_refund_no


class PaymentState(models.TextChoices):
    """The state of an order's payment."""

    OPEN = "open", "待支付"
    VOUCHED = "vouched", "柜台担保"
    PAID = "paid", "已支付"
    REFUNDED = "refunded", "已退回"


UNPAID = (PaymentState.OPEN, PaymentState.VOUCHED)
"""States in which the provider has no money."""


class AttemptState(models.TextChoices):
    """The state of one attempt with the provider."""

    OPEN = "open", "支付中"
    PAID = "paid", "成功"
    CLOSED = "closed", "已关闭"
    RETURNED = "returned", "已退回"
    REFUNDED = "refunded", "随订单退回"


SETTLED = (AttemptState.PAID, AttemptState.RETURNED, AttemptState.REFUNDED)
"""States in which the provider had money: it is here, went back by itself, or with its order."""


class Payment(models.Model):
    """The payment of one order, by its reference, whose page was opened, or which a desk vouched for.

    `kiosk` made the order. `token` is the order code (38 bytes), empty until the page was opened.
    """

    order = models.CharField("订单标识", max_length=40, primary_key=True)
    order_number = models.CharField("订单号", max_length=40)
    kiosk = models.PositiveIntegerField("终端机")
    account = models.CharField("账号", max_length=12)
    kind = models.CharField("业务", max_length=12)
    token = models.BinaryField("令牌")
    amount = models.BigIntegerField("金额(分)")
    state = models.CharField("状态", max_length=10, choices=PaymentState.choices, default=PaymentState.OPEN)
    transaction = models.CharField("交易号", max_length=64, blank=True)
    opened_at = models.BigIntegerField("打开时间")
    paid_at = models.BigIntegerField("支付时间", null=True)
    refund_asked_at = models.BigIntegerField("要求退款", null=True)
    refunded_at = models.BigIntegerField("退回时间", null=True)

    class Meta:
        """Names and order."""

        verbose_name = "缴费"
        verbose_name_plural = "缴费"
        ordering = ("-opened_at", "-order")
        permissions = (("refund_payment", "可以退款"),)
        indexes = (
            models.Index(fields=("opened_at", "order"), name="payment_opened"),
            models.Index(fields=("state", "opened_at", "order"), name="payment_state"),
            models.Index(fields=("kiosk", "opened_at", "order"), name="payment_kiosk"),
            models.Index(fields=("account", "opened_at", "order"), name="payment_account"),
            models.Index(fields=("order_number", "opened_at", "order"), name="payment_number"),
            models.Index(fields=("transaction",), name="payment_transaction"),
        )

    def __str__(self) -> str:
        return self.order_number


class PaymentAttempt(models.Model):
    """One attempt with the provider, under an `out_trade_no` that begins with the kiosk.

    `amount` and `paid_at` are the provider's, once it is paid. `browser` is the hash of the one that began it (payers.py).
    """

    out_trade_no = models.CharField("商户订单号", max_length=32, primary_key=True)
    payment = models.ForeignKey(
        Payment, verbose_name="缴费", related_name="attempts", on_delete=models.PROTECT
    )
    attempt = models.PositiveIntegerField("次数")
    state = models.CharField("状态", max_length=10, choices=AttemptState.choices, default=AttemptState.OPEN)
    transaction = models.CharField("交易号", max_length=64, blank=True)
    amount = models.BigIntegerField("金额(分)", default=0)
    opened_at = models.BigIntegerField("时间")
    paid_at = models.BigIntegerField("支付时间", null=True)
    browser = models.CharField("浏览器摘要", max_length=64, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "支付尝试"
        verbose_name_plural = "支付尝试"
        ordering = ("out_trade_no",)
        indexes = (
            models.Index(fields=("transaction",), name="attempt_transaction"),
            models.Index(fields=("browser", "opened_at"), name="attempt_browser"),
        )

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def out_refund_no(self) -> str:
        """The provider's number for its refund."""
        return out_refund_no(self.out_trade_no)


class ConfirmationCode(models.Model):
    """An SMS code for a browser that did not pay and wants to read the confirmation; only hashes are stored.

    The row without a browser counts the order's codes of the hour that began at `counted_from`.
    """

    order = models.CharField("订单标识", max_length=40)
    browser = models.CharField("浏览器摘要", max_length=64, blank=True)
    code_hash = models.CharField("验证码摘要", max_length=64, blank=True)
    expires = models.BigIntegerField("失效时间", default=0)
    tries_left = models.PositiveIntegerField("剩余次数", default=0)
    proved = models.BooleanField("已验证", default=False)
    sent = models.PositiveIntegerField("已发次数", default=0)
    counted_from = models.BigIntegerField("计数起点", default=0)
    asked_at = models.BigIntegerField("时间", db_index=True)

    class Meta:
        """Names, and one row for a browser and its order."""

        verbose_name = "确认码查看验证"
        verbose_name_plural = "确认码查看验证"
        constraints = (models.UniqueConstraint(fields=("order", "browser"), name="code_order_browser"),)

    def __str__(self) -> str:
        return self.order


class DeskPaymentState(models.TextChoices):
    """What a person decided about a payment that a desk vouched for."""

    OPEN = "open", "未核对"
    SAME = "same", "与网上缴费是同一笔"
    RECEIVED = "received", "另收的款，已核对"
    RETURNED = "returned", "已在柜台退还"


class DeskPayment(models.Model):
    """A payment that a supervisor vouched for, of which no provider knows; `key` is that of the entry's fact."""

    key = models.CharField("键", max_length=40, primary_key=True)
    order = models.CharField("订单标识", max_length=40)
    order_number = models.CharField("订单号", max_length=40)
    kiosk = models.PositiveIntegerField("终端机")
    account = models.CharField("账号", max_length=12, blank=True)
    amount = models.BigIntegerField("金额(分)")
    supervisor = models.CharField("担保人", max_length=40, blank=True)
    vouched_at = models.BigIntegerField("担保时间")
    received_at = models.BigIntegerField("收到时间")
    state = models.CharField(
        "核对", max_length=10, choices=DeskPaymentState.choices, default=DeskPaymentState.OPEN
    )
    settled_at = models.BigIntegerField("核对时间", null=True)
    settled_by = models.CharField("核对人", max_length=150, blank=True)
    remark = models.CharField("备注", max_length=200, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "柜台担保收款"
        verbose_name_plural = "柜台担保收款"
        ordering = ("-key",)
        permissions = (("reconcile_deskpayment", "可以核对柜台担保收款"),)
        indexes = (
            models.Index(fields=("order", "key"), name="desk_order"),
            models.Index(fields=("order", "state"), name="desk_order_state"),
            models.Index(fields=("order_number", "key"), name="desk_number"),
            models.Index(fields=("state", "key"), name="desk_state"),
            models.Index(fields=("account", "key"), name="desk_account"),
            models.Index(fields=("supervisor", "key"), name="desk_supervisor"),
        )

    def __str__(self) -> str:
        return f"{self.order_number} {self.supervisor}"


class SandboxTrade(models.Model):
    """What the sandbox provider knows of one `out_trade_no`."""

    out_trade_no = models.CharField("商户订单号", max_length=32, primary_key=True)
    amount = models.BigIntegerField("金额(分)")
    state = models.CharField("状态", max_length=10, default="NOTPAY")
    transaction = models.CharField("交易号", max_length=64, blank=True)
    paid_at = models.BigIntegerField("支付时间", null=True)
    out_refund_no = models.CharField("商户退款单号", max_length=64, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "沙箱交易"
        verbose_name_plural = "沙箱交易"

    def __str__(self) -> str:
        return self.out_trade_no
