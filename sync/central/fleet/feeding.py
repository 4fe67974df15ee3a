"""Publishing to the kiosks' feeds: numbers without a gap, visible in their order.

The kiosk's row is locked from the choice of the next number until the commit, so that no cursor passes an item that is
not visible yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from django.db import transaction

from kiosk.domain import feed
from kiosk.domain.feed import FeedBody
from sync.central.fleet.models import FeedItem, Kiosk, KioskState
from sync.central.tables import LAST, row_key
from sync.protocol.records import FEED_PAGE, FeedPage


def enrolled_kiosks() -> list[int]:
    """The numbers of the kiosks in use."""
    return list(Kiosk.objects.filter(state=KioskState.ENROLLED).values_list("number", flat=True))


def publish(kiosk: int, bodies: Iterable[FeedBody], now: int) -> int:
    """Append items to one kiosk's feed; the number of the last one. `now` is UTC seconds."""
    with transaction.atomic():
        row = Kiosk.objects.select_for_update().get(number=kiosk)
        rows = []
        for body in bodies:
            row.feed_number += 1
            rows.append(_item(kiosk, row.feed_number, body, now))
        if rows:
            FeedItem.objects.bulk_create(rows)
            row.save(update_fields=["feed_number"])
        return row.feed_number


def publish_all(told: Mapping[int, Sequence[FeedBody]], now: int) -> None:
    """Append to each kiosk's feed what it is told, all of it by a few statements; kiosks that are not known are left out."""
    with transaction.atomic():
        numbers = sorted(kiosk for kiosk, bodies in told.items() if bodies)
        rows = list(Kiosk.objects.select_for_update().filter(number__in=numbers).order_by("number"))
        items = []
        for row in rows:
            for body in told[row.number]:
                row.feed_number += 1
                items.append(_item(row.number, row.feed_number, body, now))
        FeedItem.objects.bulk_create(items)
        Kiosk.objects.bulk_update(rows, ["feed_number"])


def _item(kiosk: int, number: int, body: FeedBody, now: int) -> FeedItem:
    return FeedItem(
        key=row_key(kiosk, number),
        kiosk=kiosk,
        number=number,
        kind=str(type(body).__struct_config__.tag),
        body=msgspec.json.encode(body),
        made_at=now,
    )


def publish_to(kiosks: Iterable[int], bodies: Iterable[FeedBody], now: int) -> None:
    """Append the same items to several feeds, in the order of the kiosks' numbers, which is the order of the locks."""
    items = tuple(bodies)
    for kiosk in sorted(set(kiosks)):
        publish(kiosk, items, now)


def page(kiosk: int, after: int) -> FeedPage:
    """The items after a cursor."""
    rows = list(
        FeedItem.objects.filter(key__gt=row_key(kiosk, min(after, LAST)), key__lte=row_key(kiosk, LAST))
        .order_by("key")
        .values_list("number", "body")[: FEED_PAGE + 1]
    )
    items = tuple(feed.FeedItem(number, msgspec.Raw(bytes(body))) for number, body in rows[:FEED_PAGE])
    return FeedPage(items, more=len(rows) > FEED_PAGE)
