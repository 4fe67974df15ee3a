"""A backup put back: opened and proved beside the data directory's files, another incarnation begun in it, then put in their place.

What the file beside the database knows now outlives this: it joins what the backup has, and what it says later counts. A kill at any
moment leaves the centre that was there, or the one that was put back (sync/central/replacement.py). With PostgreSQL the keys and
the dump are put in place, and nobody works before the dump is in a database and `keydesk-central restored` said so.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.disk import flush_folder
from kiosk.backup.destination import require_newest
from kiosk.backup.envelope import open_backup
from kiosk.backup.errors import BackupError
from kiosk.backup.keys import read_identities
from kiosk.backup.replacement import NEW
from kiosk.backup.rotation import Kind
from kiosk.text.command_line import spoken
from sync.central.backups.copying import NAMES
from sync.central.backups.record import disclaim
from sync.central.backups.wording import sentence
from sync.central.backups.working_on import working_on
from sync.central.centre_keys import load_keys
from sync.central.configuration import SQLITE, STANDING, CentreConfiguration
from sync.central.errors import (
    AnotherCentre,
    AnotherEngine,
    BackupFailed,
    CopyUnsound,
    DirectoryAtWork,
    KeysUnusable,
    OthersAtWork,
)
from sync.central.preparing import Occupancy
from sync.central.replacement import RESTORE, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kiosk.backup.envelope import Manifest
    from sync.central.backups.proving import Proof

_INCARNATION = "incarnation"


class Restored(msgspec.Struct, frozen=True):
    """What was put back: made when (UTC seconds), and where the files before it are now, if there were any.

    `proof`, `incarnation` and `taken` (retirements and the like from the file beside the database) are None with PostgreSQL,
    whose database is not put back by this.
    """

    made: int
    aside: Path | None
    proof: Proof | None = None
    incarnation: int | None = None
    taken: int | None = None


def put_back(
    file: Path,
    identity: Path,
    configuration: CentreConfiguration,
    now: int,
    *,
    replaying: bool = True,
    older: bool = False,
) -> Restored:
    """Put a backup in the place of the data directory's files; where this raises, nothing was changed. Once in a process.

    One beside which a newer one of that centre lies is put back only where `older` is wanted.
    Raises BackupFailed, AnotherCentre, AnotherEngine, CopyUnsound, DirectoryAtWork, TablesNewer, KeysUnusable.
    """
    directory = configuration.directory
    try:
        identities = read_identities(identity)
        with _made(directory), _alone(directory):
            finish(directory)
            for left in directory.glob(f".{RESTORE}.*"):
                shutil.rmtree(left)
            with _draft(directory) as draft:
                new = draft / NEW
                new.mkdir(mode=0o700)
                manifest = open_backup(file, identities, Kind.CENTRE, new, NAMES)
                if not older:
                    require_newest(file, manifest)
                _judge(file, new, directory, configuration)
                _join_standings(new, directory)
                restored = _begun(new, manifest, configuration, now, replaying=replaying)
                _settle(draft, directory)
                disclaim(directory)
                draft.rename(directory / RESTORE)
                flush_folder(directory)
            return msgspec.structs.replace(restored, aside=finish(directory))
    except BackupError as error:
        raise BackupFailed(sentence(error)) from error
    except OSError as error:
        raise BackupFailed(
            spoken().text(
                "备份恢复不到 {directory} 里（{why}）", directory=directory, why=error.strerror or error
            )
        ) from error


def _judge(file: Path, new: Path, directory: Path, configuration: CentreConfiguration) -> None:
    """Whether these files belong here. Raises AnotherCentre, AnotherEngine, CopyUnsound."""
    try:
        theirs = load_keys(new)
    except KeysUnusable as error:
        raise CopyUnsound(spoken().text("{file} 里密钥不全", file=file)) from error
    if configuration.database:
        if (new / SQLITE).exists():
            raise AnotherEngine(file, "SQLite", "PostgreSQL")
    elif not (new / SQLITE).exists():
        raise AnotherEngine(file, "PostgreSQL", "SQLite")
    try:
        ours = load_keys(directory)
    except KeysUnusable:
        return  # nothing is there, or keys were lost: the backup has them
    if ours.centre_public_key != theirs.centre_public_key:
        raise AnotherCentre(file, directory)


def _join_standings(new: Path, directory: Path) -> None:
    """Have both say what they know; where they differ, the later line counts, and what stands here now is later."""
    known = [each / STANDING for each in (new, directory) if (each / STANDING).exists()]
    lines = dict.fromkeys(line for each in known for line in each.read_bytes().splitlines() if line)
    (new / STANDING).write_bytes(b"".join(line + b"\n" for line in lines))
    (new / STANDING).chmod(0o600)


def _begun(
    new: Path, manifest: Manifest, configuration: CentreConfiguration, now: int, *, replaying: bool
) -> Restored:
    """Prove what is put back, and begin another incarnation in it. Raises CopyUnsound, TablesNewer."""
    if configuration.database:
        _promise_incarnation(new / STANDING)
        return Restored(manifest.made, None)
    with working_on(new):
        from sync.central.backups.proving import prove  # noqa: PLC0415 - models can be imported only now
        from sync.central.fleet import standing  # noqa: PLC0415
        from sync.central.journal.incarnations import begin_after_restore  # noqa: PLC0415

        proof = prove(replaying=replaying)
        life, taken = begin_after_restore(now)
        standing.require_not_behind()
    return Restored(manifest.made, None, proof, life.number, taken)


def _promise_incarnation(standing: Path) -> None:
    """Have the file name an incarnation that no database has: nobody works with one before `keydesk-central restored`."""
    subjects = [msgspec.json.decode(line).get("subject", "") for line in standing.read_bytes().splitlines()]
    numbers = [int(each.split()[1]) for each in subjects if each.startswith(f"{_INCARNATION} ")]
    line = {"subject": f"{_INCARNATION} {max(numbers, default=1) + 1}", "bits": secrets.token_bytes(8)}
    with standing.open("ab") as stream:
        stream.write(msgspec.json.encode(line) + b"\n")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Be alone in the directory. Raises DirectoryAtWork, KeysUnusable."""
    with closing(Occupancy(directory)) as occupancy:
        try:
            occupancy.take(lambda: True, longest=0.0)
        except OthersAtWork as error:
            raise DirectoryAtWork(directory) from error
        yield


@contextmanager
def _made(directory: Path) -> Iterator[None]:
    """A directory, which is gone again when it was made for something that failed."""
    new = not directory.exists()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if new:
            directory.rmdir()
        raise


@contextmanager
def _draft(directory: Path) -> Iterator[Path]:
    """A new folder there, which the caller renames or which is gone afterwards. Raises OSError."""
    draft = Path(tempfile.mkdtemp(prefix=f".{RESTORE}.", dir=directory))
    try:
        yield draft
    finally:
        if draft.exists():
            shutil.rmtree(draft)


def _settle(draft: Path, directory: Path) -> None:
    """Have all of it on the disk, and belong to whom the data directory belongs to."""
    owner = directory.stat()
    for each in (draft, *draft.rglob("*")):
        if os.geteuid() == 0:
            os.chown(each, owner.st_uid, owner.st_gid)
        if each.is_file():
            each.chmod(0o600)
            with each.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            flush_folder(each)
