"""What a kiosk pulls: the live rows past its cursors, signed when they are first sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from django.db import transaction

from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.versions import ALL, MEMBERS, NO_VERSION, Version, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed.models import Audience, FeedRow
from sync.central.fleet.feed.writing import present_incarnation
from sync.central.fleet.models import Kiosk
from sync.protocol.records import FEED_PAGE, FEED_PAGE_BODIES, FeedPage
from sync.protocol.rows import sign_row


def audiences_read(kiosk: Kiosk) -> tuple[int, ...]:
    """The audiences that a kiosk reads, in ascending order."""
    members = (MEMBERS,) if kiosk.serves_all else ()
    return (ALL, *members, audience_of_kiosk(kiosk.number))


def heads(audiences: Sequence[int]) -> dict[int, Version]:
    """How far each audience may be read: its newest stamp, in the present incarnation."""
    found, present = dict.fromkeys(audiences, NO_VERSION), present_incarnation()
    for row in Audience.objects.filter(number__in=audiences).order_by():
        found[row.number] = Version(present, row.stamp)
    return found


class Pull:
    """A kiosk's pull after its cursors: of another incarnation, or none, it reads an audience from zero."""

    def __init__(self, kiosk: Kiosk, cursors: Mapping[int, Version], keys: CentreKeys) -> None:
        self._audiences = audiences_read(kiosk)
        self._keys = keys
        self._cursors = cursors

    def page(self) -> FeedPage:
        """The rows after the cursors, by audience and version."""
        # The heads are read first: every row up to them is visible to what follows.
        newest = heads(self._audiences)
        found, size, more = list[FeedRow](), 0, False
        for audience in self._audiences:
            after = self._cursors.get(audience)
            if after is not None and after.incarnation != newest[audience].incarnation:
                after = None  # also where another incarnation began while the kiosk waited
            if newest[audience] <= (after or NO_VERSION):
                continue
            rows = FeedRow.objects.filter(audience=audience, live=True).order_by("stamp")
            if after is not None:  # of whatever incarnation: stamps rise within an audience
                rows = rows.filter(stamp__gt=after.stamp)
            for live in rows[: FEED_PAGE + 1 - len(found)]:
                size += len(live.body)
                more = len(found) == FEED_PAGE or (bool(found) and size > FEED_PAGE_BODIES)
                if more:
                    break
                found.append(live)
            if more:
                break
        signed = self._signed(found)
        for row in signed:  # some were written since
            newest[row.audience] = max(newest[row.audience], row.version)
        return FeedPage(signed, newest, more=more)

    def _signed(self, rows: Sequence[FeedRow]) -> tuple[Row, ...]:
        signed, fresh = list[Row](), dict[int, bytes]()
        for row in rows:
            as_sent = _as_sent(row)
            if not as_sent.signature:
                as_sent = sign_row(as_sent, self._keys.centre_key)
                fresh[row.id] = as_sent.signature
            signed.append(as_sent)
        if fresh:
            _keep(fresh)
        return tuple(signed)


def _as_sent(row: FeedRow) -> Row:
    return Row(
        row.audience,
        row.key,
        Version(row.incarnation, row.stamp),
        Version(row.base_incarnation, row.base_stamp),
        row.kind,
        msgspec.Raw(bytes(row.body)),
        bytes(row.signature),
    )


def _keep(signatures: Mapping[int, bytes]) -> None:
    """Keep signatures, of the rows that nobody has locked: the same bytes are made again for the others."""
    with transaction.atomic():
        rows = FeedRow.objects.select_for_update(skip_locked=True).filter(id__in=signatures).only("id")
        kept = [FeedRow(id=row.id, signature=signatures[row.id]) for row in rows]
        FeedRow.objects.bulk_update(kept, ["signature"])
