"""A ledger in a file of its own, for folding a journal of any length in flat memory."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.ledger import Certificate, Order
from kiosk.domain.ledger_fold import MemoryRecords, RecordRow
from kiosk.domain.register import Register
from kiosk.store.connections import connect
from kiosk.store.errors import DiskFull, StoreUnavailable
from kiosk.store.key_derivation import KEY_LENGTH
from kiosk.store.ledger import LedgerTables

if TYPE_CHECKING:
    from sqlite3 import Connection

_CHANGES_IN_MEMORY = 5000


class ScratchLedger:
    """The rows that changed last are in memory, the others in `tables`; after `spill` all are there."""

    def __init__(self, tables: LedgerTables) -> None:
        self.tables = tables
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

    def put(self, rows: tuple[RecordRow, ...]) -> None:
        """Store the rows of a folding."""
        self._recent.put(rows)
        self._changes += len(rows)
        if self._changes > _CHANGES_IN_MEMORY:
            self.spill()

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
        yield ScratchLedger(LedgerTables(connection, path))


def _connection(path: Path, key: bytes) -> Connection:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".fold", dir=path.parent)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(path) from error
        raise StoreUnavailable(path, str(error)) from error
    os.close(descriptor)
    try:
        return connect(Path(name), key)
    finally:
        Path(name).unlink()
