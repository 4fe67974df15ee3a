from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.errors import StoreCorrupt, WrongKey
from kiosk.store.key_derivation import SALT_LENGTH
from kiosk.store.verify import verify

PAGE = 4096


@pytest.fixture
def file(database: Database, path: Path) -> Path:
    """A closed database with some pages of history."""
    with database.write() as tx:
        for time in range(3000):
            tx.lockouts.record("kiosk", time)
    database.close()
    assert path.stat().st_size > 20 * PAGE
    return path


def overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def flip(file: Path, offset: int) -> None:
    overwrite(file, offset, bytes([file.read_bytes()[offset] ^ 1]))


def test_another_key_is_told_from_damage(file: Path) -> None:
    with pytest.raises(WrongKey):
        Database.open(file, bytes(32))


def test_a_wrong_key_does_not_hurt_what_waits_in_the_log(
    path: Path, key: bytes, tmp_path: Path, clock: FixedClock
) -> None:
    database = Database.create(path, key)
    with database.write() as tx:
        tx.enrol(3, 1, clock)
    for suffix in ("", "-wal"):  # as after a power failure: the log was not carried over
        shutil.copy(f"{path}{suffix}", tmp_path / f"killed.db{suffix}")
    database.close()
    with pytest.raises(WrongKey):
        Database.open(tmp_path / "killed.db", bytes(32))
    with Database.open(tmp_path / "killed.db", key).read() as tx:
        assert tx.journal.count() == 1


@pytest.mark.parametrize("size", [0, 10, 1000, PAGE, 5 * PAGE, 10 * PAGE + 17])
def test_a_file_that_was_cut_short_is_corrupt(file: Path, key: bytes, size: int) -> None:
    with file.open("r+b") as stream:
        stream.truncate(size)
    with pytest.raises(StoreCorrupt):
        Database.open(file, key)


@pytest.mark.parametrize("content", [b"no database at all" * 500, b"SQLite format 3\x00" + bytes(8176)])
def test_a_file_of_something_else_is_corrupt(path: Path, key: bytes, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        Database.open(path, key)
    assert path.read_bytes() == content


def test_a_bit_flipped_in_the_first_page_is_corrupt(file: Path, key: bytes) -> None:
    flip(file, 100)
    with pytest.raises(StoreCorrupt):
        Database.open(file, key)


def test_a_bit_flipped_in_the_mark_of_the_key_is_repaired_by_knowing_the_key(file: Path, key: bytes) -> None:
    flip(file, SALT_LENGTH - 1)
    with Database.open(file, key).read() as tx:
        assert tx.journal.count() == 1


def test_a_bit_flipped_in_any_page_is_never_read_as_data(file: Path, key: bytes) -> None:
    whole = file.read_bytes()
    for page in range(1, len(whole) // PAGE):
        file.write_bytes(whole)
        flip(file, page * PAGE + 123)
        try:
            database = Database.open(file, key)
        except StoreCorrupt:
            continue  # a page that opening reads
        report = verify(database)
        assert not report.sound
        assert [line for line in report.damaged_pages if str(page + 1) in line]
        database.close()


def test_reading_a_damaged_page_raises_and_the_database_stays_usable(file: Path, key: bytes) -> None:
    connection = connect(file, key)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'failures'").fetchone()
    connection.close()
    flip(file, (root - 1) * PAGE + 50)
    database = Database.open(file, key)
    with pytest.raises(StoreCorrupt), database.write() as tx:
        tx.lockouts.record("kiosk", 1)
    with database.read() as tx:
        assert tx.journal.count() == 1


def test_a_journal_entry_that_was_exchanged_is_noticed(database: Database) -> None:
    with database.write() as tx:
        tx.journal._connection.execute("UPDATE journal SET hash = zeroblob(32)")
    with database.read() as tx, pytest.raises(StoreCorrupt):
        tx.journal.entries()


def test_a_row_that_cannot_be_read_is_corrupt(database: Database) -> None:
    with database.write() as tx:
        tx.ledger._connection.execute("INSERT INTO accounts (account, row) VALUES ('1', x'A1E2')")
    with database.read() as tx, pytest.raises(StoreCorrupt) as caught:
        tx.ledger.register("1")
    assert "Register" in caught.value.what
