"""What is no sound copy of this kiosk is not put back, and changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.store import keyfile, migrations
from kiosk.store.connections import connect
from kiosk.store.copies import put_back
from kiosk.store.database import Database
from kiosk.store.errors import CopyRefusal, CopyRefused
from kiosk.store.location import DATABASE, KEY_FILE
from tests.kiosk.store.copies.conftest import Order, names_in, spoil, tip_of, uploaded


def _refused(copy: Path, directory: Path) -> CopyRefused:
    with pytest.raises(CopyRefused) as refused:
        put_back(copy, directory)
    return refused.value


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
    (lambda copy: spoil(copy / DATABASE), CopyRefusal.DAMAGED, ..., ""),
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
    before, names = tip_of(directory), names_in(directory)
    harm(copy)
    refused = _refused(copy, directory)
    assert (refused.reason, refused.wanted) == (reason, wanted)
    assert found is ... or refused.found == found
    assert (tip_of(directory), names_in(directory)) == (before, names)


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
    uploaded(directory)
    for account in ("11000003", "11000006"):
        order(account)
    refused = _refused(copy, directory)
    assert (refused.reason, refused.found) == (CopyRefusal.UNSENT, 2)
    assert put_back(copy, directory, leave_unsent=True).before == 4


def test_entries_that_the_copy_has_as_well_are_not_left_behind(
    directory: Path, copy: Path, order: Order
) -> None:
    put_back(copy, directory)
    assert tip_of(directory).sequence == 2
    order("11000003")
    refused = _refused(copy, directory)
    assert (refused.reason, refused.found) == (CopyRefusal.UNSENT, 2), "the epoch and the order"
