"""What holds of the feed once everything came to rest; each of these gives what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kiosk.domain.feed_keys import RowName
from kiosk.domain.journal import unseal
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.reading import audiences_read
from sync.central.fleet.models import Kiosk
from sync.central.journal.models import Entry
from sync.central.journal.strands import line, strands_of
from sync.central.members.models import DeskStaff
from tests.support.histories.machines import Machine
from tests.support.histories.template import KIOSKS
from tests.support.histories.world import World


def every_kiosk_has_what_it_was_told(world: World) -> Iterator[str]:
    """Each row that the centre tells holds at the kiosks that read it, or is kept there for staff; what holds is shown."""
    for machine in world.live:
        if machine.works:
            yield from _rows_missing(machine)
            yield from _staff_differ(machine)


def _rows_missing(machine: Machine) -> Iterator[str]:
    audiences = audiences_read(Kiosk.objects.get(number=machine.kiosk))
    told = FeedRow.objects.filter(audience__in=audiences, live=True).order_by("audience", "stamp")
    with machine.database.read() as tx:
        kept = {(each.row.audience, each.row.key) for each in tx.feed.rows.unapplied()}
        for audience, key, stamp in told.values_list("audience", "key", "stamp"):
            held = tx.feed.rows.row(audience, key)
            if (held is None or held.version.stamp != stamp) and (audience, key) not in kept:
                yield f"{machine.label} has {held and held.version.stamp} of {audience} {key}, which is at {stamp}"


def _staff_differ(machine: Machine) -> Iterator[str]:
    told = {row.name: row.record() for row in DeskStaff.objects.all()}
    with machine.database.read() as tx:
        here = {each.name: each for each in tx.members.all_staff()}
    for name in sorted({*told, *here}):
        if told.get(name) != here.get(name):
            yield f"{machine.label} shows {here.get(name)} where {told.get(name)} was told"


def nothing_is_echoed_twice(_world: World) -> Iterator[str]:
    """No line of a kiosk's journal names a row of the feed twice."""
    for kiosk in KIOSKS:
        strands = strands_of(kiosk)
        named = [
            (each.strand, each.sequence, key)
            for each in Entry.objects.filter(kiosk=kiosk, kind__in=_ECHOES)
            if (key := getattr(unseal(bytes(each.data)).entry.body, "feed", ""))
        ]
        for strand in strands:
            parts = line(strands, strand)
            keys = Counter(
                key
                for on, sequence, key in named
                if any(part.strand == on and part.after < sequence <= part.until for part in parts)
            )
            yield from (
                f"{kiosk}/{strand.number} names {key} {count} times"
                for key, count in keys.items()
                if count > 1
            )


_ECHOES = (
    "order-assigned",
    "order-released",
    "order-paid",
    "refund-granted",
    "refund-completed",
    "surplus-returned",
    "certificate-revoked",
    "register-decided",
)


def decisions_reach_the_issuer(world: World) -> Iterator[str]:
    """What was decided about a certificate stands in the journal of the kiosk that issued it, or is kept there for staff."""
    for machine in world.live:
        own = audiences_read(Kiosk.objects.get(number=machine.kiosk))[-1]
        prefix = f"{RowName.REGISTER_DECIDED.value}/"
        told = FeedRow.objects.filter(audience=own, key__startswith=prefix, live=True, echoed_at=None)
        if machine.works:
            with machine.database.read() as tx:
                kept = {each.row.key for each in tx.feed.rows.unapplied()}
            waiting = set(told.values_list("key", flat=True)) - kept
            yield from (f"{machine.label} never entered {key}" for key in sorted(waiting))


def nobody_is_served_unheard(world: World) -> Iterator[str]:
    """No order is taken before a kiosk has read the whole feed once."""
    yield from (f"{each} was placed during the first pull" for each in world.notes.served_unheard)
