"""A kiosk's encrypted backups: a proven copy of its store with the key, to every destination that is configured.

The kiosk has only the public keys, so it cannot open what it made: the copy is proved before it is sealed, and the file is
read back as it was written. `keydesk restore` opens it, with the key that is kept offline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.backup.destination import check_settings, deposit_everywhere, require_newest
from kiosk.backup.envelope import Source, describe, open_backup
from kiosk.backup.errors import BackupError, BackupFault
from kiosk.backup.records import BackupSettings
from kiosk.backup.rotation import Kind, Owner, backup_name
from kiosk.backup.scratch import scratch
from kiosk.backup.standing import BackupReport
from kiosk.store import copies, keyfile
from kiosk.store.copies import Restored, made, make_copy, put_back
from kiosk.store.errors import CopyRefused, DiskFull, StoreError
from kiosk.store.location import DATABASE, KEY_FILE, open_database
from kiosk.store.occupancy import Waiting, wait_silently
from kiosk.store.sealing.ways import Asking, ask_nobody

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

    from kiosk.store.database import Database
    from kiosk.store.transaction import Identity as KioskIdentity

_SCRATCH = "keydesk.backup"


def back_up(
    directory: Path,
    settings: BackupSettings,
    now: int,
    waiting: Waiting = wait_silently,
    asking: Asking = ask_nobody,
) -> BackupReport:
    """Back a data directory up to every destination now, rotate, and record it; the desk may work meanwhile.

    What fails is in the report; nothing is raised but programming errors.
    """
    try:
        check_settings(settings)
        with closing(open_database(directory, waiting=waiting, asking=asking)) as database:
            key = keyfile.load(directory / KEY_FILE, asking=asking)
            report = _backed_up(database, key, directory, settings, now, waiting)
            with database.write() as tx:
                tx.backups.note(report)
    except (BackupError, StoreError, OSError) as error:
        return _failed(now, error)
    return report


def _backed_up(
    database: Database, key: bytes, directory: Path, settings: BackupSettings, now: int, waiting: Waiting
) -> BackupReport:
    try:
        with database.read() as tx:
            identity, own = tx.identity, tx.backups.own()
        if identity is None:
            return _failed(now, BackupError(BackupFault.NOT_ENROLLED, directory))
        with scratch(directory / _SCRATCH) as room:
            found = make_copy(directory, room / "copy", with_key=False, waiting=waiting)
            members: dict[str, Source] = {
                DATABASE: room / "copy" / DATABASE,
                KEY_FILE: keyfile.content(key),
            }
            manifest = describe(owner_of(identity), now, members, found.tip)
            with database.write() as tx:
                tx.backups.claim(backup_name(manifest.owner, now))
            deposits = deposit_everywhere(settings, manifest, members, directory, own)
            return BackupReport(now, deposits, found.tip)
    except (BackupError, StoreError, OSError) as error:
        return _failed(now, error)


def restore(
    file: Path,
    identities: Sequence[Identity],
    directory: Path,
    *,
    leave_unsent: bool,
    older: bool = False,
    asking: Asking = ask_nobody,
) -> Restored:
    """Put a backup back, as `put_back` does with a copy; then nothing was changed where it raises.

    One beside which a newer one of that kiosk lies is put back only where `older` is wanted.
    Raises BackupError, DirectoryInUse, CopyRefused, StoreError, OSError.
    """
    with _workroom(directory) as room, _opened(file, identities, room, newest=not older) as copy:
        return put_back(copy, directory, leave_unsent=leave_unsent, asking=asking)


@contextmanager
def taken(
    copy: Path, identities: Sequence[Identity], directory: Path, asking: Asking = ask_nobody
) -> Iterator[tuple[Restored, Database]]:
    """A copy, or a backup where there are `identities`, proved and open; in a folder of the data directory meanwhile.

    Nothing of it is put back. Raises BackupError, CopyRefused, StoreError, OSError.
    """
    with (
        _workroom(directory) as room,
        _opened(copy, identities, room) as files,
        copies.taken(files, directory, room, asking) as (found, database),
    ):
        yield found, database


def check(
    copy: Path, identities: Sequence[Identity], directory: Path, asking: Asking = ask_nobody
) -> Restored:
    """Prove a copy, or a backup where there are `identities`. Raises as `taken`."""
    with taken(copy, identities, directory, asking) as (found, _):
        return found


@contextmanager
def _opened(
    file: Path, identities: Sequence[Identity], room: Path, *, newest: bool = False
) -> Iterator[Path]:
    """A backup's files as a copy; what is not encrypted is one already. Raises BackupError, StoreError, OSError."""
    if not identities:
        yield file
        return
    copy = room / "opened"
    copy.mkdir(mode=0o700)
    manifest = open_backup(file, identities, Kind.KIOSK, copy, (DATABASE, KEY_FILE))
    if newest:
        require_newest(file, manifest)
    try:
        yield copy
    except CopyRefused as error:
        raise CopyRefused(file, error.reason, error.found, error.wanted) from error


@contextmanager
def _workroom(directory: Path) -> Iterator[Path]:
    """A scratch folder in a data directory, which is gone again when that was made for something that failed."""
    with made(directory) as new, scratch(directory / _SCRATCH, passing=new) as room:
        yield room


def owner_of(identity: KioskIdentity) -> Owner:
    """Whose backups a kiosk's are: each of its machines has its own, since what one did not send lies nowhere else."""
    return Owner(Kind.KIOSK, f"{identity.kiosk}.{identity.machine}")


def _failed(now: int, error: BackupError | StoreError | OSError) -> BackupReport:
    if isinstance(error, BackupError):
        return BackupReport(now, fault=error.fault, place=str(error.place), detail=error.detail)
    fault = BackupFault.NO_ROOM_HERE if isinstance(error, DiskFull) else BackupFault.UNSOUND
    return BackupReport(now, fault=fault, detail=str(error))
