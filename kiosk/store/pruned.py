"""What stays of entries that were deleted behind a snapshot: their hashes, where epochs began, and which rows they repeat.

So the journal can still be compared with the centre's at any sequence, no number or epoch is given twice, and no row of the
feed is entered twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kiosk.domain.entries.body import Tip
from kiosk.domain.journal import SealedEntry
from kiosk.domain.snapshots import EchoedRow, EpochStart, echoed_row
from kiosk.store.errors import StoreCorrupt
from kiosk.store.rows import Table

HASH = 32


class Links(NamedTuple):
    """The hashes of consecutive entries, joined."""

    first: int
    hashes: bytes


class PrunedEntries(Table):
    """The deleted entries of this kiosk's journal."""

    def add(self, entries: Iterable[SealedEntry]) -> None:
        """Note entries that are deleted now: those after the last ones, in order."""
        entries = list(entries)
        self._connection.execute(
            "INSERT INTO pruned_links (first, hashes) VALUES (?, ?)",
            (entries[0].entry.sequence, b"".join(sealed.hash for sealed in entries)),
        )
        for sealed in entries:
            entry = sealed.entry
            self._connection.execute(
                "INSERT OR IGNORE INTO pruned_epochs (epoch, first) VALUES (?, ?)",
                (entry.epoch, entry.sequence),
            )
            if (echoed := echoed_row(entry.body, entry.sequence)) is not None:
                self._put_echo(echoed)

    def tip_at(self, sequence: int) -> Tip | None:
        """Where the chain ended after the deleted entry of that sequence."""
        row = self._connection.execute(
            "SELECT first, hashes FROM pruned_links WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
        ).fetchone()
        epoch = self._connection.execute(
            "SELECT epoch FROM pruned_epochs WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
        ).fetchone()
        if row is None or epoch is None:
            return None
        start = (sequence - row[0]) * HASH
        digest = row[1][start : start + HASH]
        return Tip(epoch[0], sequence, digest) if digest else None

    def has_epoch(self, epoch: int) -> bool:
        """Whether any of them belongs to that epoch."""
        return bool(self._number("SELECT EXISTS (SELECT 1 FROM pruned_epochs WHERE epoch = ?)", epoch))

    def echo(self, key: str) -> EchoedRow | None:
        """Which of them repeats the feed's row of that key."""
        row = self._connection.execute(
            "SELECT key, sequence, said FROM pruned_echoes WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else EchoedRow(*row)

    def last(self) -> int:
        """The sequence of the last one; 0 when none was deleted."""
        row = self._connection.execute(
            "SELECT first, length(hashes) FROM pruned_links WHERE first = (SELECT max(first) FROM pruned_links)"
        ).fetchone()
        return 0 if row is None else row[0] + row[1] // HASH - 1

    def links(self) -> Iterator[Links]:
        """Their hashes, portion by portion. Raises StoreCorrupt at a gap."""
        expected = 1
        for first, hashes in self._connection.execute(
            "SELECT first, hashes FROM pruned_links ORDER BY first"
        ):
            if first != expected or not hashes or len(hashes) % HASH:
                raise StoreCorrupt(self._path, f"the hashes of deleted entries from {expected} on")
            expected += len(hashes) // HASH
            yield Links(first, hashes)

    def epochs(self) -> tuple[EpochStart, ...]:
        """Where their epochs began, in order."""
        rows = self._connection.execute("SELECT epoch, first FROM pruned_epochs ORDER BY first")
        return tuple(EpochStart(*row) for row in rows)

    def echoes(self) -> Iterator[EchoedRow]:
        """The rows of the feed that they repeat, by key."""
        for row in self._connection.execute("SELECT key, sequence, said FROM pruned_echoes ORDER BY key"):
            yield EchoedRow(*row)

    def replace(self, epochs: Iterable[EpochStart], echoes: Iterable[EchoedRow]) -> None:
        """Write these anew."""
        self._connection.execute("DELETE FROM pruned_epochs")
        self._connection.execute("DELETE FROM pruned_echoes")
        for each in epochs:
            self._connection.execute(
                "INSERT INTO pruned_epochs (epoch, first) VALUES (?, ?)", (each.epoch, each.first)
            )
        for echoed in echoes:
            self._put_echo(echoed)

    def _put_echo(self, echoed: EchoedRow) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO pruned_echoes (key, sequence, said) VALUES (?, ?, ?)",
            (echoed.key, echoed.sequence, echoed.said),
        )
