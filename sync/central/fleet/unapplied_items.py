"""Feed items that kiosks could not apply: reported by heartbeats, closed by staff."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from kiosk.domain.feed import UnappliedDismissed
from sync.central.fleet.feeding import publish
from sync.central.fleet.models import FeedItem, KeptItem
from sync.central.tables import LAST, column_text, row_key
from sync.protocol.records import KEPT_PROBLEM_LENGTH, MAXIMUM_KEPT, UnappliedNotice


def record_unapplied(kiosk: int, reported: Iterable[UnappliedNotice], now: int) -> None:
    """Record which items a kiosk reports as not applied, and when it stopped reporting others."""
    named = [each for each in tuple(reported)[:MAXIMUM_KEPT] if 1 <= each.number <= LAST]
    problems = {row_key(kiosk, each.number): each.problem for each in named}
    open_items = KeptItem.objects.filter(kiosk=kiosk, gone_at=None)
    open_items.exclude(key__in=problems).update(gone_at=now)
    sent = FeedItem.objects.filter(kiosk=kiosk, key__in=problems).exclude(
        key__in=KeptItem.objects.filter(key__in=problems).values("key")
    )
    KeptItem.objects.bulk_create(
        [
            KeptItem(
                key=item.key,
                kiosk=kiosk,
                number=item.number,
                kind=item.kind,
                problem=column_text(problems[item.key], KEPT_PROBLEM_LENGTH),
                noted_at=now,
            )
            for item in sent
        ],
        ignore_conflicts=True,
    )


def dismiss(item: KeptItem, by: str, remark: str, now: int) -> None:
    """Close an item that a person has seen to, and tell its kiosk to drop it."""
    with transaction.atomic():
        # Publishing locks the kiosk's row first, as a heartbeat does.
        publish(item.kiosk, [UnappliedDismissed(item.number)], now)
        item.closed_at, item.closed_by, item.remark = now, by, remark
        item.save(update_fields=["closed_at", "closed_by", "remark"])
