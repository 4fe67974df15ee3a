"""Login checks under way, members who signed in with a phone, and the sandbox's messages; times in UTC seconds."""

from __future__ import annotations

from django.db import models

from sync.central.login.messages import LONGEST_TEXT


class CheckState(models.TextChoices):
    """The state of a check."""

    ASKED = "asked", "等待签名"
    FAILED = "failed", "未通过"
    CODE_SENT = "code-sent", "已发验证码"
    PASSED = "passed", "通过"


class LoginCheck(models.Model):
    """One check; only a hash of the SMS code is stored."""

    key = models.CharField("编号", max_length=40, primary_key=True)
    kiosk = models.PositiveIntegerField("终端机")
    account = models.CharField("账号", max_length=12)
    challenge = models.BinaryField("挑战")
    state = models.CharField("状态", max_length=12, choices=CheckState.choices, default=CheckState.ASKED)
    certificate_number = models.CharField("证书号", max_length=16, blank=True)
    asked_at = models.BigIntegerField("时间")
    expires = models.BigIntegerField("失效时间")
    code_hash = models.CharField("验证码摘要", max_length=64, blank=True)
    code_expires = models.BigIntegerField("验证码失效时间", default=0)
    tries_left = models.PositiveIntegerField("剩余次数", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "登录验证"
        verbose_name_plural = "登录验证"
        ordering = ("-asked_at", "-key")
        indexes = (
            models.Index(fields=("account", "asked_at", "key"), name="login_account_time"),
            models.Index(fields=("asked_at", "key"), name="login_time"),
            models.Index(fields=("state", "asked_at", "key"), name="login_state"),
            models.Index(fields=("kiosk", "asked_at", "key"), name="login_kiosk"),
            models.Index(fields=("certificate_number",), name="login_certificate"),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.get_state_display()}"


class MemberSession(models.Model):
    """A member who signs in with a phone: `key` is the hash of the cookie, `proved` once the SMS code was typed."""

    key = models.CharField("会话摘要", max_length=64, primary_key=True)
    account = models.CharField("账号", max_length=12)
    code_hash = models.CharField("验证码摘要", max_length=64)
    tries_left = models.PositiveIntegerField("剩余次数")
    proved = models.BooleanField("已验证", default=False)
    began_at = models.BigIntegerField("时间", db_index=True)
    expires = models.BigIntegerField("失效时间")

    class Meta:
        """Names."""

        verbose_name = "会员会话"
        verbose_name_plural = "会员会话"
        indexes = (models.Index(fields=("account", "began_at"), name="session_account"),)

    def __str__(self) -> str:
        return self.account


class PasswordTry(models.Model):
    """A password that was tried with a phone, right or not yet judged wrong; a right one takes an account's tries back."""

    account = models.CharField("账号", max_length=12, db_index=True)
    tried_at = models.BigIntegerField("时间", db_index=True)

    class Meta:
        """Names."""

        verbose_name = "密码尝试"
        verbose_name_plural = "密码尝试"

    def __str__(self) -> str:
        return self.account


class PasswordInvitation(models.Model):
    """How an operator sets the password: by a link or with a code, of which the latest count, once. Only hashes are stored.

    `sent_at` is when the message went out (None: it did not), `used_at` when the password was set, `sent` how many went out in the
    hour from `counted_at` on.
    """

    account = models.CharField("账号", max_length=12, primary_key=True)
    link_hash = models.CharField("链接摘要", max_length=64, blank=True, db_index=True)
    code_hash = models.CharField("验证码摘要", max_length=64, blank=True)
    tries_left = models.PositiveIntegerField("剩余次数", default=0)
    made_at = models.BigIntegerField("时间")
    expires = models.BigIntegerField("失效时间")
    sent_at = models.BigIntegerField("发出时间", null=True)
    used_at = models.BigIntegerField("使用时间", null=True)
    counted_at = models.BigIntegerField("计数时间")
    sent = models.PositiveIntegerField("次数", default=0)

    class Meta:
        """Names."""

        verbose_name = "设置密码的链接"
        verbose_name_plural = "设置密码的链接"

    def __str__(self) -> str:
        return self.account


class SandboxMessage(models.Model):
    """A message that the sandbox provider stored instead of sending it."""

    account = models.CharField("账号", max_length=12)
    phone = models.CharField("手机", max_length=15)
    text = models.CharField("内容", max_length=LONGEST_TEXT)
    sent_at = models.BigIntegerField("时间")

    class Meta:
        """Names and order."""

        verbose_name = "沙箱短信"
        verbose_name_plural = "沙箱短信"
        ordering = ("-sent_at", "-id")
        indexes = (models.Index(fields=("account", "sent_at", "id"), name="message_account"),)

    def __str__(self) -> str:
        return self.text
