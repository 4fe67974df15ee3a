"""Checking the store against itself: pages, chain, and the tables against the fold of the journal; and exporting it.

Where entries were deleted all of this begins with the snapshot that stands for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import msgspec

from kiosk.domain.entries.body import Tip
from kiosk.domain.errors import DomainError, SnapshotMalformed
from kiosk.domain.journal import Entry, SealedEntry
from kiosk.domain.snapshots import EpochStart, read_row, read_snapshot, row_place
from kiosk.store.course import Course, SnapshotFlaw, SnapshotFlawed, Start, start_of
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt
from kiosk.store.ledger import side_by_side
from kiosk.store.scratch import ScratchLedger, scratch_ledger
from kiosk.store.snapshots import KeptSnapshot
from kiosk.store.transaction import Transaction

_NAMED = 1000  # differences; more are counted


class Break(msgspec.Struct, frozen=True):
    """The first entry that does not follow from the ones before it, and why."""

    sequence: int
    reason: str


class Verification(msgspec.Struct, frozen=True):
    """The findings: how many rows differ from the fold of the journal; `differences` names the first of them.

    The journal was checked from `start` on, unless the snapshot that it would begin with is unsound.
    """

    entries: int
    tip: Tip | None
    damaged_pages: tuple[str, ...]
    broken: Break | None
    different: int
    differences: tuple[str, ...]
    rebuilt: bool
    start: Start = Start()
    unsound_start: SnapshotFlaw | None = None

    @property
    def intact(self) -> bool:
        """Whether pages and chain are as they should be, and what stands for entries that were deleted."""
        return not self.damaged_pages and self.broken is None and self.unsound_start is None

    @property
    def flaw(self) -> str:
        """The first thing that is wrong with pages, snapshot and chain; empty when they are intact."""
        broken = "" if self.broken is None else f"entry {self.broken.sequence}: {self.broken.reason}"
        start = "" if self.unsound_start is None else f"the snapshot: {self.unsound_start.value}"
        return next(iter(self.damaged_pages), start or broken)

    @property
    def sound(self) -> bool:
        """Whether pages, chain and tables are as they should be (after rebuilding, when that was done)."""
        return self.intact and (self.rebuilt or not self.different)


def verify(database: Database, *, rebuild: bool = False, pages: bool = True) -> Verification:
    """Check every page (unless somebody else does), every link of the chain and every row of the folded tables; slow.

    The journal is folded in a file that is gone afterwards, as large as the tables; memory stays flat. With `rebuild` the
    folded tables are written anew from the journal where they differ, if the chain is whole. In a
    file with damaged pages nothing else is looked at. Raises StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
    """
    damaged = database.page_damage() if pages else ()
    if damaged:
        return Verification(0, None, damaged, None, 0, (), rebuilt=False)
    with (
        database.write() if rebuild else database.read() as tx,
        scratch_ledger(database.path, tx.ledger) as folded,
    ):
        try:
            start = start_of(tx, folded)
        except SnapshotFlawed as error:
            tip = tx.journal.tip()
            count = 0 if tip is None else tip.sequence
            return Verification(count, tip, (), None, 0, (), rebuilt=False, unsound_start=error.flaw)
        tip, broken = _fold(tx, folded, start)
        differences = _differences(tx, folded, start) if broken is None else iter(())
        named = tuple(islice(differences, _NAMED))
        different = len(named) + sum(1 for _ in differences)
        rebuilt = rebuild and different > 0
        if rebuilt:
            tx.ledger.replace(folded.tables)
            tx.journal.pruned.replace(_pruned_epochs(tx, start), folded.echoes(tx.journal.pruned.last()))
    return Verification(
        entries=0 if tip is None else tip.sequence,
        tip=tip,
        damaged_pages=(),
        broken=broken,
        different=different,
        differences=named,
        rebuilt=rebuilt,
        start=start,
    )


def _differences(tx: Transaction, folded: ScratchLedger, start: Start) -> Iterator[str]:
    """Of the tables, and of what stays of entries that were deleted."""
    yield from tx.ledger.differences(folded.tables)
    pruned = tx.journal.pruned
    here, there = set(pruned.epochs()), set(_pruned_epochs(tx, start))
    yield from (f"pruned_epochs {each.epoch}" for each in sorted(here ^ there, key=lambda each: each.epoch))
    made = folded.echoes(pruned.last())
    for ours, theirs in side_by_side(pruned.echoes(), made, lambda row: row.key):
        if ours != theirs:
            yield f"pruned_echoes {next(each.key for each in (ours, theirs) if each is not None)}"


def _pruned_epochs(tx: Transaction, start: Start) -> tuple[EpochStart, ...]:
    """The epochs of entries that were deleted."""
    epochs = () if start.snapshot is None else start.snapshot.epochs
    return tuple(each for each in epochs if each.first <= tx.journal.pruned.last())


def export(database: Database, stream: IO[str]) -> int:
    """Write the journal as JSON lines, one per entry; the result is how many. Bytes are base64, hashes hex.

    `data` holds the exact bytes that were hashed. Where entries were deleted the snapshot that stands for them comes first,
    with its signatures, and its rows. Raises StoreCorrupt, EntryMalformed, OSError.
    """
    written = 0
    with database.read() as tx:
        kept = tx.snapshots.in_force()
        if kept is not None:
            for each in _exported_snapshot(tx, kept):
                stream.write(msgspec.json.encode(each).decode() + "\n")
        for sealed in tx.journal.each(0 if kept is None else kept.sequence - 1):
            stream.write(msgspec.json.encode(_exported(sealed)).decode() + "\n")
            written += 1
    return written


def _exported_snapshot(tx: Transaction, kept: KeptSnapshot) -> Iterator[dict[str, Any]]:
    said = kept.acknowledgement
    try:
        yield {
            "begins_at": kept.sequence,
            "snapshot": msgspec.structs.asdict(read_snapshot(kept.signed.snapshot)),
            "data": kept.signed.snapshot,
            "signature": kept.signed.signature,
            "acknowledgement": b"" if said is None else said.acknowledgement,
            "acknowledged_by": b"" if said is None else said.signature,
        }
        for data in tx.snapshots.rows(kept.sequence):
            row = read_row(data)
            yield {"row": row_place(row)[0], "record": row, "data": data}
    except SnapshotMalformed as error:
        raise StoreCorrupt(tx.path, f"the snapshot at {kept.sequence}: {error}") from error


def _exported(sealed: SealedEntry) -> dict[str, Any]:
    entry = sealed.entry
    names = (name for name in Entry.__struct_fields__ if name != "body")
    fields = {name: getattr(entry, name) for name in names}
    return {
        **fields,
        "previous": entry.previous.hex(),
        "hash": sealed.hash.hex(),
        "body": entry.body,
        "data": sealed.data,
    }


def _fold(tx: Transaction, ledger: ScratchLedger, start: Start) -> tuple[Tip | None, Break | None]:
    """Fold the journal; the result is the last valid link of its chain, and where it breaks."""
    course = Course(tx, ledger, start)
    try:
        course.go_on()
    except (DomainError, StoreCorrupt) as error:
        return course.tip, Break(course.sequence, str(error))
    return course.tip, None
