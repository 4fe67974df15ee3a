from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store import database as database_module
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify

Place = Callable[[Transaction, str], str]


def orders_until_full(database: Database, place: Place) -> int:
    for number in range(10_000):
        try:
            with database.write() as tx:
                place(tx, f"{number:08d}")
                tx.print_queue.put(os.urandom(20_000), "3-0002-1")
        except DiskFull:
            return number
    pytest.fail("the disk never filled up")


def assert_whole(database: Database, orders: int) -> None:
    with database.read() as tx:
        assert tx.journal.count() == orders + 1
        assert len(tx.ledger.orders()) == orders
        assert len(tx.print_queue.waiting()) == orders
    assert verify(database).sound


def test_a_full_database_fails_the_verb_whole(
    database: Database, place: Place, path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(path: Path, key: bytes, busy_seconds: float) -> Connection:
        connection = connect(path, key, busy_seconds)
        connection.execute("PRAGMA max_page_count = 120")
        return connection

    database.close()
    monkeypatch.setattr(database_module, "connect", small)
    full = Database.open(path, key)
    orders = orders_until_full(full, place)
    assert orders > 2
    assert_whole(full, orders)
    full.close()
    monkeypatch.undo()
    with Database.open(path, key).write() as tx:
        place(tx, "99999999")


def test_a_full_disk_fails_the_verb_whole_and_heals_with_room(
    small_disk: Path, key: bytes, clock: FixedClock, place: Place
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    database = Database.create(small_disk / "kiosk.db", key)
    with database.write() as tx:
        tx.enrol(3, 1, clock)
    orders = orders_until_full(database, place)
    assert orders > 2
    assert_whole(database, orders)
    with pytest.raises(DiskFull), database.write() as tx:
        tx.print_queue.put(bytes(100_000), "3-0002-1")
    filler.unlink()
    with database.write() as tx:
        place(tx, "99999999")
    with database.read() as tx:
        assert tx.journal.count() == orders + 2
    assert verify(database).sound
    database.close()


def test_no_database_appears_on_a_full_disk(small_disk: Path, key: bytes) -> None:
    (small_disk / "filler").write_bytes(bytes(1_000_000))
    with pytest.raises(DiskFull):
        Database.create(small_disk / "kiosk.db", key)
    assert [file.name for file in small_disk.iterdir()] == ["filler"]


def test_opening_on_a_full_disk_says_so(small_disk: Path, key: bytes, clock: FixedClock) -> None:
    database = Database.create(small_disk / "kiosk.db", key)
    with database.write() as tx:
        tx.enrol(3, 1, clock)
    database.close()
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2_000_000))
    with pytest.raises(DiskFull):
        Database.open(small_disk / "kiosk.db", key)
    filler.unlink()
    with Database.open(small_disk / "kiosk.db", key).read() as tx:
        assert tx.journal.count() == 1
