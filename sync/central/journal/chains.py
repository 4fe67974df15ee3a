"""Whether the strands are whole: every entry's bytes have its hash, and each follows the one before it."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.domain.journal import GENESIS
from sync.central.journal.models import Entry, Strand
from sync.central.journal.received_entries import read
from sync.central.tables import LAST, entry_key
from sync.protocol.errors import BodyMalformed

_AT_ONCE = 2000


def broken_strands() -> list[str]:
    """What is wrong with the strands, the first break of each; empty when all are whole."""
    return [flaw for strand in Strand.objects.order_by("key") if (flaw := _flaw(strand))]


def _flaw(strand: Strand) -> str:
    sequence, previous = strand.branch_sequence, _before(strand)
    for row in _entries(strand):
        sequence += 1
        data = bytes(row.data)
        try:
            received = read(data)
        except BodyMalformed as error:
            return f"{strand}: entry {row.sequence} cannot be read ({error.what})"
        if (row.sequence, received.sequence) != (sequence, sequence):
            return f"{strand}: entry {sequence} is missing"
        if received.hash != bytes(row.hash):
            return f"{strand}: entry {sequence} was changed"
        if received.previous != previous:
            return f"{strand}: entry {sequence} does not follow the one before it"
        previous = received.hash
    high_water = strand.high_water
    if (high_water.sequence, high_water.hash) != (sequence, previous) and strand.high_sequence:
        return f"{strand}: it ends at entry {sequence}, not at {high_water.sequence}"
    return ""


def _entries(strand: Strand) -> Iterator[Entry]:
    first, last = entry_key(strand.kiosk, strand.number, 0), entry_key(strand.kiosk, strand.number, LAST)
    return Entry.objects.filter(key__range=(first, last)).order_by("key").iterator(_AT_ONCE)


def _before(strand: Strand) -> bytes:
    """The hash of what comes before a strand's own entries: of its parent's line at the place where it branched off."""
    parent, sequence = strand.parent, strand.branch_sequence
    while parent and sequence:
        found = (
            Entry.objects.filter(key=entry_key(strand.kiosk, parent, sequence))
            .values_list("hash", flat=True)
            .first()
        )
        if found is not None:
            return bytes(found)
        above = Strand.objects.filter(key=entry_key(0, strand.kiosk, parent)).first()
        parent = 0 if above is None else above.parent
    return GENESIS
