"""Entries of this kiosk that are not in its own journal: of a copy that went another way, or of a machine before.

They are folded into the tables as they come; `after_own` says after which entry of the own journal that was, so that
rebuilding folds them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kiosk.domain.entries.body import Tip
from kiosk.domain.journal import SealedEntry, unseal
from kiosk.domain.snapshots import EchoedRow
from kiosk.store.errors import StoreCorrupt
from kiosk.store.journal import echoed_in, feed_key
from kiosk.store.rows import Table


class OtherEntry(NamedTuple):
    """An entry of another strand, and the sequence of the own journal's tip when it came."""

    after_own: int
    sealed: SealedEntry


class HeldEntry(NamedTuple):
    """The same with its position: the order in which they were folded."""

    position: int
    after_own: int
    sealed: SealedEntry


class OtherStrands(Table):
    """The entries of the centre's other strands of this kiosk."""

    def last_sequence(self, strand: int) -> int:
        """The last sequence of a strand that is here; 0 when there is none."""
        return self._number("SELECT max(sequence) FROM other_entries WHERE strand = ?", strand)

    def go_past(self, sequence: int) -> bool:
        """Whether any of them comes after that place of its strand."""
        return bool(self._number("SELECT EXISTS (SELECT 1 FROM other_entries WHERE sequence > ?)", sequence))

    def tip_at(self, sequence: int, digest: bytes) -> Tip | None:
        """The entry of that sequence and hash on any of them."""
        row = self._connection.execute(
            "SELECT epoch, sequence, hash FROM other_entries WHERE sequence = ? AND hash = ?",
            (sequence, digest),
        ).fetchone()
        return None if row is None else Tip(*row)

    def has_epoch(self, epoch: int) -> bool:
        """Whether any of these entries belongs to that epoch."""
        return bool(self._number("SELECT EXISTS (SELECT 1 FROM other_entries WHERE epoch = ?)", epoch))

    def each(self) -> Iterator[OtherEntry]:
        """All of them in the order in which they were folded, one at a time. Raises StoreCorrupt, EntryMalformed."""
        rows = self._connection.execute("SELECT after_own, hash, data FROM other_entries ORDER BY position")
        for after_own, digest, data in rows:
            sealed = unseal(data)
            if sealed.hash != digest:
                raise StoreCorrupt(
                    self._path, f"an entry of another strand, sequence {sealed.entry.sequence}"
                )
            yield OtherEntry(after_own, sealed)

    def held_after(self, position: int, limit: int) -> list[HeldEntry]:
        """So many of them past a position, in that order. Raises EntryMalformed."""
        rows = self._connection.execute(
            "SELECT position, after_own, data FROM other_entries WHERE position > ? ORDER BY position LIMIT ?",
            (position, limit),
        )
        return [HeldEntry(each, after_own, unseal(data)) for each, after_own, data in rows]

    def forget_strands(self, incarnation: int) -> None:
        """Forget which strand each is on: in that incarnation of the centre strands may be numbered otherwise.

        A number of another incarnation is kept below zero, so that no two entries have one place.
        """
        self._connection.execute(
            "UPDATE other_entries SET strand = -(? * 65536 + strand) WHERE strand > 0", (incarnation,)
        )

    def put_strand(self, strand: int, sequence: int, digest: bytes) -> None:
        """Note on which strand of the centre's an entry is that is here already."""
        self._connection.execute(
            "UPDATE other_entries SET strand = ? WHERE sequence = ? AND hash = ? AND strand <> ?",
            (strand, sequence, digest, strand),
        )

    def echo(self, key: str) -> EchoedRow | None:
        """Which of them repeats the feed's row of that key. Raises EntryMalformed."""
        row = self._connection.execute(
            "SELECT data FROM other_entries WHERE feed_key = ? AND feed_key <> '' ORDER BY position LIMIT 1",
            (key,),
        ).fetchone()
        return None if row is None else echoed_in(unseal(row[0]))

    def add(self, strand: int, after_own: int, sealed: SealedEntry) -> None:
        """Store an entry; the caller has checked that it continues the strand."""
        entry = sealed.entry
        self._connection.execute(
            "INSERT INTO other_entries (strand, sequence, epoch, after_own, feed_key, hash, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (strand, entry.sequence, entry.epoch, after_own, feed_key(entry), sealed.hash, sealed.data),
        )
