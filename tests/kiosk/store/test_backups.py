"""Encrypted backups of a kiosk's store: proved, recorded, one at a time, and opened by the offline key alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyrage
import pytest

from hardware.disk import FolderLock
from kiosk.backup.destination import deposit_everywhere
from kiosk.backup.envelope import Source, describe, open_backup
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.records import BackupSettings
from kiosk.backup.rotation import Kind, Owner
from kiosk.backup.standing import BackupRecord, BackupReport
from kiosk.domain.clock import FixedClock
from kiosk.domain.identifiers import FIRST_RANDOM_EPOCH
from kiosk.store import keyfile
from kiosk.store.agent_state import AgentState
from kiosk.store.backups import back_up, check, restore
from kiosk.store.copies import Restored, make_copy, put_back
from kiosk.store.database import Database
from kiosk.store.errors import CopyRefusal, CopyRefused, DiskFull
from kiosk.store.location import DATABASE, KEY_FILE, open_database, open_or_create_database
from kiosk.store.verify import verify
from tests.support.values import present

KEY = pyrage.x25519.Identity.generate()
NOW = 1_800_000_000


@pytest.fixture
def directory(tmp_path: Path, clock: FixedClock) -> Path:
    made = tmp_path / "desk"
    with closing(open_or_create_database(made)) as database, database.write() as tx:
        tx.enrol(3, 1, clock, machine=2)
    return made


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


@pytest.fixture
def settings(stick: Path) -> BackupSettings:
    return BackupSettings((str(KEY.to_public()),), (str(stick),), same_disk=True)


@pytest.fixture
def backup(directory: Path, settings: BackupSettings, stick: Path) -> Path:
    assert back_up(directory, settings, NOW).well
    (file,) = stick.iterdir()
    return file


def _record(directory: Path) -> BackupRecord | None:
    with closing(open_database(directory)) as database, database.read() as tx:
        return tx.backups.get()


def test_a_backup_is_opened_by_the_offline_key_and_put_back_as_a_copy(
    directory: Path, stick: Path, settings: BackupSettings, tmp_path: Path
) -> None:
    report = back_up(directory, settings, NOW)
    assert report.well
    (file,) = stick.iterdir()
    assert file.name == "keydesk-kiosk-3.2-20270115T080000Z.age"
    into = tmp_path / "opened"
    assert open_backup(file, [KEY], Kind.KIOSK, into).tip == report.tip
    restored = put_back(into, tmp_path / "new")
    assert (restored.kiosk, restored.machine, restored.entries) == (3, 2, 1)


def test_nothing_of_it_stays_on_the_disk_and_the_key_lies_nowhere_in_the_clear(
    directory: Path, settings: BackupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (directory / KEY_FILE).read_bytes()
    seen: list[Path] = []
    real = verify

    def verified(*arguments: object, **keywords: object) -> object:
        seen.extend(path for path in directory.rglob("*") if path.is_file() and key in path.read_bytes())
        return real(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("kiosk.store.copies.verify", verified)
    assert back_up(directory, settings, NOW).well
    assert set(seen) == {directory / KEY_FILE}
    assert list((directory / "keydesk.backup").iterdir()) == []


def test_what_a_kill_left_of_a_copy_goes_with_the_next_backup(
    directory: Path, settings: BackupSettings
) -> None:
    left = directory / "keydesk.backup" / "copy"
    left.mkdir(parents=True)
    (left / DATABASE).write_bytes(b"half")
    assert back_up(directory, settings, NOW).well
    assert not left.exists()


def test_two_at_once_are_one_and_a_refusal(directory: Path, settings: BackupSettings, stick: Path) -> None:
    (directory / "keydesk.backup").mkdir()
    with closing(FolderLock(directory / "keydesk.backup")) as other:
        assert other.take()
        assert back_up(directory, settings, NOW).fault is BackupFault.BUSY
    assert list(stick.iterdir()) == []
    assert back_up(directory, settings, NOW).well


def _restored_here(file: Path, directory: Path) -> Restored:
    return restore(file, [KEY], directory, leave_unsent=False)


def _checked_here(file: Path, directory: Path) -> Restored:
    return check(file, [KEY], directory)


@pytest.mark.parametrize("opening", [_restored_here, _checked_here])
def test_a_link_where_backups_are_made_is_refused_and_nothing_behind_it_changes(
    directory: Path,
    settings: BackupSettings,
    backup: Path,
    tmp_path: Path,
    opening: Callable[[Path, Path], Restored],
) -> None:
    """Root may work in a directory of another user, who could lead it to any other one by a link."""
    victim = tmp_path / "victim"
    (victim / "letters").mkdir(parents=True)
    (directory / "keydesk.backup").rmdir()
    (directory / "keydesk.backup").symlink_to(victim)
    assert back_up(directory, settings, NOW + 60).fault is BackupFault.SCRATCH_TAKEN
    with pytest.raises(BackupError) as caught:
        opening(backup, directory)
    assert caught.value.fault is BackupFault.SCRATCH_TAKEN
    assert (victim / "letters").is_dir()


def test_a_stray_file_or_link_in_the_folder_goes_and_what_it_leads_to_stays(
    directory: Path, settings: BackupSettings, tmp_path: Path
) -> None:
    folder = directory / "keydesk.backup"
    folder.mkdir()
    (folder / "stray").write_bytes(b"x")
    (tmp_path / "victim").mkdir()
    (folder / "link").symlink_to(tmp_path / "victim")
    assert back_up(directory, settings, NOW).well
    assert list(folder.iterdir()) == []
    assert (tmp_path / "victim").is_dir()


def test_nothing_is_put_back_while_a_backup_is_made_and_that_goes_on(directory: Path, backup: Path) -> None:
    with closing(FolderLock(directory / "keydesk.backup")) as other:
        assert other.take()
        half = directory / "keydesk.backup" / "copy"
        for there in (False, True):
            if there:
                half.mkdir()
            with pytest.raises(BackupError) as caught:
                restore(backup, [KEY], directory, leave_unsent=False)
            assert caught.value.fault is BackupFault.BUSY
        assert half.exists()


def test_what_was_backed_up_after_the_one_that_is_put_back_elsewhere_stays(
    directory: Path, backup: Path, settings: BackupSettings, stick: Path, tmp_path: Path, clock: FixedClock
) -> None:
    old = backup.rename(tmp_path / "old.age")
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.begin_epoch(2, clock, given_by_centre=True)
    assert back_up(directory, settings, NOW + 60).well
    (newer,) = stick.iterdir()
    spare = tmp_path / "spare"
    restore(old, [KEY], spare, leave_unsent=False)
    report = back_up(spare, settings, NOW + 120)
    assert report.well
    assert report.deposits[0].removed == ()
    assert report.deposits[0].foreign == (newer.name,)
    assert newer.exists()
    again = back_up(spare, settings, NOW + 180)
    assert len(again.deposits[0].removed) == 1, "its own are rotated"
    assert newer.exists()


def test_an_older_one_is_put_back_beside_a_newer_one_only_where_that_is_wanted(
    directory: Path, backup: Path, settings: BackupSettings, stick: Path, tmp_path: Path
) -> None:
    assert back_up(directory, settings, NOW + 86_400).well
    newer = next(file for file in stick.iterdir() if file != backup)
    spare = tmp_path / "spare"
    with pytest.raises(BackupError) as caught:
        restore(backup, [KEY], spare, leave_unsent=False)
    assert (caught.value.fault, caught.value.detail) == (BackupFault.OLDER, newer.name)
    assert not spare.exists()
    restore(newer, [KEY], spare, leave_unsent=False)
    restore(backup, [KEY], tmp_path / "another", leave_unsent=False, older=True)


def test_the_newest_that_arrived_is_remembered_past_one_that_did_not(
    directory: Path, settings: BackupSettings, stick: Path
) -> None:
    assert _record(directory) is None
    back_up(directory, settings, NOW)
    stick.rename(stick.with_name("elsewhere"))
    failed = back_up(directory, settings, NOW + 86_400)
    assert not failed.arrived
    record = present(_record(directory))
    assert (record.newest, record.last) == (NOW, failed)
    assert failed.deposits[0].fault is BackupFault.DESTINATION_MISSING


def test_a_damaged_store_makes_no_backup_and_the_older_ones_stay(
    directory: Path, settings: BackupSettings, stick: Path
) -> None:
    back_up(directory, settings, NOW)
    (before,) = stick.iterdir()
    with (directory / DATABASE).open("r+b") as stream:
        stream.seek(4096 * 3 + 100)
        stream.write(bytes(64))
    report = back_up(directory, settings, NOW + 86_400)
    assert report.fault is BackupFault.UNSOUND
    assert report.detail
    assert list(stick.iterdir()) == [before]
    open_backup(before, [KEY], Kind.KIOSK, None)


@pytest.mark.parametrize("present_before", [True, False], ids=["other files", "nothing"])
def test_where_there_is_no_store_the_report_says_so_and_none_is_made(
    tmp_path: Path, settings: BackupSettings, *, present_before: bool
) -> None:
    if present_before:
        (tmp_path / "none").mkdir()
    report = back_up(tmp_path / "none", settings, NOW)
    assert report.fault is BackupFault.UNSOUND
    assert not (tmp_path / "none" / DATABASE).exists()


def test_a_directory_that_was_never_enrolled_is_nobodys(tmp_path: Path, settings: BackupSettings) -> None:
    open_or_create_database(tmp_path / "new").close()
    assert back_up(tmp_path / "new", settings, NOW).fault is BackupFault.NOT_ENROLLED


def test_no_room_for_the_copy_beside_the_data_is_told_as_that(
    directory: Path, settings: BackupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull(directory)

    monkeypatch.setattr("kiosk.store.backups.make_copy", full)
    assert back_up(directory, settings, NOW).fault is BackupFault.NO_ROOM_HERE


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (BackupSettings(), BackupFault.NO_RECIPIENT),
        (BackupSettings(("age1",), ("/mnt",)), BackupFault.RECIPIENT_INVALID),
        (BackupSettings((str(KEY.to_public()),)), BackupFault.NO_DESTINATION),
    ],
    ids=lambda value: value.value if isinstance(value, BackupFault) else "",
)
def test_what_is_not_configured_is_told_before_anything_is_copied(
    directory: Path, settings: BackupSettings, fault: BackupFault
) -> None:
    report = back_up(directory, settings, NOW)
    assert report == BackupReport(NOW, fault=fault, place=report.place, detail=report.detail)
    assert not (directory / "keydesk.backup").exists()


def test_a_backup_takes_the_stores_place_and_begins_a_random_epoch(
    directory: Path, backup: Path, clock: FixedClock
) -> None:
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.begin_epoch(2, clock, given_by_centre=True)
        tx.agent.put(AgentState(high_water=2))
    restored = restore(backup, [KEY], directory, leave_unsent=False)
    assert (restored.entries, restored.before) == (1, 2)
    with closing(open_database(directory)) as database, database.write() as tx:
        tx.settle_epoch(clock)
        assert tx.next_tip().epoch >= FIRST_RANDOM_EPOCH
    assert {each.name for each in directory.iterdir()} >= {DATABASE, KEY_FILE, "keydesk.before-1"}
    assert list((directory / "keydesk.backup").iterdir()) == []


def test_a_backup_is_put_back_on_a_machine_that_has_nothing(tmp_path: Path, backup: Path) -> None:
    restored = restore(backup, [KEY], tmp_path / "new" / "desk", leave_unsent=False)
    assert (restored.kiosk, restored.machine, restored.before) == (3, 2, None)


@pytest.mark.parametrize("new", [True, False], ids=["new", "present"])
@pytest.mark.parametrize("case", ["another key", "damaged", "another kiosk", "none"])
def test_what_does_not_open_or_belong_here_changes_nothing(
    tmp_path: Path, directory: Path, backup: Path, case: str, *, new: bool
) -> None:
    if case == "another kiosk" and new:
        return  # a machine with nothing takes any kiosk's
    place = tmp_path / "elsewhere" if new else directory
    identity = KEY
    if case == "another key":
        identity = pyrage.x25519.Identity.generate()
    elif case == "damaged":
        backup.write_bytes(backup.read_bytes()[:-100])
    elif case == "none":
        backup.unlink()
    else:
        place = tmp_path / "five"
        with closing(open_or_create_database(place)) as database, database.write() as tx:
            tx.enrol(5, 1, FixedClock(NOW))
    before = _files(place)
    with pytest.raises((BackupError, CopyRefused)) as caught:
        restore(backup, [identity], place, leave_unsent=False)
    assert str(backup) in str(caught.value)
    assert place.exists() != new
    assert _files(place) == before


def _files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_checking_proves_a_backup_and_leaves_nothing(tmp_path: Path, backup: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = check(backup, [KEY], scratch)
    assert (found.kiosk, found.machine, found.entries) == (3, 2, 1)
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    plain = tmp_path / "plain"
    open_backup(backup, [KEY], Kind.KIOSK, plain)
    assert check(plain, [], scratch) == found


def test_a_backup_whose_journal_is_broken_is_found_by_checking(
    tmp_path: Path, directory: Path, stick: Path, settings: BackupSettings
) -> None:
    """A key in wrong hands may have made the file; what is in it is proved like any copy."""
    copy = tmp_path / "copy"
    make_copy(directory, copy, with_key=True)
    key = keyfile.load(copy / KEY_FILE)
    with closing(Database.open(copy / DATABASE, key)) as database, database.write() as tx:
        tx.begin_epoch(2, FixedClock(NOW), given_by_centre=True)
        tx.journal._connection.execute("DELETE FROM journal WHERE sequence = 1")
    members: dict[str, Source] = {name: copy / name for name in (DATABASE, KEY_FILE)}
    deposit_everywhere(settings, describe(Owner(Kind.KIOSK, "3.2"), NOW, members), members, directory, ())
    (file,) = stick.iterdir()
    with pytest.raises(CopyRefused) as caught:
        check(file, [KEY], tmp_path)
    assert caught.value.reason is CopyRefusal.BROKEN_CHAIN
