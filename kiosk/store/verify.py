"""Checking the store against itself: pages, chain, and the tables against the fold of the journal; and exporting it."""

from __future__ import annotations

from itertools import count, islice
from typing import IO, Any

import msgspec

from kiosk.domain.entries import Tip
from kiosk.domain.errors import DomainError
from kiosk.domain.journal import Entry, SealedEntry, check_link
from kiosk.domain.ledger_fold import fold_entry, judged_by_the_issuer
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt
from kiosk.store.scratch import ScratchLedger, scratch_ledger
from kiosk.store.transaction import Transaction

_NAMED = 1000  # differences; more are counted


class Break(msgspec.Struct, frozen=True):
    """The first entry that does not follow from the ones before it, and why."""

    sequence: int
    reason: str


class Verification(msgspec.Struct, frozen=True):
    """The findings: how many rows differ from the fold of the journal; `differences` names the first of them."""

    entries: int
    tip: Tip | None
    damaged_pages: tuple[str, ...]
    broken: Break | None
    different: int
    differences: tuple[str, ...]
    rebuilt: bool

    @property
    def intact(self) -> bool:
        """Whether pages and chain are as they should be."""
        return not self.damaged_pages and self.broken is None

    @property
    def flaw(self) -> str:
        """The first thing that is wrong with pages and chain; empty when they are intact."""
        broken = "" if self.broken is None else f"entry {self.broken.sequence}: {self.broken.reason}"
        return next(iter(self.damaged_pages), broken)

    @property
    def sound(self) -> bool:
        """Whether pages, chain and tables are as they should be (after rebuilding, when that was done)."""
        return self.intact and (self.rebuilt or not self.different)


def verify(database: Database, *, rebuild: bool = False) -> Verification:
    """Check every page, every link of the chain and every row of the folded tables; slow.

    The journal is folded in a file that is gone afterwards, as large as the tables; memory stays flat. With `rebuild` the
    folded tables are written anew from the journal where they differ, if the chain is whole. In a
    file with damaged pages nothing else is looked at. Raises StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
    """
    damaged = database.page_damage()
    if damaged:
        return Verification(0, None, damaged, None, 0, (), rebuilt=False)
    with (
        database.write() if rebuild else database.read() as tx,
        scratch_ledger(database.path, tx.ledger) as folded,
    ):
        tip, broken = _fold(tx, folded)
        differences = tx.ledger.differences(folded.tables) if broken is None else iter(())
        named = tuple(islice(differences, _NAMED))
        different = len(named) + sum(1 for _ in differences)
        rebuilt = rebuild and different > 0
        if rebuilt:
            tx.ledger.replace(folded.tables)
    return Verification(
        entries=0 if tip is None else tip.sequence,
        tip=tip,
        damaged_pages=(),
        broken=broken,
        different=different,
        differences=named,
        rebuilt=rebuilt,
    )


def export(database: Database, stream: IO[str]) -> int:
    """Write the journal as JSON lines, one per entry; the result is how many. Bytes are base64, hashes hex.

    `data` holds the exact bytes that were hashed. Raises StoreCorrupt, EntryMalformed, OSError.
    """
    written = 0
    with database.read() as tx:
        for sealed in tx.journal.each():
            stream.write(msgspec.json.encode(_exported(sealed)).decode() + "\n")
            written += 1
    return written


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


def _fold(tx: Transaction, ledger: ScratchLedger) -> tuple[Tip | None, Break | None]:
    """Fold the journal; the result is the last valid link of its chain, and where it breaks."""
    tip = None
    entries, others = tx.journal.each(), tx.other_strands.each()
    other = None
    for sequence in count(1):
        try:
            other = other or next(others, None)
            while other is not None and other.after_own < sequence:
                ledger.put(fold_entry(ledger, other.sealed.entry, judged_by_the_issuer).rows)
                other = next(others, None)
            sealed = next(entries, None)
            if sealed is None:
                break
            tip = check_link(tip, sealed)
            ledger.put(fold_entry(ledger, sealed.entry, judged_by_the_issuer).rows)
        except (DomainError, StoreCorrupt) as error:
            return tip, Break(sequence, str(error))
    ledger.spill()
    return tip, None
