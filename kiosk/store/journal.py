"""The journal: entries by sequence, exactly the bytes that were hashed. Rows are added and never changed.

Behind a snapshot that the centre acknowledged the oldest are deleted; the one that the snapshot ends with stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.echoes import Echo
from kiosk.domain.entries.body import Tip
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.journal import Entry, SealedEntry, unseal
from kiosk.domain.snapshots import EchoedRow, echoed_row
from kiosk.store.errors import StoreCorrupt
from kiosk.store.pruned import PrunedEntries
from kiosk.store.rows import Table

if TYPE_CHECKING:
    from sqlite3 import Connection

_NO_HOLD = ""  # in the column of the account whose hold an entry is about
_NO_KEY = ""  # in the column of the row of the feed that an entry repeats


def _hold_account(entry: Entry) -> str:
    body = entry.body
    return body.account if isinstance(body, LossReported | HoldLifted | KeyFound) else _NO_HOLD


def feed_key(entry: Entry) -> str:
    """The key of the feed's row that the entry repeats; empty for none."""
    return entry.body.feed or _NO_KEY if isinstance(entry.body, Echo) else _NO_KEY


def echoed_in(sealed: SealedEntry) -> EchoedRow | None:
    """Which row of the feed an entry repeats."""
    return echoed_row(sealed.entry.body, sealed.entry.sequence)


class JournalTable(Table):
    """The journal of this kiosk."""

    def __init__(self, connection: Connection, path: Path) -> None:
        super().__init__(connection, path)
        self.pruned = PrunedEntries(connection, path)

    def tip(self) -> Tip | None:
        """Where the chain ends; None before the first entry."""
        row = self._connection.execute(
            "SELECT epoch, sequence, hash FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)"
        ).fetchone()
        return None if row is None else Tip(*row)

    def latest_wall(self, after: int) -> int | None:
        """The latest wall time (UTC seconds) of the last entry and of all those past that sequence."""
        row = self._connection.execute(
            "SELECT max(wall) FROM journal WHERE sequence > min(?, (SELECT max(sequence) FROM journal) - 1)",
            (after,),
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def count(self) -> int:
        """How many entries were written; there is no gap, but the first may have been deleted."""
        return self._number("SELECT max(sequence) FROM journal")

    def first(self) -> int:
        """The sequence of the first entry that is here; 0 when there is none."""
        return self._number("SELECT min(sequence) FROM journal")

    def older_than(self, wall: int) -> int:
        """The sequence up to which every entry was written before that moment (UTC seconds); 0 for none."""
        row = self._connection.execute(
            "SELECT min(sequence) FROM journal WHERE wall >= ?", (wall,)
        ).fetchone()
        return self.count() if row[0] is None else int(row[0]) - 1

    def wall_at(self, sequence: int) -> int:
        """When the entry of that sequence was written (UTC seconds); 0 where it is not here."""
        return self._number("SELECT wall FROM journal WHERE sequence = ?", sequence)

    def hashes(self, after: int, until: int) -> Iterator[tuple[int, bytes]]:
        """Sequence and hash of the entries after one and up to another, one at a time."""
        rows = self._connection.execute(
            "SELECT sequence, hash FROM journal WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
            (after, until),
        )
        yield from rows

    def prune(self, entries: Sequence[SealedEntry]) -> None:
        """Delete these: the first ones that are here, in order; what has to stay of them is noted."""
        self.pruned.add(entries)
        for sealed in entries:
            self._connection.execute("DELETE FROM journal WHERE sequence = ?", (sealed.entry.sequence,))

    def entry(self, sequence: int) -> SealedEntry | None:
        """The entry of that sequence. Raises StoreCorrupt, EntryMalformed."""
        found = self.entries(after=sequence - 1, limit=1)
        return found[0] if found and found[0].entry.sequence == sequence else None

    def entries(self, after: int = 0, limit: int = -1) -> list[SealedEntry]:
        """Up to `limit` entries past that sequence, in order; all without one. Raises StoreCorrupt, EntryMalformed."""
        return list(self.each(after, limit))

    def each(self, after: int = 0, limit: int = -1) -> Iterator[SealedEntry]:
        """The same, one at a time."""
        rows = self._connection.execute(
            "SELECT sequence, hash, data FROM journal WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        for row in rows:
            yield self._unsealed(*row)

    def hash_at(self, sequence: int) -> bytes | None:
        """The hash of the entry of that sequence, also of a deleted one."""
        tip = self.tip_at(sequence)
        return None if tip is None else tip.hash

    def tip_at(self, sequence: int) -> Tip | None:
        """Where the chain ended after the entry of that sequence, also after a deleted one."""
        row = self._connection.execute(
            "SELECT epoch, sequence, hash FROM journal WHERE sequence = ?", (sequence,)
        ).fetchone()
        return self.pruned.tip_at(sequence) if row is None else Tip(*row)

    def has_epoch(self, epoch: int) -> bool:
        """Whether any entry belongs to that epoch, also a deleted one."""
        here = self._number("SELECT EXISTS (SELECT 1 FROM journal WHERE epoch = ?)", epoch)
        return bool(here) or self.pruned.has_epoch(epoch)

    def concerns_hold(self, account: str, after: int) -> bool:
        """Whether an entry past that sequence places the account's key on hold or lifts that."""
        query = "SELECT EXISTS (SELECT 1 FROM journal WHERE hold_account = ? AND hold_account <> '' AND sequence > ?)"
        return bool(self._number(query, account, after))

    def echo(self, key: str) -> EchoedRow | None:
        """Which entry repeats the feed's row of that key, also a deleted one. Raises StoreCorrupt, EntryMalformed."""
        if (deleted := self.pruned.echo(key)) is not None:
            return deleted
        row = self._connection.execute(
            "SELECT sequence, hash, data FROM journal WHERE feed_key = ? AND feed_key <> '' ORDER BY sequence LIMIT 1",
            (key,),
        ).fetchone()
        return None if row is None else echoed_in(self._unsealed(*row))

    def add(self, sealed: SealedEntry) -> None:
        """Store an entry; the caller has checked that it continues the chain."""
        entry = sealed.entry
        columns = (entry.sequence, entry.epoch, entry.wall, _hold_account(entry), feed_key(entry))
        self._connection.execute(
            "INSERT INTO journal (sequence, epoch, wall, hold_account, feed_key, hash, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*columns, sealed.hash, sealed.data),
        )

    def _unsealed(self, sequence: int, digest: bytes, data: bytes) -> SealedEntry:
        sealed = unseal(data)
        if sealed.hash != digest or sealed.entry.sequence != sequence:
            raise StoreCorrupt(self._path, f"journal entry {sequence} is not the one that was hashed")
        return sealed
