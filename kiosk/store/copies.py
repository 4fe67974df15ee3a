"""Copies of a data directory: made while the desk works, and put back whole while it does not.

A copy is a directory with the database and, unless it was made without, its key. Any copy of both files does as well,
with SQLite's log (`-wal`) beside them. What is put back is proved first: pages, chain, and the tables against the
journal; and it begins an epoch before its next entry, since nobody knows what was given out after the copy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.disk import create_durably, flush_folder
from kiosk.backup.replacement import NEW
from kiosk.store import key_derivation, keyfile
from kiosk.store.database import Database
from kiosk.store.errors import (
    CopyRefusal,
    CopyRefused,
    DiskFull,
    KeyClosed,
    KeyFileInvalid,
    StoreCorrupt,
    StoreError,
    StoreNewer,
)
from kiosk.store.location import DATABASE, KEY_FILE, RESTORE, finish_restore, open_database
from kiosk.store.occupancy import Occupancy, Waiting, wait_silently
from kiosk.store.sealing.ways import Asking, ask_nobody
from kiosk.store.shortage import refused_by_system
from kiosk.store.verify import Verification, verify

if TYPE_CHECKING:
    from kiosk.store.journal import JournalTable
    from kiosk.store.transaction import Identity, Transaction

_LOG = "-wal"
_PIECE = 1 << 20


class Restored(msgspec.Struct, frozen=True):
    """What was put back; `aside` is the directory with what stood there before.

    `latest` is when its last entry was written (UTC seconds), `before` how many entries the journal had that stood there;
    None where there was none, or none that could be read. `rebuilt` when the tables were written anew from the journal.
    """

    kiosk: int
    machine: int
    entries: int
    latest: int
    rebuilt: bool
    before: int | None
    aside: Path | None


class _Present(msgspec.Struct, frozen=True):
    """The store that is to be replaced: its last entry, and the last of those that are elsewhere as well."""

    identity: Identity | None
    last: int
    kept: int


def make_copy(
    directory: Path,
    copy: Path,
    *,
    with_key: bool,
    waiting: Waiting = wait_silently,
    asking: Asking = ask_nobody,
) -> Verification:
    """Copy a data directory's store into the new directory `copy`, and prove the copy before it has its name.

    Raises CopyRefused, StoreError, OSError; nothing is left of a copy then.
    """
    if copy.exists():
        raise CopyRefused(copy, CopyRefusal.EXISTS)
    with closing(open_database(directory, waiting=waiting, asking=asking)) as database:
        key = keyfile.load(directory / KEY_FILE, asking=asking)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with _draft(copy.parent, f".{copy.name}.", copy) as draft:
            database.copy_to(draft / DATABASE)
            with closing(Database.open(draft / DATABASE, key)) as copied:
                found = verify(copied)
            if not found.intact:
                raise StoreCorrupt(directory / DATABASE, found.flaw)
            if with_key:
                keyfile.save(draft / KEY_FILE, key)
            _flush(draft)
            draft.rename(copy)
            flush_folder(copy.parent)
    return found


def put_back(
    copy: Path, directory: Path, *, leave_unsent: bool = False, asking: Asking = ask_nobody
) -> Restored:
    """Put a copy, a directory or a database's file, in the place of a data directory's store.

    Whatever stood there is kept aside in the data directory. A kill at any moment leaves the store that was there, or the
    copy. Entries of a present journal that is whole and that only this machine has are left behind if that is wanted.
    Raises DirectoryInUse, CopyRefused, StoreError, OSError; then nothing was changed.
    """
    file, kept = _source(copy, directory)
    key = keyfile.load(kept, private=False, asking=asking)
    with made(directory), closing(Occupancy(directory)) as occupancy:
        occupancy.take()
        finish_restore(directory)
        for left in directory.glob(f".{RESTORE}.*"):
            shutil.rmtree(left)
        with _draft(directory, f".{RESTORE}.", directory) as draft:
            restored = _prepared(copy, file, (kept, key), draft, directory, leave_unsent=leave_unsent)
            draft.rename(directory / RESTORE)
            flush_folder(directory)
        return msgspec.structs.replace(restored, aside=finish_restore(directory))


@contextmanager
def taken(
    copy: Path, directory: Path, scratch: Path, asking: Asking = ask_nobody
) -> Iterator[tuple[Restored, Database]]:
    """A copy, proved as if it were put back, and open; it lies in `scratch` meanwhile, and nothing changes where it came from.

    A key that is not with it may be that of `directory`. Raises CopyRefused, StoreError, OSError.
    """
    file, kept = _source(copy, directory)
    key = keyfile.load(kept, private=False, asking=asking)
    with _draft(scratch, f".{RESTORE}.", scratch) as draft:
        found = _prepared(copy, file, (kept, key), draft, scratch, leave_unsent=True)
        with closing(Database.open(draft / NEW / DATABASE, key)) as database:
            yield found, database


def _source(copy: Path, directory: Path) -> tuple[Path, Path]:
    """The database's file of a copy, and the file with its key: the present one, as it is sealed, where it fits. Raises CopyRefused."""
    try:
        if not copy.exists():
            raise CopyRefused(copy, CopyRefusal.MISSING)
        file = copy / DATABASE if copy.is_dir() else copy
        if not file.is_file():
            raise CopyRefused(copy, CopyRefusal.NO_COPY)
        if (directory / DATABASE).exists() and file.samefile(directory / DATABASE):
            raise CopyRefused(copy, CopyRefusal.PRESENT)
        with file.open("rb") as stream:
            salt = stream.read(key_derivation.SALT_LENGTH)
    except OSError as error:
        raise CopyRefused(copy, CopyRefusal.UNREADABLE, error.strerror) from error
    if not salt.startswith(key_derivation.MARK):
        raise CopyRefused(copy, CopyRefusal.NO_COPY)
    for place in (directory, file.parent):
        try:
            fits = keyfile.is_of(place / KEY_FILE, salt)
        except (KeyFileInvalid, OSError):
            continue  # the other place may have it
        if fits:
            return file, place / KEY_FILE
    raise CopyRefused(copy, CopyRefusal.WITHOUT_KEY)


def _prepared(
    copy: Path, file: Path, kept: tuple[Path, bytes], draft: Path, directory: Path, *, leave_unsent: bool
) -> Restored:
    """Make what is put back in `draft`. Raises CopyRefused, StoreError, OSError."""
    new = draft / NEW
    new.mkdir(mode=0o700)
    for suffix in ("", _LOG):
        _copied(copy, file.with_name(f"{file.name}{suffix}"), new / f"{DATABASE}{suffix}")
    key_file, key = kept
    create_durably(new / KEY_FILE, key_file.read_bytes())
    try:
        with closing(Database.open(new / DATABASE, key)) as database:
            found = verify(database, rebuild=True)
            if found.broken is not None:
                raise CopyRefused(copy, CopyRefusal.BROKEN_CHAIN, found.broken.sequence)
            if not found.intact:
                raise CopyRefused(copy, CopyRefusal.DAMAGED, found.flaw)
            with database.write() as tx:
                present = _present(directory, tx.journal, leave_unsent=leave_unsent)
                restored = _judged(copy, tx, found, present, leave_unsent=leave_unsent)
                tx.note_put_back()
    except StoreNewer as error:
        raise CopyRefused(copy, CopyRefusal.NEWER, error.found, error.known) from error
    except StoreCorrupt as error:
        raise CopyRefused(copy, CopyRefusal.DAMAGED, error.what) from error
    _flush(new)
    _given_to_the_owner(draft, directory)
    flush_folder(draft)
    return restored


def _judged(
    copy: Path, tx: Transaction, found: Verification, present: _Present | None, *, leave_unsent: bool
) -> Restored:
    """What is put back. Raises CopyRefused where it does not belong here, or where entries would be lost."""
    identity, tip = tx.identity, found.tip
    if identity is None or tip is None:
        raise CopyRefused(copy, CopyRefusal.NOT_ENROLLED)
    ours = None if present is None else present.identity
    if ours is not None and ours.kiosk != identity.kiosk:
        raise CopyRefused(copy, CopyRefusal.ANOTHER_KIOSK, identity.kiosk, ours.kiosk)
    if ours is not None and ours.machine != identity.machine:
        raise CopyRefused(copy, CopyRefusal.ANOTHER_MACHINE, identity.machine, ours.machine)
    if present is not None and present.kept < present.last and not leave_unsent:
        raise CopyRefused(copy, CopyRefusal.UNSENT, present.last - present.kept)
    return Restored(
        kiosk=identity.kiosk,
        machine=identity.machine,
        entries=found.entries,
        latest=tx.journal.latest_wall(tip.sequence) or 0,
        rebuilt=found.rebuilt,
        before=None if present is None else present.last,
        aside=None,
    )


def _present(directory: Path, copied: JournalTable, *, leave_unsent: bool) -> _Present | None:
    """The store that stands in a data directory; None where there is none, or none that can be read.

    Raises KeyClosed where it is sealed, unless what it alone has is to be left behind.
    """
    try:
        key = keyfile.load(directory / KEY_FILE)
        with closing(Database.open(directory / DATABASE, key)) as database, database.read() as tx:
            last = tx.journal.count()
            kept = max(tx.agent.get().high_water, _common(tx.journal, copied, min(last, copied.count())))
            return _Present(tx.identity, last, kept)
    except KeyClosed:
        if not leave_unsent:
            raise
        return None
    except (StoreError, OSError):
        return None


def _common(one: JournalTable, other: JournalTable, last: int) -> int:
    """Up to which sequence two journals are the same, no further than `last`."""
    first = 0
    while first < last:
        middle = (first + last + 1) // 2
        if one.hash_at(middle) == other.hash_at(middle):
            first = middle
        else:
            last = middle - 1
    return first


@contextmanager
def made(directory: Path) -> Iterator[bool]:
    """A directory, and whether it is new; it is gone again when it was made for something that failed and is empty."""
    new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield new
    except BaseException:
        if new:
            with suppress(OSError):  # what failed is told, not that the agent's log lies there by now
                directory.rmdir()
        raise


@contextmanager
def _draft(parent: Path, prefix: str, meant: Path) -> Iterator[Path]:
    """A new folder in `parent`, which the caller renames or which is gone afterwards. Raises DiskFull, OSError."""
    try:
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            yield draft
        finally:
            if draft.exists():
                shutil.rmtree(draft)
    except DiskFull as error:
        raise type(error)(meant) from error
    except OSError as error:
        refused = refused_by_system(meant, error)
        if isinstance(refused, DiskFull):
            raise refused from error
        raise


def _copied(copy: Path, source: Path, target: Path) -> None:
    """Copy a file, readable by its owner alone; SQLite's log may be absent. Raises CopyRefused, OSError."""
    try:
        stream = source.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise CopyRefused(copy, CopyRefusal.UNREADABLE, error.strerror) from error
    with stream, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        while piece := _read(copy, stream.read):
            written.write(piece)


def _read(copy: Path, read: Callable[[int], bytes]) -> bytes:
    try:
        return read(_PIECE)
    except OSError as error:
        raise CopyRefused(copy, CopyRefusal.UNREADABLE, error.strerror) from error


def _flush(folder: Path) -> None:
    """Have a folder's files on the disk."""
    for file in folder.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    flush_folder(folder)


def _given_to_the_owner(folder: Path, directory: Path) -> None:
    """Let files that root made belong to whom the data directory belongs to."""
    if os.geteuid() == 0:
        owner = directory.stat()
        for each in (folder, *folder.rglob("*")):
            os.chown(each, owner.st_uid, owner.st_gid)
