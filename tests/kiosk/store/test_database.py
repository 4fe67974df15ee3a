from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store import migrations
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.errors import StoreBusy, StoreExists, StoreMissing, StoreNewer, StoreUnavailable
from kiosk.store.transaction import Transaction
from tests.support.waiting import wait_event

Place = Callable[[Transaction, str], str]


def test_what_was_written_is_there_after_opening_again(database: Database, path: Path, key: bytes) -> None:
    database.close()
    with Database.open(path, key).read() as tx:
        assert tx.identity is not None
        assert (tx.identity.kiosk, tx.identity.epoch) == (3, 1)
        assert tx.journal.count() == 1


def test_the_file_is_the_owners_alone_and_tells_nothing(database: Database, path: Path) -> None:
    with database.write() as tx:
        tx.lockouts.record("a scope that can be found", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = list(path.parent.glob("kiosk.db*"))
    assert {file.name for file in files} == {"kiosk.db", "kiosk.db-wal", "kiosk.db-shm"}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"a scope that can be found" not in file.read_bytes()
        assert b"SQLite format 3" not in file.read_bytes()


def test_a_file_that_others_may_read_is_its_owners_alone_once_it_is_opened(
    database: Database, path: Path, key: bytes
) -> None:
    with database.write() as tx:
        tx.lockouts.record("a scope", 1)
    files = list(path.parent.glob("kiosk.db*"))
    assert len(files) == 3
    for file in files:
        file.chmod(0o644)
    Database.open(path, key).close()
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_making_a_second_database_leaves_the_first_alone(database: Database, path: Path, key: bytes) -> None:
    with pytest.raises(StoreExists):
        Database.create(path, key)
    with database.read() as tx:
        assert tx.journal.count() == 1
    assert list(path.parent.glob("*.new*")) == []


def test_a_missing_database_is_not_made(path: Path, key: bytes) -> None:
    with pytest.raises(StoreMissing) as caught:
        Database.open(path, key)
    assert caught.value.path == path
    assert not path.exists()


def test_a_place_that_cannot_hold_a_database_is_unavailable(path: Path, key: bytes) -> None:
    path.write_text("a file where a folder is wanted")
    with pytest.raises(StoreUnavailable):
        Database.create(path / "kiosk.db", key)
    with pytest.raises(StoreUnavailable):
        Database.open(path.parent, key)


def test_tables_of_a_newer_version_are_left_alone(database: Database, path: Path, key: bytes) -> None:
    database.close()
    connection = connect(path, key)
    connection.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    connection.close()
    with pytest.raises(StoreNewer) as caught:
        Database.open(path, key)
    assert (caught.value.found, caught.value.known) == (migrations.LATEST + 1, migrations.LATEST)


def test_tables_are_brought_up_to_date_once_by_many_at_once(path: Path, key: bytes) -> None:
    connection = connect(path, key)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database.open(path, key), range(4)))
    for database in opened:
        with database.read() as tx:
            assert tx.journal.count() == 0
        database.close()


def test_an_error_in_a_verb_changes_nothing(database: Database, place: Place) -> None:
    def broken_verb() -> None:
        with database.write() as tx:
            place(tx, "11000001")
            tx.lockouts.record("kiosk", 1)
            raise LookupError

    with pytest.raises(LookupError):
        broken_verb()
    with database.read() as tx:
        assert tx.journal.count() == 1
        assert tx.ledger.orders() == ()
        assert tx.lockouts.failures("kiosk") == []


def test_a_read_sees_one_moment_while_others_write(database: Database, place: Place) -> None:
    with database.read() as before:
        with database.write() as tx:
            place(tx, "11000001")
        assert before.ledger.orders() == ()
        assert before.journal.count() == 1
        with database.read() as after:
            assert len(after.ledger.orders()) == 1


def test_a_commit_is_on_the_disk_when_it_returns(database: Database) -> None:
    for transaction in (database.write, database.read):
        with transaction() as tx:
            ask = tx.journal._connection.execute
            assert (ask("PRAGMA synchronous").fetchone(), ask("PRAGMA journal_mode").fetchone()) == (
                (2,),  # FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
                ("wal",),
            )


def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable), database.read() as tx:
        tx.lockouts.record("kiosk", 1)
    with database.write() as tx:
        tx.lockouts.record("kiosk", 2)
    with database.read() as tx:
        assert tx.lockouts.failures("kiosk") == [2]


def test_a_second_writer_that_waited_too_long_is_told_busy(database: Database) -> None:
    with database.write(), pytest.raises(StoreBusy), database.write():
        pytest.fail("two writers at once")


def test_threads_write_one_after_the_other(path: Path, key: bytes, clock: FixedClock, place: Place) -> None:
    database = Database.create(path, key)
    with database.write() as tx:
        tx.enrol(3, 1, clock)

    def work(number: int) -> None:
        for turn in range(10):
            with database.write() as tx:
                place(tx, f"{number:04d}{turn:04d}")
            with database.read() as tx:
                assert tx.journal.count() == len(tx.ledger.orders()) + 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with database.read() as tx:
        assert [sealed.entry.sequence for sealed in tx.journal.entries()] == list(range(1, 62))
    database.close()


def test_the_change_counter_moves_with_every_commit_and_only_then(database: Database) -> None:
    first = database.data_version()
    assert database.data_version() == first
    with database.read() as tx:
        tx.journal.tip()
    assert database.data_version() == first
    with database.write() as tx:
        tx.lockouts.record("kiosk", 1)
    assert database.data_version() != first


def test_closing_while_a_transaction_runs_lets_it_finish(database: Database, path: Path, key: bytes) -> None:
    begun, closed = threading.Event(), threading.Event()

    def slow_verb() -> None:
        with database.write() as tx:
            begun.set()
            wait_event(closed)
            tx.lockouts.record("kiosk", 7)

    thread = threading.Thread(target=slow_verb)
    thread.start()
    wait_event(begun)
    database.close()
    closed.set()
    thread.join()
    with Database.open(path, key).read() as tx:
        assert tx.lockouts.failures("kiosk") == [7]


def test_opening_does_not_wait_for_the_migration_tools(database: Database, path: Path, key: bytes) -> None:
    script = (
        "import sys; from pathlib import Path; from kiosk.store.database import Database;"
        f"Database.open(Path({str(path)!r}), bytes.fromhex({key.hex()!r}));"
        "sys.exit(any(name in sys.modules for name in ('sqlite_utils', 'cryptography', 'click')))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
