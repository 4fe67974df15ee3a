"""The feed's tables: incarnations, audiences, rows, and the rows that kiosks could not apply."""

from __future__ import annotations

from django.db import models

from kiosk.domain.feed_keys import MAXIMUM_KEY
from sync.central.wording import FEED_KINDS, audience_name


class Incarnation(models.Model):
    """One of the centre's lives, each of which begins when its database was put back; `bits` are 64 random ones.

    `heads` (JSON: the newest stamp by audience) is what the centre had when it began.
    """

    number = models.PositiveIntegerField("编号", primary_key=True)
    bits = models.BinaryField("标识")
    begun_at = models.BigIntegerField("开始时间", default=0)
    heads = models.TextField("起始版本", default="{}")

    class Meta:
        """Names and order."""

        verbose_name = "中心代次"
        verbose_name_plural = "中心代次"

    def __str__(self) -> str:
        return str(self.number)


class Audience(models.Model):
    """Whom rows are for, with the version that was given last: locked while versions are given.

    `past` is a later stamp that was given here before the centre was put back, as a receipt shows.
    """

    number = models.BigIntegerField("受众", primary_key=True)
    incarnation = models.PositiveIntegerField("代次", default=0)
    stamp = models.BigIntegerField("版本", default=0)
    past = models.BigIntegerField("恢复前的版本", default=0)

    class Meta:
        """Names and order."""

        verbose_name = "受众"
        verbose_name_plural = "受众"

    def __str__(self) -> str:
        return audience_name(self.number)


class FeedRow(models.Model):
    """A row of the feed. `live` is the latest of its audience and key; the kiosks pull the live ones by their versions.

    A closed row keeps version, key and digest; `body` (JSON) is empty where no entry may name it any more. `signature` is
    empty until the row is first sent.
    """

    audience = models.BigIntegerField("受众")
    key = models.CharField("键", max_length=MAXIMUM_KEY)
    incarnation = models.PositiveIntegerField("代次")
    stamp = models.BigIntegerField("版本")
    base_incarnation = models.PositiveIntegerField("原代次")
    base_stamp = models.BigIntegerField("原版本")
    kind = models.CharField("种类", max_length=40, choices=list(FEED_KINDS.items()))
    body = models.BinaryField("内容")
    digest = models.BinaryField("摘要")
    signature = models.BinaryField("签名", default=bytes)
    live = models.BooleanField("现行", default=True)
    made_at = models.BigIntegerField("时间")
    echoed_at = models.BigIntegerField("终端机已入账", null=True)

    class Meta:
        """Names and order."""

        verbose_name = "下发"
        verbose_name_plural = "下发"
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("audience", "key"), condition=models.Q(live=True), name="feed_live_key"
            ),
        )
        indexes = (
            models.Index(
                fields=("audience", "stamp"),
                condition=models.Q(live=True),
                name="feed_live_version",
            ),
            models.Index(fields=("audience", "stamp"), name="feed_version"),
            models.Index(fields=("key", "audience"), name="feed_key"),
            models.Index(fields=("audience", "id"), name="feed_audience"),
            models.Index(fields=("kind", "id"), name="feed_kind"),
        )

    def __str__(self) -> str:
        return f"{audience_name(self.audience)} {self.key}"


class KeptRow(models.Model):
    """A row that a kiosk could not apply; `gone_at` is when the kiosk no longer reported it."""

    kiosk = models.PositiveIntegerField("终端机")
    audience = models.BigIntegerField("受众")
    key = models.CharField("键", max_length=MAXIMUM_KEY)
    kind = models.CharField("种类", max_length=40, choices=list(FEED_KINDS.items()))
    problem = models.CharField("原因", max_length=200)
    noted_at = models.BigIntegerField("时间")
    gone_at = models.BigIntegerField("终端机不再保留", null=True)
    closed_at = models.BigIntegerField("处理时间", null=True)
    closed_by = models.CharField("处理人", max_length=150, blank=True)
    remark = models.CharField("备注", max_length=200, blank=True)

    class Meta:
        """Names and order."""

        verbose_name = "未能应用的资料"
        verbose_name_plural = "未能应用的资料"
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("kiosk", "gone_at"), name="kept_kiosk_gone"),
            models.Index(fields=("kiosk", "id"), name="kept_kiosk"),
            models.Index(fields=("kind", "id"), name="kept_kind"),
            models.Index(fields=("id",), name="kept_not_gone", condition=models.Q(gone_at__isnull=True)),
            models.Index(fields=("id",), name="kept_gone", condition=models.Q(gone_at__isnull=False)),
            models.Index(fields=("id",), name="kept_open", condition=models.Q(closed_at__isnull=True)),
            models.Index(fields=("id",), name="kept_closed", condition=models.Q(closed_at__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.kiosk} {self.key}"
