"""Where backups lie: a directory off the disk, as a stick or a share.

One backup goes to every destination that is configured; what fails at one stops no other, and is told as data.
A file appears there under its name when all of it is on the device and was read back. What a pulled stick left half has
another name, and goes at the next backup.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hardware.disk import flush_folder, make_private
from kiosk.backup.envelope import Manifest, Source, seal
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.keys import read_recipients
from kiosk.backup.records import BackupSettings, Deposit
from kiosk.backup.rotation import Owner, backup_name, dated_ahead, superfluous, time_in_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PIECE = 1 << 20
_MEGABYTE = 1_000_000
_HALF = ".part"
_FAULTS = {
    errno.ENOSPC: BackupFault.NO_ROOM,
    errno.EDQUOT: BackupFault.NO_ROOM,
    errno.EFBIG: BackupFault.TOO_LARGE,
    errno.EROFS: BackupFault.READ_ONLY,
    errno.EACCES: BackupFault.NOT_WRITABLE,
    errno.EPERM: BackupFault.NOT_WRITABLE,
}
_MARGIN = 1 << 20  # what age, tar and the manifest add, generously
_OVERHEAD = 1000  # age adds 16 bytes to each 64 KiB
_NO_FLUSH = {errno.EINVAL, errno.ENOTSUP}  # file systems of the network that flush no folders


class Written(NamedTuple):
    """A file that was written and read back; `sha256` in hex."""

    path: Path
    size: int
    sha256: str


class Found(NamedTuple):
    """A backup that lies somewhere; `made` in UTC seconds, as its name has it."""

    path: Path
    made: int


def check_settings(settings: BackupSettings) -> None:
    """Whether a backup can be made by these settings at all. Raises BackupError."""
    read_recipients(settings.recipients)
    if not settings.destinations:
        raise BackupError(BackupFault.NO_DESTINATION)


def deposit_everywhere(
    settings: BackupSettings,
    manifest: Manifest,
    members: Mapping[str, Source],
    data: Path,
    own: Collection[str],
) -> tuple[Deposit, ...]:
    """Write a backup of these files to every destination, and rotate. Raises BackupError as `check_settings`.

    `data` is what it must not share a disk with, `own` the names that the store gave to backups before: only these are ever
    removed, since what another one wrote may hold what this one lacks. The caller sees to it that no other backup of the same owner is made
    meanwhile, and that the files are proved and change no more.
    """
    check_settings(settings)
    places = settings.directories
    return tuple(
        _deposit(settings, manifest, members, data, place, own, places[:before])
        for before, place in enumerate(places)
    )


def _deposit(
    settings: BackupSettings,
    manifest: Manifest,
    members: Mapping[str, Source],
    data: Path,
    directory: Path,
    own: Collection[str],
    before: Sequence[Path],
) -> Deposit:
    done = Deposit(str(directory))
    needed = manifest.size + manifest.size // _OVERHEAD + _MARGIN
    name = backup_name(manifest.owner, manifest.made)
    try:
        check_destination(directory, data, 0, same_disk=settings.same_disk)
        _require_another(directory, before, same_disk=settings.same_disk)
        clear_halves(directory, manifest.owner)
        check_destination(directory, data, needed, same_disk=settings.same_disk)
        recipients = read_recipients(settings.recipients)
        written = deliver(directory, name, lambda stream: seal(manifest, members, stream, recipients))
        done = Deposit(done.directory, str(written.path), written.size, written.sha256)
        names = {found.path.name for found in backups_in(directory, manifest.owner)}
        make_private(*(directory / each for each in names.intersection(own)))
        ahead = dated_ahead(manifest.owner, names, manifest.made)
        foreign = tuple(sorted(names - {name, *own, *ahead}))
        done = msgspec.structs.replace(done, foreign=foreign, ahead=ahead)
        going = superfluous(manifest.owner, names & {name, *own}, settings.keep, name, manifest.made)
        remove(directory, going)
    except BackupError as error:
        return msgspec.structs.replace(done, fault=error.fault, detail=error.detail)
    return msgspec.structs.replace(done, removed=going)


def check_destination(directory: Path, data: Path, needed: int, *, same_disk: bool) -> None:
    """Whether a backup of so many bytes can go there. Raises BackupError.

    A directory on the disk of `data` is refused unless `same_disk`: it is no help when the disk is lost, and mostly a stick that
    is not mounted.
    """
    with _told(directory):
        if not directory.is_dir():
            there = directory.exists()
            fault = BackupFault.DESTINATION_NO_DIRECTORY if there else BackupFault.DESTINATION_MISSING
            raise BackupError(fault, directory)
        if not same_disk and directory.stat().st_dev == data.stat().st_dev:
            raise BackupError(BackupFault.SAME_DISK, directory)
        usage = shutil.disk_usage(directory)
        if usage.total < needed:
            raise BackupError(BackupFault.TOO_SMALL, directory, f"{needed / _MEGABYTE:.1f} MB")
        if usage.free < needed:
            raise BackupError(BackupFault.NO_ROOM, directory)


def _require_another(directory: Path, before: Sequence[Path], *, same_disk: bool) -> None:
    """Whether it is neither one of the destinations before it nor, unless `same_disk`, on the device of one.

    Raises BackupError.
    """
    with _told(directory):
        here = directory.stat()
        for other in before:
            if not other.is_dir():
                continue
            there = other.stat()
            one_device = here.st_dev == there.st_dev
            if one_device and (not same_disk or here.st_ino == there.st_ino):
                raise BackupError(BackupFault.DESTINATION_TWICE, directory, str(other))


def deliver(directory: Path, name: str, write: Callable[[io.BufferedIOBase], None]) -> Written:
    """Have a new file written in the directory, read it back, and give it its name. Raises BackupError."""
    path = directory / name
    with _told(directory):
        if path.exists():
            raise BackupError(BackupFault.TAKEN, path)
        descriptor, half = tempfile.mkstemp(prefix=f".{name}.", suffix=_HALF, dir=directory)
        draft = Path(half)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                hashing = _Hashing(stream)
                write(hashing)
                stream.flush()
                os.fsync(stream.fileno())
            size, sha256 = hashing.size, hashing.digest.hexdigest()
            _prove(draft, sha256)
            draft.rename(path)  # a link would do without a race, but sticks have none
            _flush(directory)
        except BaseException:
            with contextlib.suppress(OSError):  # a stick that is gone keeps its half until the next backup
                draft.unlink()
            raise
    return Written(path, size, sha256)


def _prove(file: Path, sha256: str) -> None:
    """Read a file as the device has it: what the system remembers of it is dropped first. Raises BackupError, OSError."""
    with file.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
            raise BackupError(BackupFault.CHANGED, file.parent)


def _flush(directory: Path) -> None:
    try:
        flush_folder(directory)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


def backups_in(directory: Path, owner: Owner) -> list[Found]:
    """The owner's backups there, the newest last; none where the directory is not there. Raises BackupError."""
    with _told(directory):
        if not directory.is_dir():
            return []
        times = ((time_in_name(owner, each.name), each) for each in directory.iterdir())
        return sorted(
            (Found(path, made) for made, path in times if made is not None), key=lambda found: found.made
        )


def require_newest(file: Path, manifest: Manifest) -> None:
    """Whether no newer backup of the same owner lies beside one that was opened. Raises BackupError."""
    newest = max(backups_in(file.parent, manifest.owner), key=lambda found: found.made, default=None)
    if newest is not None and newest.made > manifest.made:
        raise BackupError(BackupFault.OLDER, file, newest.path.name)


def remove(directory: Path, names: tuple[str, ...]) -> None:
    """Remove backups that are superfluous. Raises BackupError."""
    with _told(directory):
        for name in names:
            (directory / name).unlink(missing_ok=True)
        _flush(directory)


def clear_halves(directory: Path, owner: Owner) -> None:
    """Remove what earlier backups of the owner left half; nobody else makes one there now. Raises BackupError."""
    with _told(directory):
        for each in directory.glob(f".keydesk-{owner.kind}-{owner.identity}-*{_HALF}"):
            each.unlink(missing_ok=True)


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    """The system's refusals as those of the destination."""
    try:
        yield
    except OSError as error:
        fault = _FAULTS.get(error.errno or 0, BackupFault.LOST)
        raise BackupError(fault, directory, error.strerror or str(error)) from error


class _Hashing(io.BufferedIOBase):
    """A file that hashes what is written to it."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: ReadableBuffer, /) -> int:
        self.digest.update(data)
        self.size += memoryview(data).nbytes
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()
