"""Snapshots of the journal's fold: one that the centre acknowledged, which entries may be deleted behind, and the next one.

A snapshot's rows are in portions, compressed; the snapshot itself is written after the last of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from kiosk.domain.snapshots import SignedAcknowledgement, SignedSnapshot
from kiosk.store.errors import StoreCorrupt
from kiosk.store.rows import Table

_LENGTH = 4
_NONE = b""  # in the columns of an acknowledgement that did not come yet


class KeptSnapshot(NamedTuple):
    """A snapshot up to the entry of that sequence; without an acknowledgement it stands for nothing yet."""

    sequence: int
    signed: SignedSnapshot
    acknowledgement: SignedAcknowledgement | None


class SnapshotTables(Table):
    """The snapshots of this kiosk's journal."""

    def in_force(self) -> KeptSnapshot | None:
        """The newest that the centre acknowledged."""
        return self._newest("acknowledgement <> x''")

    def waiting(self) -> KeptSnapshot | None:
        """The newest that it did not acknowledge yet."""
        return self._newest("acknowledgement = x''")

    def put(self, sequence: int, signed: SignedSnapshot) -> None:
        """Store a snapshot whose rows are stored."""
        self._connection.execute(
            "INSERT INTO snapshots (sequence, snapshot, signature, acknowledgement, acknowledged_by) "
            "VALUES (?, ?, ?, ?, ?)",
            (sequence, signed.snapshot, signed.signature, _NONE, _NONE),
        )

    def acknowledge(self, sequence: int, signed: SignedAcknowledgement) -> None:
        """Store the centre's acknowledgement; whoever does has checked it."""
        self._connection.execute(
            "UPDATE snapshots SET acknowledgement = ?, acknowledged_by = ? WHERE sequence = ?",
            (signed.acknowledgement, signed.signature, sequence),
        )

    def put_portion(self, sequence: int, position: int, rows: list[bytes]) -> None:
        """Store the next rows of a snapshot that is being made."""
        data = b"".join(len(row).to_bytes(_LENGTH, "big") + row for row in rows)
        self._connection.execute(
            "INSERT INTO snapshot_rows (sequence, position, data) VALUES (?, ?, ?)",
            (sequence, position, zlib.compress(data)),
        )

    def rows(self, sequence: int) -> Iterator[bytes]:
        """A snapshot's rows in their order. Raises StoreCorrupt."""
        for (packed,) in self._connection.execute(
            "SELECT data FROM snapshot_rows WHERE sequence = ? ORDER BY position", (sequence,)
        ):
            try:
                data = zlib.decompress(packed)
            except zlib.error as error:
                raise StoreCorrupt(self._path, f"the rows of the snapshot at {sequence}: {error}") from error
            at = 0
            while at < len(data):
                end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
                yield data[at + _LENGTH : end]
                at = end

    def drop_others(self, kept: set[int], most: int) -> int:
        """Delete up to so many portions of other snapshots than these, and those that have none left; how many."""
        dropped = 0
        for sequence in self._sequences() - kept:
            rows = self._connection.execute(
                "SELECT position FROM snapshot_rows WHERE sequence = ? ORDER BY position LIMIT ?",
                (sequence, most - dropped),
            ).fetchall()
            for (position,) in rows:
                self._connection.execute(
                    "DELETE FROM snapshot_rows WHERE sequence = ? AND position = ?", (sequence, position)
                )
            dropped += len(rows)
            if dropped >= most:
                return dropped
            self._connection.execute("DELETE FROM snapshots WHERE sequence = ?", (sequence,))
        return dropped

    def _sequences(self) -> set[int]:
        """Of all snapshots, and of those that were begun."""
        found = {sequence for (sequence,) in self._connection.execute("SELECT sequence FROM snapshots")}
        last = -1
        while row := self._connection.execute(
            "SELECT sequence FROM snapshot_rows WHERE sequence > ? ORDER BY sequence LIMIT 1", (last,)
        ).fetchone():
            last = row[0]
            found.add(last)
        return found

    def _newest(self, condition: str) -> KeptSnapshot | None:
        row = self._connection.execute(
            "SELECT sequence, snapshot, signature, acknowledgement, acknowledged_by FROM snapshots "  # noqa: S608 - conditions of ours
            f"WHERE {condition} ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        sequence, snapshot, signature, acknowledgement, by = row
        said = SignedAcknowledgement(acknowledgement, by) if acknowledgement else None
        return KeptSnapshot(sequence, SignedSnapshot(snapshot, signature), said)
