"""The kiosk's database: one encrypted SQLite file, written and read by several threads and processes at once.

Every writing verb is one `BEGIN IMMEDIATE` transaction, so that its preconditions hold until it commits; a commit is
on the disk when it returns (write-ahead log, synchronous = FULL). Reads see one snapshot and never wait for a writer.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hardware.disk import database_files, make_private, publish
from kiosk.store import key_derivation, migrations
from kiosk.store.connections import BUSY_SECONDS, connect, is_io_error, store_errors
from kiosk.store.errors import (
    DatabaseError,
    DiskFull,
    StoreBusy,
    StoreCorrupt,
    StoreExists,
    StoreMissing,
    StoreNewer,
    TablesDue,
    WrongKey,
)
from kiosk.store.marker import Marker
from kiosk.store.shortage import refused_by_system
from kiosk.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlite3 import Connection

    from kiosk.domain.entries.body import Tip
    from kiosk.store.occupancy import Occupancy

_IDLE_CONNECTIONS = 4


class Database:
    """An open database; make it with `create` or `open`.

    A transaction has a connection to itself while it runs; threads may begin theirs at any time. `random` gives the
    nonces of the vault and the numbers of epochs; `marker` tells a store that was put back from a copy.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        busy_seconds: float,
        random: Callable[[int], bytes],
        marker: Marker | None = None,
    ) -> None:
        key_derivation.require_key(key)
        self.path = path
        self._key = key
        self._vault_key = key_derivation.vault_key(key)
        self._busy_seconds = busy_seconds
        self._random = random
        self._marker = marker
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._watcher: Connection | None = None
        self._generation = 0
        self._closed = False
        self._kept: list[Occupancy] = []

    @classmethod
    def create(
        cls,
        path: Path,
        key: bytes,
        busy_seconds: float = BUSY_SECONDS,
        random: Callable[[int], bytes] = os.urandom,
        marker: Marker | None = None,
    ) -> Self:
        """Make a new database with a 32-byte key; the file (0600) appears whole or not at all.

        Raises StoreExists, DiskFull, StoreUnavailable.
        """
        with _files_made(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(
                prefix=f"{path.name}.", suffix=".new", dir=path.parent
            )  # 0600
            os.close(descriptor)
        draft = Path(name)
        try:
            with store_errors(path), closing(connect(draft, key, busy_seconds)) as connection:
                migrations.let_shrink(connection)
                migrations.migrate(connection)
                connection.execute("PRAGMA journal_mode = WAL")
            with _files_made(path):
                publish(draft, path)
        finally:
            for each in database_files(draft):
                each.unlink(missing_ok=True)
        return cls.open(path, key, busy_seconds, random, marker)

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        busy_seconds: float = BUSY_SECONDS,
        random: Callable[[int], bytes] = os.urandom,
        marker: Marker | None = None,
        *,
        alone: bool = True,
    ) -> Self:
        """Open a database, bringing its tables up to date; while others may have it open (not `alone`), TablesDue instead.

        Its files are their owner's alone from then on.

        Raises StoreMissing, WrongKey, StoreCorrupt, StoreNewer, StoreBusy, DiskFull, StoreUnavailable.
        """
        salt = _salt(path)
        make_private(*database_files(path))
        database = cls(path, key, busy_seconds, random, marker)
        try:
            database._update_tables(alone=alone)
        except BaseException as error:
            database.close()
            if isinstance(error, StoreCorrupt) and key_derivation.is_of_another(salt, key):
                raise WrongKey(path) from error
            raise
        return database

    def _update_tables(self, *, alone: bool) -> None:
        with self._connection() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > migrations.LATEST:
                raise StoreNewer(self.path, version, migrations.LATEST)
            if version < migrations.LATEST:
                if not alone:
                    raise TablesDue(self.path, version, migrations.LATEST)
                migrations.migrate(connection)
                self._let_shrink(connection)
            elif migrations.has_unread_serials(connection):
                connection.execute("BEGIN IMMEDIATE")
                with _rolled_back_on_error(connection):
                    migrations.read_serials(connection)
                    connection.execute("COMMIT")

    def _let_shrink(self, connection: Connection) -> None:
        """Have the file shrink from now on; where there is no room or no time for that it stays as large as it was."""
        with contextlib.suppress(DiskFull, StoreBusy), store_errors(self.path):
            migrations.let_shrink(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that reads and writes; commits at the end, or changes nothing when anything is raised.

        Where the disk failed at the end, the journal tells whether its entries are committed; what has none may be
        written again. Raises StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
        """
        committing: Transaction | None = None
        try:
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                with _rolled_back_on_error(connection):
                    transaction = self._transaction(connection)
                    yield transaction
                    committing = transaction
                    connection.execute("COMMIT")
        except DatabaseError as error:
            if (
                committing is None
                or not is_io_error(error.__cause__)
                or not self._stands(committing.appended)
            ):
                raise
        transaction.note_tip()

    def _stands(self, appended: Tip | None) -> bool:
        """Whether an entry is committed, as a connection sees it that was opened after the disk failed.

        Where it is not, SQLite's log may have its pages all the same, and would give them back after a power cut: another
        commit is written over them.
        """
        with contextlib.suppress(DatabaseError):  # whoever asks has an error to report already
            with self.read() as tx:
                if appended is not None and (appended.sequence, appended.hash) in tx.journal.hashes(
                    appended.sequence - 1, appended.sequence
                ):
                    return True
            with self._connection() as connection:
                connection.execute(f"PRAGMA user_version = {migrations.LATEST}")
        return False

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A snapshot as of now. Raises StoreBusy, StoreCorrupt, StoreUnavailable; writing in it raises the latter."""
        with self._connection() as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            with _rolled_back_on_error(connection):
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                yield self._transaction(connection)
                connection.execute("COMMIT")
            connection.execute("PRAGMA query_only = OFF")

    def data_version(self) -> int:
        """A number that changes with every commit by anyone; cheap, for polling this one object."""
        try:
            with self._lock, store_errors(self.path):
                if self._watcher is None:
                    self._watcher = connect(self.path, self._key, self._busy_seconds)
                (version,) = self._watcher.execute("PRAGMA data_version").fetchone()
                return int(version) + (self._generation << 32)  # another connection counts from the beginning
        except DatabaseError:
            self._open_anew()
            raise

    def page_damage(self) -> tuple[str, ...]:
        """What is wrong with the file's pages: their authentication (HMAC) and the trees that they make; slow."""
        with self._connection() as connection:
            found = _page_damage(connection)
            if found:
                # A checkpoint by another process may have been writing the page; writers wait for this second look.
                connection.execute("BEGIN IMMEDIATE")
                with _rolled_back_on_error(connection):
                    found = _page_damage(connection)
                    connection.execute("ROLLBACK")
        return found

    def give_back(self, most: int) -> int:
        """Give up to so many free pages back to the disk; how many are free then. Others can write afterwards.

        The file is shorter after the next checkpoint of the write-ahead log. 0 where the file was made before it could shrink.
        Raises StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
        """
        with self._connection() as connection:
            if migrations.is_rigid(connection):
                return 0
            connection.execute("BEGIN IMMEDIATE")
            with _rolled_back_on_error(connection):
                connection.execute(f"PRAGMA incremental_vacuum({most:d})").fetchall()
                (free,) = connection.execute("PRAGMA freelist_count").fetchone()
                connection.execute("COMMIT")
        return int(free)

    def forget(self) -> bool:
        """Empty the write-ahead log, so that what was erased stands in no page of it; False while others read or write.

        Raises DiskFull, StoreCorrupt, StoreUnavailable.
        """
        try:
            with self._connection() as connection:
                (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except StoreBusy:
            return False
        return not busy

    def copy_to(self, path: Path) -> None:
        """Copy the database, as it is now, to a new file (0600) with the same key; others may write meanwhile.

        Personal records are of no use in it: their keys stay here alone, so that no copy outlives their erasure.
        Raises StoreExists, StoreBusy, DiskFull, StoreCorrupt, StoreUnavailable.
        """
        with _files_made(path):
            path.touch(mode=0o600, exist_ok=False)
        try:
            with self._connection() as source, store_errors(path):
                if migrations.is_rigid(source):  # asked elsewhere, it would wait for a writer
                    source.execute("PRAGMA auto_vacuum = INCREMENTAL")
                source.execute("VACUUM INTO ?", (str(path),))
        except StoreCorrupt as error:
            raise StoreCorrupt(self.path, error.what) from error  # it was read here
        with store_errors(path), closing(connect(path, self._key, self._busy_seconds)) as target:
            target.execute("PRAGMA journal_mode = MEMORY")
            target.execute("DELETE FROM personal_keys")
            target.execute("PRAGMA journal_mode = WAL")

    def keep(self, occupancy: Occupancy) -> None:
        """Hold a place in the data directory as long as the database is open."""
        self._kept.append(occupancy)

    def close(self) -> None:
        """Close what is open; a transaction under way ends first by itself."""
        with self._lock:
            self._closed = True
            connections = self._take_unused()
        for connection in connections:
            connection.close()
        for occupancy in self._kept:
            occupancy.close()

    def _transaction(self, connection: Connection) -> Transaction:
        return Transaction(connection, self.path, self._vault_key, self._random, self._marker)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._lock:
            generation = self._generation
            connection = self._idle.pop() if self._idle else None
        with store_errors(self.path):
            if connection is None:
                connection = connect(self.path, self._key, self._busy_seconds)
            try:
                yield connection
            except BaseException as error:
                connection.close()
                if is_io_error(error):
                    self._open_anew()
                raise
        self._give_back(connection, generation)

    def _give_back(self, connection: Connection, generation: int) -> None:
        with self._lock:
            usable = not self._closed and generation == self._generation
            if usable and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _open_anew(self) -> None:
        """Use no connection again that was open when the disk failed: what it holds of the file may be on no disk."""
        with self._lock:
            self._generation += 1
            connections = self._take_unused()
        for connection in connections:
            connection.close()

    def _take_unused(self) -> list[Connection]:
        connections = [*self._idle, *([self._watcher] if self._watcher else [])]
        self._idle, self._watcher = [], None
        return connections


def _page_damage(connection: Connection) -> tuple[str, ...]:
    pages = tuple(str(line) for (line,) in connection.execute("PRAGMA cipher_integrity_check"))
    if pages:
        return pages
    return tuple(str(line) for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok")


@contextmanager
def _rolled_back_on_error(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _files_made(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if path.exists():
            raise StoreExists(path) from error
        raise refused_by_system(path, error) from error


def _salt(path: Path) -> bytes:
    """The first bytes of the file, which identify its key. Raises StoreMissing, StoreCorrupt, StoreUnavailable."""
    try:
        with path.open("rb") as file:
            salt = file.read(key_derivation.SALT_LENGTH)
    except FileNotFoundError as error:
        raise StoreMissing(path) from error
    except OSError as error:
        raise refused_by_system(path, error) from error
    if not salt:
        raise StoreCorrupt(path, "the file is empty")
    return salt
