"""Copies made and put back: proved, whole at every moment, and never in another's place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.store import keyfile
from kiosk.store.connections import connect
from kiosk.store.copies import make_copy, put_back
from kiosk.store.errors import (
    CopyRefusal,
    CopyRefused,
    DirectoryInUse,
    DirectoryTaken,
    DiskFull,
    StoreCorrupt,
    StoreError,
)
from kiosk.store.location import DATABASE, KEY_FILE, RESTORE, open_database, open_or_create_database
from kiosk.store.occupancy import Occupancy
from kiosk.store.verify import verify
from tests.kiosk.store.copies.conftest import Order, Place, names_in, spoil, tip_of, uploaded
from tests.support.values import present


def test_a_copy_is_made_beside_writers_and_is_for_its_owner_alone(
    directory: Path, clock: FixedClock, place: Place, tmp_path: Path
) -> None:
    with closing(open_database(directory)) as database:
        with database.write() as tx:
            place(tx, "11000001")
        with database.write() as tx:
            place(tx, "11000003")
            found = make_copy(directory, tmp_path / "copy", with_key=True)
        assert found.entries == 2
        assert present(found.tip).sequence == 2
    assert [each.stat().st_mode & 0o077 for each in (tmp_path / "copy").iterdir()] == [0, 0]
    assert names_in(tmp_path) == {"desk", "desk.marker", "copy"}


def test_a_copy_replaces_nothing_and_damage_is_not_copied(
    directory: Path, copy: Path, tmp_path: Path
) -> None:
    with pytest.raises(CopyRefused) as refused:
        make_copy(directory, copy, with_key=True)
    assert refused.value.reason is CopyRefusal.EXISTS
    spoil(directory / DATABASE)
    with pytest.raises(StoreCorrupt):
        make_copy(directory, tmp_path / "another", with_key=True)
    assert names_in(tmp_path) == {"desk", "desk.marker", "copy"}


def test_a_copy_put_back_takes_the_place_of_the_present_store_which_stays_aside(
    directory: Path, copy: Path, order: Order
) -> None:
    lost = order("11000003")
    (directory / "log").mkdir()
    uploaded(directory)
    before = tip_of(directory)
    done = put_back(copy, directory)
    assert (done.kiosk, done.machine, done.entries, done.before) == (3, 1, 2, 3)
    assert done.aside == directory / "keydesk.before-1"
    assert tip_of(directory).sequence == 2
    assert names_in(directory) == {DATABASE, KEY_FILE, "log", "keydesk.before-1"}
    assert tip_of(done.aside) == before
    with closing(open_database(directory)) as database:
        assert verify(database).sound
        with database.read() as tx:
            assert tx.ledger.order(lost) is None
    uploaded(directory)
    assert put_back(copy, directory).aside == directory / "keydesk.before-2"
    assert put_back(done.aside, directory).entries == 3


@pytest.mark.parametrize("marker", [True, False])
def test_a_copy_put_back_begins_a_random_epoch_before_its_first_order(
    directory: Path,
    copy: Path,
    order: Order,
    tmp_path: Path,
    marker: bool,  # noqa: FBT001 - the parameter
) -> None:
    if not marker:
        shutil.rmtree(tmp_path / "desk.marker")
    put_back(copy, directory)
    first, second = order("11000006"), order("11000007")
    with closing(open_database(directory)) as database, database.read() as tx:
        entries = [each.entry for each in tx.journal.entries()]
    assert isinstance(entries[2].body, EpochBegan)
    assert not entries[2].body.given_by_centre
    assert [entry.epoch == entries[2].epoch for entry in entries] == [False, False, True, True, True]
    assert entries[2].epoch >= FIRST_RANDOM_EPOCH
    assert first.startswith(f"3-{entries[2].epoch}-")
    assert second.startswith(f"3-{entries[2].epoch}-")


def test_the_epoch_that_the_centre_gives_is_the_only_one(
    directory: Path, copy: Path, order: Order, clock: FixedClock
) -> None:
    put_back(copy, directory)
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.begin_epoch(2, clock, given_by_centre=True)
    assert order("11000006").startswith("3-2-0004-")


def test_a_copy_is_put_back_where_there_was_nothing(copy: Path, tmp_path: Path) -> None:
    done = put_back(copy, tmp_path / "another" / "desk")
    assert (done.entries, done.before, done.aside) == (2, None, None)
    assert names_in(tmp_path / "another" / "desk") == {DATABASE, KEY_FILE}


def test_a_copy_by_a_former_version_is_brought_up_to_date_and_stays_as_it_is(
    key: bytes, tmp_path: Path
) -> None:
    copy = tmp_path / "former"
    copy.mkdir()
    keyfile.save(copy / KEY_FILE, key)
    with closing(connect(copy / DATABASE, key)) as connection:
        connection.executescript((Path(__file__).parents[1] / "data" / "tables_1.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    before = (copy / DATABASE).read_bytes()
    put_back(copy, tmp_path / "desk")
    with closing(open_database(tmp_path / "desk")) as database:
        assert verify(database).sound
    assert (copy / DATABASE).read_bytes() == before
    assert names_in(copy) == {DATABASE, KEY_FILE}


@pytest.mark.parametrize("harm", ["cut", "no key", "another key"])
def test_a_copy_replaces_a_store_that_cannot_be_read(directory: Path, copy: Path, harm: str) -> None:
    database = directory / DATABASE
    if harm == "cut":
        database.write_bytes(database.read_bytes()[:5000])
        (directory / f"{DATABASE}-wal").write_bytes(b"of the store that is gone")
    elif harm == "no key":
        (directory / KEY_FILE).unlink()
    else:
        (directory / KEY_FILE).write_text("00" * 32)
    before = database.read_bytes()
    done = put_back(copy, directory)
    assert (done.before, done.aside) == (None, directory / "keydesk.before-1")
    assert (directory / "keydesk.before-1" / DATABASE).read_bytes() == before
    assert (directory / "keydesk.before-1" / f"{DATABASE}-wal").exists() == (harm == "cut")
    assert tip_of(directory).sequence == 2


def test_a_file_is_put_back_with_the_key_that_is_here_and_with_its_log(
    directory: Path, order: Order, tmp_path: Path
) -> None:
    with closing(open_database(directory)):
        order("11000001")
        for suffix in ("", "-wal"):
            shutil.copy(directory / f"{DATABASE}{suffix}", tmp_path / f"monday.db{suffix}")
    assert (tmp_path / "monday.db-wal").stat().st_size
    before = (tmp_path / "monday.db").read_bytes()
    assert put_back(tmp_path / "monday.db", directory).entries == 2
    assert (tmp_path / "monday.db").read_bytes() == before


def test_the_key_beside_a_copy_may_lie_on_a_medium_without_permissions(directory: Path, copy: Path) -> None:
    (copy / KEY_FILE).chmod(0o755)
    put_back(copy, directory)
    assert (directory / KEY_FILE).stat().st_mode & 0o077 == 0


def test_tables_that_are_not_the_journal_s_fold_are_written_anew(directory: Path, copy: Path) -> None:
    with closing(connect(copy / DATABASE, keyfile.load(copy / KEY_FILE))) as connection:
        connection.execute("DELETE FROM orders")
    assert put_back(copy, directory).rebuilt
    with closing(open_database(directory)) as database:
        assert verify(database).different == 0


def test_a_copy_is_not_put_back_while_a_program_works_there_and_none_begins_meanwhile(
    directory: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_database(directory)), pytest.raises(DirectoryInUse):
        put_back(copy, directory)
    monkeypatch.setattr("kiosk.store.location.ALONE_SECONDS", 0.1)
    with closing(Occupancy(directory)) as alone:
        alone.take()
        with pytest.raises(DirectoryTaken):
            open_database(directory)
        with pytest.raises(DirectoryInUse):
            put_back(copy, directory)
    put_back(copy, directory)


def test_a_full_disk_changes_nothing(
    small_disk: Path, clock: FixedClock, place: Place, tmp_path: Path
) -> None:
    directory = small_disk / "desk"
    with closing(open_or_create_database(directory)) as database, database.write() as tx:
        tx.enrol(3, 1, clock)
        place(tx, "11000001")
    make_copy(directory, tmp_path / "copy", with_key=True)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(600_000))
    before, names = tip_of(directory), names_in(directory)
    with pytest.raises(DiskFull):
        put_back(tmp_path / "copy", directory)
    with pytest.raises(DiskFull):
        make_copy(directory, small_disk / "copy", with_key=True)
    assert (tip_of(directory), names_in(directory)) == (before, names)
    filler.unlink()
    assert put_back(tmp_path / "copy", directory).entries == 2


class _Killed(BaseException):
    """The process is gone."""


@contextmanager
def _killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """From that change of the file system on nothing is changed any more; the changes, by name."""
    done: list[str] = []

    def counted(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def change(*given: object, **named: object) -> object:
            if len(done) >= step:
                raise _Killed
            done.append(name)
            return real(*given, **named)

        return change

    with monkeypatch.context() as patched:
        for name in ("rename", "replace", "mkdir", "rmdir", "unlink", "link", "fsync"):
            patched.setattr(os, name, counted(name, getattr(os, name)))
        yield done


def test_a_kill_at_any_step_leaves_the_old_store_or_the_copy(
    directory: Path, copy: Path, order: Order, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order("11000003")
    uploaded(directory)
    kept = tmp_path / "kept"
    shutil.copytree(directory, kept)
    (kept / f"{DATABASE}-wal").write_bytes(b"")
    old, new = 3, 2
    seen: list[int] = []
    for step in range(100):
        shutil.rmtree(directory)
        shutil.copytree(kept, directory)
        with _killed_at(step, monkeypatch) as done:
            try:
                put_back(copy, directory)
            except (_Killed, StoreError):
                killed = True
            else:
                killed = False
        (directory / "log").mkdir(exist_ok=True)
        with closing(open_database(directory)) as database:
            assert verify(database).sound
            with database.read() as tx:
                seen.append(present(tx.journal.tip()).sequence)
        assert not (directory / RESTORE).exists()
        if seen[-1] == new:
            assert tip_of(directory / "keydesk.before-1").sequence == old
        if not killed:
            break
        put_back(copy, directory, leave_unsent=True)
        assert not list(directory.glob(f".{RESTORE}*")), "what the kill left is cleared away"
    assert done.count("rename") >= 4
    assert set(seen) == {old, new}
    assert seen == sorted(seen, reverse=True), "once it is new it stays new"


def test_a_kill_while_the_next_program_finishes_it_is_finished_by_the_one_after(
    directory: Path, copy: Path, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    order("11000003")
    uploaded(directory)
    real = os.rename

    def until_committed(source: Path, target: Path) -> None:
        real(source, target)
        if Path(target).name == RESTORE:
            raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", until_committed)
        with pytest.raises(_Killed):
            put_back(copy, directory)
    assert (directory / RESTORE).exists()
    for step in range(20):
        with _killed_at(step, monkeypatch), suppress(_Killed):
            open_database(directory).close()
    assert not (directory / RESTORE).exists()
    assert tip_of(directory).sequence == 2
    assert tip_of(directory / "keydesk.before-1").sequence == 3
