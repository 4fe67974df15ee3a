"""Checking the store against itself: pages, chain, and the tables against the fold of the journal; and exporting it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import IO, Any

import msgspec

from kiosk.domain.entries import Tip
from kiosk.domain.errors import DomainError
from kiosk.domain.journal import Entry, SealedEntry, check_link
from kiosk.domain.ledger import MemoryLedger, Row
from kiosk.domain.transitions import transition
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt
from kiosk.store.transaction import Transaction


class Break(msgspec.Struct, frozen=True):
    """The first entry that does not follow from the ones before it, and why."""

    sequence: int
    reason: str


class Verification(msgspec.Struct, frozen=True):
    """The findings; `differences` names the rows that differ from the fold of the journal."""

    entries: int
    tip: Tip | None
    damaged_pages: tuple[str, ...]
    broken: Break | None
    differences: tuple[str, ...]
    rebuilt: bool

    @property
    def sound(self) -> bool:
        """Whether pages, chain and tables are as they should be (after rebuilding, when that was done)."""
        return not self.damaged_pages and self.broken is None and (self.rebuilt or not self.differences)


def verify(database: Database, *, rebuild: bool = False) -> Verification:
    """Check every page, every link of the chain and every row of the folded tables; slow.

    With `rebuild` the folded tables are written anew from the journal where they differ, if the chain is whole. In a
    file with damaged pages nothing else is looked at. Raises StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
    """
    damaged = database.page_damage()
    if damaged:
        return Verification(0, None, damaged, None, (), rebuilt=False)
    with database.write() if rebuild else database.read() as tx:
        folded, tip, broken = _fold(tx)
        differences = tx.ledger.differences(_rows_of(folded)) if broken is None else ()
        rebuilt = rebuild and bool(differences)
        if rebuilt:
            tx.ledger.clear()
            tx.ledger.put(_rows_of(folded))
    return Verification(
        entries=0 if tip is None else tip.sequence,
        tip=tip,
        damaged_pages=(),
        broken=broken,
        differences=differences,
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


def _fold(tx: Transaction) -> tuple[MemoryLedger, Tip | None, Break | None]:
    """The fold of the journal, the last valid link of its chain, and where it breaks."""
    ledger, tip = MemoryLedger(), None
    entries = tx.journal.each()
    for sequence in count(1):
        try:
            sealed = next(entries, None)
            if sealed is None:
                break
            tip = check_link(tip, sealed)
            ledger.put(transition(ledger, sealed.entry))
        except (DomainError, StoreCorrupt) as error:
            return ledger, tip, Break(sequence, str(error))
    return ledger, tip, None


def _rows_of(ledger: MemoryLedger) -> Iterator[Row]:
    yield from ledger.orders.values()
    yield from ledger.certificates.values()
    yield from ledger.accounts.values()
