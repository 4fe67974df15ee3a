"""Copies made and put back: proved, whole at every moment, and never in another's place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import EpochBegan, Tip
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.store import keyfile, migrations
from kiosk.store.agent_state import AgentState
from kiosk.store.connections import connect
from kiosk.store.copies import make_copy, put_back
from kiosk.store.database import Database
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
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify
from tests.support.values import present

Place = Callable[[Transaction, str], str]
Order = Callable[[str], str]


@pytest.fixture
def directory(tmp_path: Path, clock: FixedClock) -> Path:
    """The data directory of kiosk 3, with nothing but its first entry; no program works in it."""
    made = tmp_path / "desk"
    with closing(open_or_create_database(made)) as database, database.write() as tx:
        tx.enrol(3, 1, clock)
    return made


@pytest.fixture
def order(directory: Path, clock: FixedClock, place: Place) -> Order:
    """Place an order for an account as the desk does."""

    def placed(account: str) -> str:
        with closing(open_database(directory)) as database, database.write() as tx:
            tx.settle_epoch(clock)
            return place(tx, account)

    return placed


@pytest.fixture
def copy(directory: Path, order: Order, tmp_path: Path) -> Path:
    """A copy after the first order."""
    order("11000001")
    make_copy(directory, tmp_path / "copy", with_key=True)
    return tmp_path / "copy"


def _tip(directory: Path) -> Tip:
    with closing(open_database(directory)) as database, database.read() as tx:
        return present(tx.journal.tip())


def _uploaded(directory: Path) -> None:
    """Note that the centre has everything."""
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.agent.put(AgentState(high_water=tx.journal.count()))


def _names(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def _refused(copy: Path, directory: Path) -> CopyRefused:
    with pytest.raises(CopyRefused) as refused:
        put_back(copy, directory)
    return refused.value


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
    assert _names(tmp_path) == {"desk", "desk.marker", "copy"}


def test_a_copy_replaces_nothing_and_damage_is_not_copied(
    directory: Path, copy: Path, tmp_path: Path
) -> None:
    with pytest.raises(CopyRefused) as refused:
        make_copy(directory, copy, with_key=True)
    assert refused.value.reason is CopyRefusal.EXISTS
    _spoilt(directory / DATABASE)
    with pytest.raises(StoreCorrupt):
        make_copy(directory, tmp_path / "another", with_key=True)
    assert _names(tmp_path) == {"desk", "desk.marker", "copy"}


def test_a_copy_put_back_takes_the_place_of_the_present_store_which_stays_aside(
    directory: Path, copy: Path, order: Order
) -> None:
    lost = order("11000003")
    (directory / "log").mkdir()
    _uploaded(directory)
    before = _tip(directory)
    done = put_back(copy, directory)
    assert (done.kiosk, done.machine, done.entries, done.before) == (3, 1, 2, 3)
    assert done.aside == directory / "keydesk.before-1"
    assert _tip(directory).sequence == 2
    assert _names(directory) == {DATABASE, KEY_FILE, "log", "keydesk.before-1"}
    assert _tip(done.aside) == before
    with closing(open_database(directory)) as database:
        assert verify(database).sound
        with database.read() as tx:
            assert tx.ledger.order(lost) is None
    _uploaded(directory)
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
    assert _names(tmp_path / "another" / "desk") == {DATABASE, KEY_FILE}


def test_a_copy_by_a_former_version_is_brought_up_to_date_and_stays_as_it_is(
    key: bytes, tmp_path: Path
) -> None:
    copy = tmp_path / "former"
    copy.mkdir()
    keyfile.save(copy / KEY_FILE, key)
    with closing(connect(copy / DATABASE, key)) as connection:
        connection.executescript((Path(__file__).parent / "data" / "tables_1.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    before = (copy / DATABASE).read_bytes()
    put_back(copy, tmp_path / "desk")
    with closing(open_database(tmp_path / "desk")) as database:
        assert verify(database).sound
    assert (copy / DATABASE).read_bytes() == before
    assert _names(copy) == {DATABASE, KEY_FILE}


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
    assert _tip(directory).sequence == 2


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


def _spoilt(database: Path) -> None:
    content = bytearray(database.read_bytes())
    for place in range(4096 + 99, len(content), 4096):
        content[place] ^= 1
    database.write_bytes(content)


def _statement(copy: Path, statement: str) -> None:
    with closing(connect(copy / DATABASE, keyfile.load(copy / KEY_FILE))) as connection:
        connection.execute(statement)


def _missing(copy: Path) -> None:
    shutil.rmtree(copy)


def _no_database(copy: Path) -> None:
    (copy / DATABASE).unlink()


def _of_another_program(copy: Path) -> None:
    (copy / DATABASE).unlink()
    with closing(sqlite3.connect(copy / DATABASE)) as connection:
        connection.execute("CREATE TABLE a (b)")


def _empty(copy: Path) -> None:
    (copy / DATABASE).write_bytes(b"")


def _cut(copy: Path) -> None:
    (copy / DATABASE).write_bytes((copy / DATABASE).read_bytes()[:20_000])


def _cut_to_the_salt(copy: Path) -> None:
    (copy / DATABASE).write_bytes((copy / DATABASE).read_bytes()[:16])


def _of_another_key(copy: Path) -> None:
    (copy / DATABASE).unlink()
    (copy / KEY_FILE).unlink()
    key = bytes(range(32))
    Database.create(copy / DATABASE, key).close()


def _newer(copy: Path) -> None:
    _statement(copy, f"PRAGMA user_version = {migrations.LATEST + 1}")


def _gap(copy: Path) -> None:
    _statement(copy, "DELETE FROM journal WHERE sequence = 1")


def _not_enrolled(copy: Path) -> None:
    key = keyfile.load(copy / KEY_FILE)
    (copy / DATABASE).unlink()
    Database.create(copy / DATABASE, key).close()


def _enrolled(copy: Path, kiosk: int, machine: int) -> None:
    _not_enrolled(copy)
    key = keyfile.load(copy / KEY_FILE)
    with closing(Database.open(copy / DATABASE, key)) as database, database.write() as tx:
        tx.enrol(kiosk, 1, FixedClock(1_800_000_000), machine=machine)


BAD: tuple[tuple[Callable[[Path], None], CopyRefusal, object, object], ...] = (
    (_missing, CopyRefusal.MISSING, "", ""),
    (_no_database, CopyRefusal.NO_COPY, "", ""),
    (_of_another_program, CopyRefusal.NO_COPY, "", ""),
    (_empty, CopyRefusal.NO_COPY, "", ""),
    (_of_another_key, CopyRefusal.WITHOUT_KEY, "", ""),
    (_cut, CopyRefusal.DAMAGED, ..., ""),
    (_cut_to_the_salt, CopyRefusal.DAMAGED, ..., ""),
    (lambda copy: _spoilt(copy / DATABASE), CopyRefusal.DAMAGED, ..., ""),
    (_newer, CopyRefusal.NEWER, migrations.LATEST + 1, migrations.LATEST),
    (_gap, CopyRefusal.BROKEN_CHAIN, 1, ""),
    (_not_enrolled, CopyRefusal.NOT_ENROLLED, "", ""),
    (lambda copy: _enrolled(copy, 5, 1), CopyRefusal.ANOTHER_KIOSK, 5, 3),
    (lambda copy: _enrolled(copy, 3, 2), CopyRefusal.ANOTHER_MACHINE, 2, 1),
)


@pytest.mark.parametrize(("harm", "reason", "found", "wanted"), BAD)
def test_what_is_no_sound_copy_of_this_kiosk_is_refused_and_nothing_changes(
    directory: Path,
    copy: Path,
    harm: Callable[[Path], None],
    reason: CopyRefusal,
    found: object,
    wanted: object,
) -> None:
    before, names = _tip(directory), _names(directory)
    harm(copy)
    refused = _refused(copy, directory)
    assert (refused.reason, refused.wanted) == (reason, wanted)
    assert found is ... or refused.found == found
    assert (_tip(directory), _names(directory)) == (before, names)


def test_the_present_store_is_no_copy_of_itself(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(directory)
    for given in (directory, directory / DATABASE, tmp_path / "link"):
        assert _refused(given, directory).reason is CopyRefusal.PRESENT


def test_a_copy_that_cannot_be_read_is_refused_with_the_system_s_reason(
    directory: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, *_: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    refused = _refused(copy, directory)
    assert (refused.reason, refused.found) == (CopyRefusal.UNREADABLE, "Permission denied")


@pytest.mark.parametrize("harm", [_missing, _cut, _gap])
def test_no_directory_is_made_where_a_copy_is_refused(
    copy: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    harm(copy)
    _refused(copy, tmp_path / "another")
    assert not (tmp_path / "another").exists()


def test_entries_that_only_this_machine_has_are_not_left_behind_unasked(
    directory: Path, copy: Path, order: Order
) -> None:
    _uploaded(directory)
    for account in ("11000003", "11000006"):
        order(account)
    refused = _refused(copy, directory)
    assert (refused.reason, refused.found) == (CopyRefusal.UNSENT, 2)
    assert put_back(copy, directory, leave_unsent=True).before == 4


def test_entries_that_the_copy_has_as_well_are_not_left_behind(
    directory: Path, copy: Path, order: Order
) -> None:
    put_back(copy, directory)
    assert _tip(directory).sequence == 2
    order("11000003")
    refused = _refused(copy, directory)
    assert (refused.reason, refused.found) == (CopyRefusal.UNSENT, 2), "the epoch and the order"


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
    before, names = _tip(directory), _names(directory)
    with pytest.raises(DiskFull):
        put_back(tmp_path / "copy", directory)
    with pytest.raises(DiskFull):
        make_copy(directory, small_disk / "copy", with_key=True)
    assert (_tip(directory), _names(directory)) == (before, names)
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
    _uploaded(directory)
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
            assert _tip(directory / "keydesk.before-1").sequence == old
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
    _uploaded(directory)
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
    assert _tip(directory).sequence == 2
    assert _tip(directory / "keydesk.before-1").sequence == 3
