"""The file gives its free pages back to the disk, some at a time, while others work."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.migrations import LATEST

_PAGES = 50


def fill_and_empty(database: Database) -> None:
    """Leave about a megabyte of pages free in front of what stays."""
    with database.write() as tx:
        receipts = [tx.print_queue.put(bytes(10_000), f"3-{number:04d}") for number in range(100)]
    with database.write() as tx:
        for receipt in receipts:
            tx.print_queue.done(receipt)


def free(path: Path, key: bytes) -> int:
    with closing(connect(path, key)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def checkpointed_size(path: Path, key: bytes) -> int:
    with closing(connect(path, key)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return path.stat().st_size


def make_rigid(path: Path, key: bytes) -> None:
    """Let the file be as one that was made before files could shrink."""
    with closing(connect(path, key)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode = WAL")


def test_free_pages_are_given_back_in_portions_beside_a_reader_and_a_writer(
    database: Database, path: Path, key: bytes, clock: FixedClock
) -> None:
    fill_and_empty(database)
    before, left = checkpointed_size(path, key), free(path, key)
    with database.read() as reader:
        seen = reader.journal.count()
        while database.give_back(_PAGES):
            assert left - free(path, key) == _PAGES
            with database.write() as tx:
                tx.lockouts.record("kiosk", clock.wall())
            left = free(path, key)
        assert reader.journal.count() == seen
    assert free(path, key) == 0
    assert checkpointed_size(path, key) < before - 900_000
    assert database.page_damage() == ()


def test_a_file_of_before_stays_as_large_and_shrinks_once_it_was_brought_up_to_date(
    database: Database, path: Path, key: bytes
) -> None:
    fill_and_empty(database)
    database.close()
    make_rigid(path, key)
    with closing(Database.open(path, key)) as rigid:
        fill_and_empty(rigid)
        left = free(path, key)
        assert (rigid.give_back(_PAGES), free(path, key)) == (0, left)
    with closing(connect(path, key)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST - 1}")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0012_shrinking'")
    with closing(Database.open(path, key)) as opened:
        fill_and_empty(opened)
        assert opened.give_back(10_000) == 0
    assert free(path, key) == 0


def test_a_file_that_cannot_be_made_to_shrink_now_serves_all_the_same(
    database: Database, path: Path, key: bytes
) -> None:
    database.close()
    make_rigid(path, key)
    with closing(connect(path, key)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST - 1}")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0012_shrinking'")
    with closing(connect(path, key)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        with closing(Database.open(path, key, busy_seconds=0.1)) as opened, opened.write() as tx:
            tx.lockouts.record("kiosk", 1)


def test_a_copy_of_a_file_of_before_shrinks(database: Database, path: Path, key: bytes) -> None:
    database.close()
    make_rigid(path, key)
    copy = path.with_name("copy.db")
    with closing(Database.open(path, key)) as rigid:
        rigid.copy_to(copy)
    with closing(Database.open(copy, key)) as copied:
        fill_and_empty(copied)
        assert copied.give_back(10_000) == 0
    assert free(copy, key) == 0


@pytest.mark.parametrize("most", [1, 7])
def test_nothing_is_given_back_where_nothing_is_free(database: Database, most: int) -> None:
    database.give_back(10_000)
    assert database.give_back(most) == 0
