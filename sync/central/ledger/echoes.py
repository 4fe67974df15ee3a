"""Echoes: entries by which a kiosk says that it took what a row of its feed told it; the row named is held against them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

import msgspec

from kiosk.domain.echoes import Echo, EchoedBody, repeats
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.feed import AnyFeedBody
from kiosk.domain.feed_keys import MAXIMUM_KEY, name_in_key
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.journal import Entry
from kiosk.domain.versions import NO_VERSION, audience_of_kiosk
from sync.central.fleet.feed.models import FeedRow


class Found(enum.StrEnum):
    """What an echo comes to."""

    SAID = "said"
    """The row says the same, and nothing echoed it before."""
    NOT_SAID = "not-said"
    """There is no such row, or it says something else."""
    AGAIN = "again"
    """An entry echoed the row before."""
    FORGOTTEN = "forgotten"
    """There is no such row, and the centre was put back: it may have said so, and nobody is left to show it."""


class Named(msgspec.Struct, frozen=True):
    """A row that an entry names; `audience` and `id` are the table's, `said` is None once it was echoed."""

    audience: int
    id: int
    echoed: bool
    said: AnyFeedBody | None


Names = Mapping[tuple[int, str], Named]


def key_named(body: AnyBody) -> str:
    """The key of the row that an entry names; empty for none."""
    return body.feed or "" if isinstance(body, Echo) else ""


def rows_named(entries: Iterable[Entry]) -> Names:
    """The rows that these entries name, each of its own kiosk's audience."""
    wanted = {(audience_of_kiosk(each.kiosk), key) for each in entries if (key := key_named(each.body))}
    wanted = {(audience, key) for audience, key in wanted if may_be_named(key)}
    if not wanted:
        return {}
    audiences, keys = {audience for audience, _ in wanted}, {key for _, key in wanted}
    rows = FeedRow.objects.filter(key__in=keys, audience__in=audiences).exclude(kind="removed").order_by()
    return {(row.audience, row.key): _named(row) for row in sorted(rows, key=lambda row: row.id)}


def may_be_named(key: str) -> bool:
    """Whether an immutable row can have that key."""
    name = name_in_key(key)
    return name is not None and name.is_immutable and len(key) <= MAXIMUM_KEY and "\x00" not in key


def _named(row: FeedRow) -> Named:
    if row.echoed_at is not None:
        return Named(row.audience, row.id, echoed=True, said=None)
    body = msgspec.Raw(bytes(row.body))
    said = Row(row.audience, row.key, NO_VERSION, NO_VERSION, row.kind, body).read()
    return Named(row.audience, row.id, echoed=False, said=said)


def says_the_same(said: AnyFeedBody | None, body: Echo) -> bool:
    """Whether a row says what an entry repeats."""
    return isinstance(said, EchoedBody) and repeats(body, said)
