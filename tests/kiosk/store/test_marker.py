"""A store that was put back from a copy takes a random epoch before it gives out a number."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH, MAXIMUM_EPOCH
from kiosk.store.database import Database
from kiosk.store.location import marker_of
from kiosk.store.marker import Marker, machine_name
from kiosk.store.transaction import Transaction

Place = Callable[[Transaction, str], str]
KEY = bytes(range(32))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    return tmp_path / "outside"


@contextmanager
def opened(path: Path, outside: Path, machine: str = "here") -> Iterator[Database]:
    database = Database.open(path, KEY, marker=Marker(outside, machine))
    yield database
    database.close()


@pytest.fixture
def marked(path: Path, outside: Path, clock: FixedClock, place: Place) -> Path:
    """A store with one order, closed."""
    database = Database.create(path, KEY, marker=Marker(outside, "here"))
    with database.write() as tx:
        tx.enrol(3, 1, clock)
    with database.write() as tx:
        place(tx, "11000001")
    database.close()
    return path


def _epochs(database: Database) -> list[int]:
    with database.read() as tx:
        return [each.entry.epoch for each in tx.journal.entries()]


def _put_back(copy: Path, path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, path)


def _ordered(database: Database, place: Place, clock: FixedClock, account: str) -> str:
    """Place an order as the desk does."""
    with database.write() as tx:
        tx.settle_epoch(clock)
        return place(tx, account)


def test_a_store_that_goes_on_stays_in_its_epoch(
    marked: Path, outside: Path, place: Place, clock: FixedClock
) -> None:
    for account in ("11000003", "11000006"):
        with opened(marked, outside) as database:
            _ordered(database, place, clock, account)
            assert set(_epochs(database)) == {1}


def test_a_copy_put_back_begins_a_random_epoch_once_and_gives_no_number_twice(
    marked: Path, outside: Path, place: Place, clock: FixedClock, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(marked, copy)
    with opened(marked, outside) as database:
        lost = _ordered(database, place, clock, "11000003")
    _put_back(copy, marked)
    with opened(marked, outside) as database:
        again = [_ordered(database, place, clock, account) for account in ("11000006", "11000007")]
        epochs = _epochs(database)
        with database.read() as tx:
            began = tx.journal.entries()[2].entry.body
    assert lost not in again
    assert epochs[:2] == [1, 1]
    assert len(set(epochs[2:])) == 1
    assert FIRST_RANDOM_EPOCH <= epochs[2] <= MAXIMUM_EPOCH
    assert isinstance(began, EpochBegan)
    assert not began.given_by_centre
    with opened(marked, outside) as database:
        _ordered(database, place, clock, "11000008")
        assert _epochs(database)[-1] == epochs[2]


def test_a_copy_that_wrote_something_else_as_far_as_the_marker_is_found(
    marked: Path, outside: Path, place: Place, clock: FixedClock, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(marked, copy)
    for path, account in ((marked, "11000003"), (copy, "11000006")):
        with opened(path, outside) as database:
            _ordered(database, place, clock, account)
    with opened(marked, outside) as database:
        _ordered(database, place, clock, "11000007")
        assert _epochs(database)[:3] == [1, 1, 1]
        assert _epochs(database)[3] >= FIRST_RANDOM_EPOCH


def test_a_store_on_another_machine_begins_a_random_epoch_there_once(
    marked: Path, tmp_path: Path, place: Place, clock: FixedClock
) -> None:
    there = tmp_path / "there"
    with opened(marked, there, "another machine") as database:
        _ordered(database, place, clock, "11000003")
        epochs = _epochs(database)
    assert epochs[2] >= FIRST_RANDOM_EPOCH
    with opened(marked, there, "another machine") as database:
        _ordered(database, place, clock, "11000006")
        assert _epochs(database)[:4] == epochs


@pytest.mark.parametrize(("before", "after"), [("", "here"), ("here", "")])
def test_a_machine_without_a_name_is_taken_for_none(
    path: Path, outside: Path, place: Place, clock: FixedClock, before: str, after: str
) -> None:
    with Database.create(path, KEY, marker=Marker(outside, before)).write() as tx:
        tx.enrol(3, 1, clock)
    with opened(path, outside, after) as database:
        _ordered(database, place, clock, "11000003")
        assert set(_epochs(database)) == {1}


@pytest.mark.parametrize("content", [b"", b"rubbish", b"[1,2,3]", b"\xff"])
def test_a_marker_that_cannot_be_read_or_written_stops_nothing(
    marked: Path, outside: Path, place: Place, clock: FixedClock, content: bytes
) -> None:
    (file,) = outside.iterdir()
    file.write_bytes(content)
    with opened(marked, outside) as database:
        _ordered(database, place, clock, "11000003")
    shutil.rmtree(outside)
    outside.write_bytes(b"no directory")
    with opened(marked, outside) as database:
        _ordered(database, place, clock, "11000006")
        assert set(_epochs(database)) == {1}


def test_the_marker_says_where_the_journal_ends(marked: Path, outside: Path) -> None:
    (file,) = outside.iterdir()
    with opened(marked, outside) as database, database.read() as tx:
        assert Marker(outside, "").read(file.stem) == tx.journal.tip()
    assert Marker(outside, "").read("another") is None


def test_the_marker_is_beside_the_data_directory_unless_a_place_is_given(tmp_path: Path) -> None:
    directory = tmp_path / "kiosk"
    tip = Tip(1, 2, bytes(32))
    marker_of(directory).write("store", tip)
    assert (tmp_path / "kiosk.marker" / "store.json").exists()
    marker_of(directory, tmp_path / "there").write("store", tip)
    assert (tmp_path / "there" / "store.json").exists()


def test_a_machine_has_a_name_that_does_not_give_its_id_away(tmp_path: Path) -> None:
    file = tmp_path / "machine-id"
    assert machine_name(file) == ""
    file.write_text("\n")
    assert machine_name(file) == ""
    file.write_text("0123456789abcdef0123456789abcdef\n")
    assert len(machine_name(file)) == 32
    assert machine_name(file) != file.read_text().strip()
