"""The strands of a kiosk: where an entry stands, what runs on along one of them, and which share an epoch.

Every entry is stored once, on the strand that had it first. A strand's line is its own entries after those of its
parents up to where each was left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kiosk.domain.entries.body import Tip
from sync.central.journal.models import Entry, Strand
from sync.central.tables import LAST, entry_key
from sync.protocol.records import JOURNAL_PAGE, JournalPage, StrandMark

MAXIMUM_STRANDS = 1000


class Stretch(NamedTuple):
    """The entries of one strand after one sequence number, up to another."""

    strand: int
    after: int
    until: int


def strands_of(kiosk: int) -> list[Strand]:
    """The strands of a kiosk, by number; whoever changes them has locked the kiosk's row."""
    first, last = entry_key(0, kiosk, 0), entry_key(0, kiosk, LAST)
    return list(Strand.objects.filter(key__range=(first, last)).order_by("key"))


def strand_key(kiosk: int, number: int) -> int:
    """The key of a strand: kiosk ‖ number."""
    return entry_key(0, kiosk, number)


def latest(strands: Iterable[Strand]) -> Strand | None:
    """The strand that received last; None before the first entry."""
    return max(strands, key=lambda each: (each.received_at, each.number), default=None)


def numbered(strands: Iterable[Strand], number: int) -> Strand | None:
    """The strand of that number."""
    return next((each for each in strands if each.number == number), None)


def holding(strands: Iterable[Strand], sequence: int, digest: bytes) -> Strand | None:
    """The strand that has the entry of that sequence and hash."""
    reaching = [each for each in strands if each.branch_sequence < sequence <= each.high_sequence]
    for each in reaching:
        if each.high_sequence == sequence and bytes(each.high_hash) == digest:
            return each
    keys = {entry_key(each.kiosk, each.number, sequence): each for each in reaching}
    rows = Entry.objects.filter(key__in=keys).values_list("key", "hash")
    return next((keys[key] for key, found in rows if bytes(found) == digest), None)


def known_hashes(strands: Iterable[Strand], first: int, last: int) -> dict[bytes, Strand]:
    """The hashes of the entries between two sequence numbers, and the strands that have them."""
    return {
        bytes(digest): each
        for each in strands
        if each.branch_sequence < last and first <= each.high_sequence
        for digest in Entry.objects.filter(
            key__range=(
                entry_key(each.kiosk, each.number, first),
                entry_key(each.kiosk, each.number, last),
            )
        ).values_list("hash", flat=True)
    }


def line(strands: Iterable[Strand], strand: Strand) -> list[Stretch]:
    """The line of a strand from its first entry on."""
    by_number = {each.number: each for each in strands}
    stretches: list[Stretch] = []
    each: Strand | None = strand
    until = strand.high_sequence
    while each is not None:
        stretches.append(Stretch(each.number, each.branch_sequence, until))
        until = each.branch_sequence
        each = by_number.get(each.parent)
    return stretches[::-1]


def journal_page(kiosk: int, number: int, after: int) -> JournalPage:
    """The entries of a strand's line after a sequence number; of the one that received last for number 0."""
    strands = strands_of(kiosk)
    strand = numbered(strands, number) if number else latest(strands)
    if strand is None:
        return JournalPage((), more=False, strand=0, high_water=None)
    found: list[tuple[bytes, int]] = []
    for stretch in line(strands, strand):
        first = entry_key(kiosk, stretch.strand, min(max(after, stretch.after) + 1, LAST))
        last = entry_key(kiosk, stretch.strand, stretch.until)
        rows = Entry.objects.filter(key__range=(first, last)).order_by("key").values_list("data", "arrival")
        found += [(bytes(data), arrival) for data, arrival in rows[: JOURNAL_PAGE + 1 - len(found)]]
    page = found[:JOURNAL_PAGE]
    return JournalPage(
        tuple(data for data, _ in page),
        more=len(found) > JOURNAL_PAGE,
        strand=strand.number,
        high_water=strand.high_water,
        arrivals=tuple(arrival for _, arrival in page),
        strands=marks(strands),
    )


def marks(strands: Iterable[Strand]) -> tuple[StrandMark, ...]:
    """What a kiosk is told of its strands."""
    return tuple(
        StrandMark(each.number, each.parent, each.branch_sequence, each.high_water) for each in strands
    )


def sharing_an_epoch(strands: Iterable[Strand], strand: Strand, before: Tip | None) -> list[Strand]:
    """The strands that have to begin a new epoch now that `strand` came to where it is.

    `before` is the entry that it branched off at, if it branched just now: who goes on in the epoch of that entry may
    give out a number that another strand gave out.
    """
    epoch = strand.high_epoch
    sharing = [each for each in strands if each.number != strand.number and each.high_epoch == epoch]
    if sharing or (before is not None and before.epoch == epoch):
        return [strand, *sharing]
    return []
