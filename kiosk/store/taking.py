"""Taking a snapshot: the journal folded up to an entry, in a file of its own, while the desk works."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kiosk.domain.snapshots import (
    FOLD,
    NO_SNAPSHOT,
    JournalSnapshot,
    StateDigest,
    StateRow,
    encode_row,
    snapshot_hash,
)
from kiosk.store.course import Course, links_digest, start_of
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt
from kiosk.store.scratch import scratch_ledger

PORTION = 256 * 1024
"""Bytes of rows, before they are compressed, after which a portion ends."""


def take_snapshot(
    database: Database,
    sequence: int,
    *,
    device_key: bytes,
    strand: int,
    now: int,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Fold the journal up to an entry and keep what that makes, signed; False when it was stopped.

    `device_key` is the machine's seed, `strand` the one that the centre has the journal on, `now` UTC seconds. Writers wait
    for a portion at most. Raises SnapshotFlawed where the snapshot before is unsound, StoreError, DomainError.
    """
    from kiosk.pki.device_keys import device_public_key  # noqa: PLC0415 - seldom needed
    from kiosk.pki.snapshots import sign_snapshot  # noqa: PLC0415 - seldom needed

    with database.read() as tx, scratch_ledger(database.path, tx.ledger) as folded:
        identity, before = tx.identity, tx.snapshots.in_force()
        start = start_of(tx, folded)
        course = Course(tx, folded, start)
        if identity is None or not course.go_on(sequence, stopped):
            return False
        if course.tip is None or course.tip.sequence != sequence:
            raise StoreCorrupt(database.path, f"the journal ends before {sequence}")
        links = links_digest(tx, sequence)
        digest = _write_rows(database, sequence, folded.state(sequence))
    snapshot = JournalSnapshot(
        fold=FOLD,
        kiosk=identity.kiosk,
        machine=identity.machine,
        device_key=device_public_key(device_key),
        strand=strand,
        head=course.tip,
        epochs=tuple(course.epochs),
        others=tuple(course.others),
        links=links,
        rows=digest.rows,
        state=digest.digest(),
        time=now,
        previous=NO_SNAPSHOT if before is None else snapshot_hash(before.signed.snapshot),
    )
    with database.write() as tx:
        tx.snapshots.put(sequence, sign_snapshot(snapshot, device_key))
    return True


def _write_rows(database: Database, sequence: int, rows: Iterator[StateRow]) -> StateDigest:
    """Write a snapshot's rows, portion by portion; their digest."""
    digest = StateDigest()
    position, size, portion = 0, 0, list[bytes]()

    def flush() -> None:
        nonlocal position, size
        if portion:
            with database.write() as tx:
                tx.snapshots.put_portion(sequence, position, portion)
        position, size = position + 1, 0
        portion.clear()

    for row in rows:
        data = encode_row(row)
        digest.add(data)
        portion.append(data)
        size += len(data)
        if size >= PORTION:
            flush()
    flush()
    return digest
