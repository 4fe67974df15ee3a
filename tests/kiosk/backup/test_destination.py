"""Backups to several places: what fails at one stops no other, nothing is left half, and older ones stay."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyrage
import pytest

from kiosk.backup import destination
from kiosk.backup.destination import backups_in, deposit_everywhere
from kiosk.backup.envelope import Manifest, describe, open_backup
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.records import BackupSettings, Deposit
from kiosk.backup.rotation import Keep, Kind, Owner, backup_name

OWNER = Owner(Kind.KIOSK, "3.1")
KEY = pyrage.x25519.Identity.generate()
NIGHT = 86_400
MADE = 1_780_021_800


class Place:
    """A data directory with one file, and the directories that backups go to."""

    def __init__(self, path: Path, count: int = 1) -> None:
        self.data = path / "data"
        self.data.mkdir()
        (self.data / "keydesk.db").write_bytes(b"pages" * 100_000)
        self.own: set[str] = set()
        self.directories = [path / f"stick-{number}" for number in range(count)]
        for directory in self.directories:
            directory.mkdir()
        self.settings = BackupSettings(
            (str(KEY.to_public()),), tuple(map(str, self.directories)), Keep(), same_disk=True
        )

    @property
    def members(self) -> dict[str, Path]:
        return {"keydesk.db": self.data / "keydesk.db"}

    def manifest(self, night: int = 0) -> Manifest:
        return describe(OWNER, MADE + night * NIGHT, self.members)

    def make(self, night: int = 0, settings: BackupSettings | None = None) -> tuple[Deposit, ...]:
        done = deposit_everywhere(
            settings or self.settings, self.manifest(night), self.members, self.data, self.own
        )
        self.own.add(backup_name(OWNER, MADE + night * NIGHT))
        return done

    def names(self, directory: int = 0) -> list[str]:
        return sorted(path.name for path in self.directories[directory].iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_backup_lies_at_every_destination_and_opens(tmp_path: Path) -> None:
    place = Place(tmp_path, 3)
    for done in place.make():
        assert done.fault is None
        assert done.file is not None
        assert open_backup(Path(done.file), [KEY], Kind.KIOSK, None) == place.manifest()
        assert Path(done.file).stat().st_size == done.size


def test_former_backups_that_others_may_read_are_their_owners_alone_after_the_next(place: Place) -> None:
    (first,) = place.make()
    assert first.file is not None
    Path(first.file).chmod(0o644)
    foreign = place.directories[0] / "letter.txt"
    foreign.touch()
    foreign.chmod(0o644)
    place.make(night=1)
    assert Path(first.file).stat().st_mode & 0o077 == 0
    assert foreign.stat().st_mode & 0o077 == 0o044


def test_what_fails_at_one_destination_stops_no_other(tmp_path: Path) -> None:
    place = Place(tmp_path, 3)
    place.directories[1].rmdir()
    first, second, third = place.make()
    assert (first.fault, second.fault, third.fault) == (None, BackupFault.DESTINATION_MISSING, None)
    assert second.file is None
    assert third.file is not None


def test_a_file_in_place_of_a_destination_is_told(place: Place) -> None:
    place.directories[0].rmdir()
    place.directories[0].write_text("")
    assert [done.fault for done in place.make()] == [BackupFault.DESTINATION_NO_DIRECTORY]


def test_one_directory_under_two_names_gets_one_backup(tmp_path: Path) -> None:
    place = Place(tmp_path, 2)
    place.directories[1].rmdir()
    place.directories[1].symlink_to(place.directories[0])
    first, second = place.make()
    assert (first.fault, second.fault) == (None, BackupFault.DESTINATION_TWICE)
    assert (second.file, second.detail) == (None, str(place.directories[0]))


def test_a_destination_on_the_disk_of_the_data_is_refused_unless_that_is_wanted(place: Place) -> None:
    strict = BackupSettings(place.settings.recipients, place.settings.destinations)
    assert [done.fault for done in place.make(settings=strict)] == [BackupFault.SAME_DISK]
    assert place.names() == []


def test_another_disk_is_taken(place: Place) -> None:
    here = place.data.stat().st_dev
    roots = (Path("/dev/shm"), Path("/"), Path("/proc"))  # noqa: S108 - file systems; nothing is written there
    other = next(root for root in roots if root.is_dir() and root.stat().st_dev != here)
    destination.check_destination(other, place.data, 0, same_disk=False)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (BackupSettings((), ("/mnt",)), BackupFault.NO_RECIPIENT),
        (BackupSettings(("age1no",), ("/mnt",)), BackupFault.RECIPIENT_INVALID),
        (BackupSettings((str(KEY.to_public()),), ()), BackupFault.NO_DESTINATION),
    ],
    ids=lambda value: value.value if isinstance(value, BackupFault) else "",
)
def test_without_a_key_or_a_place_none_is_made(
    place: Place, settings: BackupSettings, fault: BackupFault
) -> None:
    with pytest.raises(BackupError) as caught:
        place.make(settings=settings)
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOSPC, BackupFault.NO_ROOM),
        (errno.EFBIG, BackupFault.TOO_LARGE),
        (errno.EROFS, BackupFault.READ_ONLY),
        (errno.EIO, BackupFault.LOST),
        (errno.ENODEV, BackupFault.LOST),
    ],
    ids=lambda value: value.value if isinstance(value, BackupFault) else "",
)
@pytest.mark.parametrize("step", ["mkstemp", "write", "fsync", "read", "rename"])
def test_a_stick_that_fails_at_any_step_leaves_the_older_backups_and_nothing_half(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str, number: int, fault: BackupFault
) -> None:
    (before,) = place.make()

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(*_STEPS[step], fails)
        (done,) = place.make(night=1)
    assert (done.file, done.fault) == (None, fault)
    assert before.file is not None
    assert place.names() == [Path(before.file).name]
    open_backup(Path(before.file), [KEY], Kind.KIOSK, None)


_STEPS: dict[str, tuple[object, str]] = {
    "mkstemp": (tempfile, "mkstemp"),
    "write": (destination, "seal"),
    "fsync": (os, "fsync"),
    "read": (os, "posix_fadvise"),
    "rename": (Path, "rename"),
}


def test_what_the_device_gives_back_otherwise_than_it_was_written_is_no_backup(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = destination._prove

    def prove(file: Path, sha256: str) -> None:
        with file.open("r+b") as stream:
            stream.seek(1000)
            stream.write(b"rotten")
        real(file, sha256)

    monkeypatch.setattr(destination, "_prove", prove)
    (done,) = place.make()
    assert (done.file, done.fault) == (None, BackupFault.CHANGED)
    assert place.names() == []


def test_too_little_room_is_told_before_anything_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(place.directories[0])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=400_000))
    monkeypatch.setattr(destination, "deliver", None)
    (done,) = place.make()
    assert (done.file, done.fault) == (None, BackupFault.NO_ROOM)


def test_what_a_kill_left_half_goes_at_the_next_backup_and_others_halves_stay(place: Place) -> None:
    script = f"""
import os, sys
from pathlib import Path
from kiosk.backup.destination import deliver
def write(stream):
    stream.write(b"x" * 100_000)
    stream.flush()
    os._exit(9)
deliver(Path({str(place.directories[0])!r}), "keydesk-kiosk-3.1-20260101T000000Z.age", write)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    (half,) = place.names()
    assert half.endswith(".part")
    others = place.directories[0] / ".keydesk-kiosk-3.2-20260101T000000Z.age.x.part"
    others.write_bytes(b"")
    (done,) = place.make()
    assert done.file is not None
    assert place.names() == [others.name, Path(done.file).name]


def test_a_name_that_is_taken_is_never_written_over(place: Place) -> None:
    place.make()
    (again,) = place.make()
    assert (again.file, again.fault) == (None, BackupFault.TAKEN)
    assert len(place.names()) == 1


def test_backups_of_forty_nights_are_rotated_and_the_removed_are_told(place: Place) -> None:
    removed: set[str] = set()
    for night in range(40):
        (done,) = place.make(night)
        assert done.fault is None
        removed.update(done.removed)
    left = [found.path.name for found in backups_in(place.directories[0], OWNER)]
    assert len(left) + len(removed) == 40
    assert 7 <= len(left) <= 7 + 4 + 2
    assert place.names() == sorted(left)


def test_what_another_store_of_the_same_kiosk_wrote_is_never_removed_and_told(place: Place) -> None:
    keep_one = msgspec.structs.replace(place.settings, keep=Keep(1, 0, 0))
    for night in range(3):
        place.make(night, keep_one)
    newer = backup_name(OWNER, MADE + 2 * NIGHT)
    place.own = {
        backup_name(OWNER, MADE + night * NIGHT) for night in range(2)
    }  # as it was put back from then
    (done,) = place.make(3, keep_one)
    assert (done.foreign, done.ahead, done.removed) == ((newer,), (), ())
    assert place.names() == [newer, backup_name(OWNER, MADE + 3 * NIGHT)]


def test_one_that_is_dated_in_the_future_stays_pushes_out_none_and_is_told(place: Place) -> None:
    keep_one = msgspec.structs.replace(place.settings, keep=Keep(1, 0, 0))
    place.make(4000, keep_one)
    for night in range(2):
        (done,) = place.make(night, keep_one)
    assert done.ahead == (backup_name(OWNER, MADE + 4000 * NIGHT),)
    assert done.removed == (backup_name(OWNER, MADE),)


def test_old_ones_that_cannot_be_removed_are_told_beside_the_new_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_one = BackupSettings(
        place.settings.recipients, place.settings.destinations, Keep(1, 0, 0), same_disk=True
    )
    place.make(settings=keep_one)
    monkeypatch.setattr(destination, "remove", _refusing(place.directories[0]))
    (done,) = place.make(1, keep_one)
    assert done.file is not None
    assert done.fault is BackupFault.NOT_WRITABLE


def _refusing(directory: Path) -> Callable[..., None]:
    def remove(*_: object) -> None:
        raise BackupError(BackupFault.NOT_WRITABLE, directory)

    return remove


def test_a_real_limit_of_the_file_system_is_told(place: Place) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from kiosk.backup.destination import deliver
from kiosk.backup.errors import BackupError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    deliver(Path({str(place.directories[0])!r}), "a", lambda stream: stream.write(b"x" * 1_000_000))
except BackupError as error:
    print(error.fault.value)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "too-large\n"
    assert place.names() == []


def test_memory_stays_flat_however_large_the_file(place: Place) -> None:
    script = f"""
import os, resource, sys
from pathlib import Path
import pyrage
from kiosk.backup.destination import deliver
from kiosk.backup.envelope import describe, open_backup, seal
from kiosk.backup.rotation import Kind, Owner
data, stick = Path({str(place.data)!r}), Path({str(place.directories[0])!r})
big = data / "big"
with big.open("wb") as stream:
    stream.truncate(200_000_000)
key = pyrage.x25519.Identity.generate()
members = {{"big": big}}
manifest = describe(Owner(Kind.KIOSK, "1.1"), 0, members)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
written = deliver(stick, "a.age", lambda stream: seal(manifest, members, stream, [key.to_public()]))
open_backup(written.path, [key], Kind.KIOSK, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 40_000  # kilobytes
