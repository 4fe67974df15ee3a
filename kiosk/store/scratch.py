"""A ledger in a file of its own, for folding a journal of any length in flat memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.ledger_fold import MemoryRecords, RecordRow
from kiosk.domain.register import Register
from kiosk.domain.requests import Proposal, Requests
from kiosk.domain.snapshots import EchoedRow, StateRow
from kiosk.store.connections import connect
from kiosk.store.key_derivation import KEY_LENGTH
from kiosk.store.ledger import LedgerTables
from kiosk.store.shortage import refused_by_system

if TYPE_CHECKING:
    from sqlite3 import Connection

_CHANGES_IN_MEMORY = 5000
_ECHOES = (
    "CREATE TABLE echoes (key TEXT PRIMARY KEY, sequence INTEGER NOT NULL, said BLOB NOT NULL) "
    "STRICT, WITHOUT ROWID"
)


class ScratchLedger:
    """The rows that changed last are in memory, the others in `tables`; after `spill` all are there.

    Beside them which entry repeats which row of the feed first.
    """

    def __init__(self, tables: LedgerTables, connection: Connection) -> None:
        self.tables = tables
        self._connection = connection
        self._recent, self._changes = MemoryRecords(), 0

    @property
    def complete(self) -> bool:
        """Whether it covers all kiosks: as little as the tables of one do."""
        return self.tables.complete

    def order(self, number: str) -> Order | None:
        """The order of that number."""
        return self._recent.order(number) or self.tables.order(number)

    def certificate(self, number: str) -> Certificate | None:
        """The certificate of that number."""
        return self._recent.certificate(number) or self.tables.certificate(number)

    def register(self, account: str) -> Register | None:
        """The register of that account."""
        return self._recent.register(account) or self.tables.register(account)

    def requests(self, order: str) -> Requests | None:
        """What was asked for the order of that reference."""
        return self._recent.requests(order) or self.tables.requests(order)

    def proposal(self, name: str) -> Proposal | None:
        """The proposed operator of that name."""
        return self._recent.proposal(name) or self.tables.proposal(name)

    def put(self, rows: tuple[RecordRow, ...]) -> None:
        """Store the rows of a folding."""
        self._recent.put(rows)
        self._changes += len(rows)
        if self._changes > _CHANGES_IN_MEMORY:
            self.spill()

    def put_echo(self, row: EchoedRow) -> None:
        """Note that an entry repeats a row of the feed, unless an earlier one does."""
        self._connection.execute(
            "INSERT OR IGNORE INTO echoes (key, sequence, said) VALUES (?, ?, ?)",
            (row.key, row.sequence, row.said),
        )

    def echoes(self, until: int) -> Iterator[EchoedRow]:
        """The rows that entries up to that sequence repeat, by key."""
        rows = self._connection.execute(
            "SELECT key, sequence, said FROM echoes WHERE sequence <= ? ORDER BY key", (until,)
        )
        for row in rows:
            yield EchoedRow(*row)

    def state(self, until: int) -> Iterator[StateRow]:
        """All rows in the order of a snapshot's state, after `spill`; of the echoes those up to that sequence."""
        yield from self.tables.registers_by_key()
        yield from self.tables.certificates_by_key()
        yield from self.echoes(until)
        yield from self.tables.orders_by_key()
        yield from self.tables.proposals_by_key()
        yield from self.tables.requests_by_key()

    def spill(self) -> None:
        """Write what is in memory to the tables."""
        self.tables.put(self._recent.rows())
        self._recent, self._changes = MemoryRecords(), 0


@contextmanager
def scratch_ledger(
    path: Path, tables: LedgerTables, random: Callable[[int], bytes] = os.urandom
) -> Iterator[ScratchLedger]:
    """An empty ledger of the same tables beside the database at `path`; nothing of it stays.

    The file has a key that nobody keeps, and no name once it is open. Raises DiskFull, StoreUnavailable.
    """
    with closing(_connection(path, random(KEY_LENGTH))) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for definition in tables.definitions():
            connection.execute(definition)
        connection.execute(_ECHOES)
        yield ScratchLedger(LedgerTables(connection, path), connection)


def _connection(path: Path, key: bytes) -> Connection:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".fold", dir=path.parent)
    except OSError as error:
        raise refused_by_system(path, error) from error
    os.close(descriptor)
    try:
        return connect(Path(name), key)
    finally:
        Path(name).unlink()
