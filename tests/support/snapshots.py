"""Snapshots of a store's journal, acknowledged by a centre that is nothing but its key."""

from __future__ import annotations

from kiosk.domain.entries.body import Tip
from kiosk.domain.snapshots import SnapshotAcknowledgement, snapshot_hash
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import sign_acknowledgement
from kiosk.store.database import Database
from kiosk.store.ledger import COLUMNS
from kiosk.store.taking import take_snapshot
from kiosk.store.vault import VaultItem
from tests.support.values import present

DEVICE_KEY = bytes(range(32))
CENTRE_KEY = bytes(range(32, 64))
NOW = 1_900_000_000


def trust(database: Database) -> None:
    """Give a store the keys that its snapshots are signed with."""
    with database.write() as tx:
        tx.vault.put(VaultItem.DEVICE_KEY, DEVICE_KEY)
        tx.vault.put(VaultItem.CENTRE_KEY, device_public_key(CENTRE_KEY))


def snapshot(database: Database, sequence: int) -> None:
    """Take a snapshot up to an entry and have it acknowledged."""
    assert take_snapshot(database, sequence, device_key=DEVICE_KEY, strand=1, now=NOW)
    acknowledge(database)


def acknowledge(database: Database) -> None:
    """Acknowledge the snapshot that waits."""
    with database.write() as tx:
        waiting = present(tx.snapshots.waiting())
        digest = snapshot_hash(waiting.signed.snapshot)
        said = SnapshotAcknowledgement(present(tx.identity).kiosk, digest, 1, bytes(8), NOW)
        tx.snapshots.acknowledge(waiting.sequence, sign_acknowledgement(said, CENTRE_KEY))


def prune(database: Database, portion: int = 3) -> int:
    """Delete all that the snapshot in force stands for, in small portions; how many entries."""
    deleted = 0
    while True:
        with database.write() as tx:
            count = tx.prune(portion)
        deleted += count
        if count < portion:
            return deleted


def shown(database: Database) -> dict[str, object]:
    """All that a store shows: rows, where the chain was at each sequence, what was repeated."""
    with database.read() as tx:
        tip = present(tx.journal.tip())
        tables: dict[str, object] = {table: list(tx.ledger.rows(table)) for table in COLUMNS}
        chain: list[Tip | None] = [tx.journal.tip_at(each) for each in range(tip.sequence + 2)]
        return tables | {"chain": chain, "tip": tip}
