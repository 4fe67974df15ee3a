"""A disk whose flush fails: what is reported is what stands, and no connection from before is used again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from sqlite3 import Connection
from typing import cast

import pytest
import sqlcipher3.dbapi2 as driver  # type: ignore[import-untyped]  # the package has no types

from kiosk.store import database as database_module
from kiosk.store.connections import connect, store_errors
from kiosk.store.database import Database
from kiosk.store.errors import DatabaseError, DiskFull, StoreBusy, StoreCorrupt, StoreUnavailable
from kiosk.store.transaction import Transaction
from tests.support.disks import failing_disk

Place = Callable[[Transaction, str], str]
IO_ERROR = 10  # https://www.sqlite.org/rescode.html#ioerr
PROGRAM = """
import os, pathlib, sys
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.keys import PinChangeSkipped
from kiosk.store.database import Database
from kiosk.store.errors import StoreUnavailable
path, key, clock = pathlib.Path(sys.argv[1]), bytes(range(32)), FixedClock(1_800_000_000)
database = Database.open(path, key)
others = Database.open(path, key) if sys.argv[2] == "beside others" else None
with database.write() as tx:  # SQLite's log has begun: what comes next needs one flush alone
    tx.append(PinChangeSkipped("11000001", "E8AD652202221F03"), clock)
pathlib.Path(os.environ["KEYDESK_DISK_FAILS"]).touch()
try:
    with database.write() as tx:
        tx.append(PinChangeSkipped("11000001", "E8AD652202221F03"), clock)
    print("committed", flush=True)
except StoreUnavailable:
    print("failed", flush=True)
os._exit(0)  # as in a power cut: nothing is tidied up
"""


class Disk:
    """What the next commits meet: an error although it is written, or an error and nothing is."""

    def __init__(self) -> None:
        self.meets: list[bool] = []
        self.connections: list[FailingConnection] = []

    def connect(self, path: Path, key: bytes, busy_seconds: float) -> Connection:
        """Open a connection on this disk."""
        self.connections.append(FailingConnection(connect(path, key, busy_seconds), self))
        return cast("Connection", self.connections[-1])


class FailingConnection:
    """A connection whose commits may fail."""

    def __init__(self, connection: Connection, disk: Disk) -> None:
        self._connection = connection
        self._disk = disk

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str, *parameters: object) -> object:
        """Execute it; a commit as the disk has it."""
        if statement != "COMMIT" or not self._disk.meets:
            return self._connection.execute(statement, *parameters)  # type: ignore[arg-type]  # passed on as it came
        if self._disk.meets.pop(0):
            self._connection.execute("COMMIT")
        error = driver.OperationalError("disk I/O error")
        error.sqlite_errorcode = IO_ERROR
        raise error

    @property
    def is_closed(self) -> bool:
        """Whether it cannot be used any more."""
        try:
            self._connection.execute("SELECT 1")
        except driver.ProgrammingError:
            return True
        return False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(database_module, "connect", disk.connect)
    return disk


@pytest.fixture
def on_disk(database: Database, disk: Disk, path: Path, key: bytes) -> Iterator[Database]:
    """The enrolled kiosk's database, through connections whose commits may fail."""
    opened = Database.open(path, key, busy_seconds=0.2)
    yield opened
    opened.close()


def orders(database: Database) -> int:
    with database.read() as tx:
        return len(tx.ledger.orders())


def test_a_commit_that_reached_the_file_although_the_disk_failed_is_no_failure(
    on_disk: Database, disk: Disk, place: Place
) -> None:
    disk.meets = [True]
    with on_disk.write() as tx:
        place(tx, "11000001")
    assert orders(on_disk) == 1


def test_a_commit_that_did_not_reach_it_is_reported_and_the_next_one_is_made(
    on_disk: Database, disk: Disk, place: Place
) -> None:
    disk.meets = [False]
    with pytest.raises(StoreUnavailable), on_disk.write() as tx:
        place(tx, "11000001")
    assert orders(on_disk) == 0
    with on_disk.write() as tx:
        place(tx, "11000001")
    assert orders(on_disk) == 1


def test_what_has_no_entry_is_reported_as_failed(on_disk: Database, disk: Disk) -> None:
    disk.meets = [True]
    with pytest.raises(StoreUnavailable), on_disk.write() as tx:
        tx.lockouts.record("kiosk", 1)


def test_no_connection_that_was_open_when_the_disk_failed_is_used_again(
    on_disk: Database, disk: Disk, place: Place
) -> None:
    on_disk.data_version()
    with on_disk.read(), on_disk.read():
        pass
    before = list(disk.connections)
    assert len(before) > 2
    with on_disk.read() as in_use:
        disk.meets = [False]
        with pytest.raises(StoreUnavailable), on_disk.write() as tx:
            place(tx, "11000001")
        assert in_use.journal.count() == 1
    assert all(each.is_closed for each in before)
    assert orders(on_disk) == 0


def test_whoever_polls_for_commits_sees_one_after_the_disk_failed(
    on_disk: Database, disk: Disk, place: Place
) -> None:
    versions = [on_disk.data_version()]
    for _ in range(3):
        disk.meets = [True]
        with on_disk.write() as tx:
            place(tx, f"1100000{len(versions)}")
        versions.append(on_disk.data_version())
    assert len(set(versions)) == len(versions)


@pytest.mark.parametrize("company", ["alone", "beside others"])
def test_what_is_reported_at_a_failed_flush_is_what_stands_after_a_power_cut(
    database: Database, path: Path, key: bytes, tmp_path: Path, company: str
) -> None:
    database.close()
    library, mark = failing_disk(tmp_path), tmp_path / "the disk fails"
    environment = {**os.environ, "LD_PRELOAD": str(library), "KEYDESK_DISK_FAILS": str(mark)}
    command = [sys.executable, "-c", PROGRAM, str(path), company]
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    with Database.open(path, key).read() as tx:
        stands = tx.journal.count() - 2
    assert told.stdout.split() == ["committed" if stands else "failed"]


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (5, StoreBusy),
        (6, StoreBusy),
        (15, StoreBusy),
        (13, DiskFull),
        (11, StoreCorrupt),
        (26, StoreCorrupt),
        (IO_ERROR | 22 << 8, StoreUnavailable),
        (14, StoreUnavailable),
    ],
)
def test_what_the_database_reports_of_file_and_locks_is_an_error_of_the_store(
    tmp_path: Path, code: int, meant: type[DatabaseError]
) -> None:
    error = driver.OperationalError("whatever it says")
    error.sqlite_errorcode = code
    with pytest.raises(meant), store_errors(tmp_path / "keydesk.db"):
        raise error
