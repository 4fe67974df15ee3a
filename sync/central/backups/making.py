"""A backup to every destination: the copy is proved before it is sealed, and what was written is read back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from kiosk.backup.destination import check_settings, deposit_everywhere
from kiosk.backup.envelope import describe
from kiosk.backup.errors import BackupError
from kiosk.backup.rotation import Kind, Owner, backup_name
from kiosk.backup.scratch import scratch
from kiosk.backup.standing import BackupReport
from kiosk.text.command_line import spoken
from sync.central.backups.copying import copy_centre
from sync.central.backups.record import claim, note
from sync.central.backups.wording import sentence
from sync.central.backups.working_on import working_on
from sync.central.centre_keys import load_keys
from sync.central.configuration import SQLITE
from sync.central.errors import BackupFailed, CentreError, CopyUnsound, NothingToBackUp
from sync.central.preparing import Occupancy, is_centre

if TYPE_CHECKING:
    from pathlib import Path

    from kiosk.backup.records import BackupSettings
    from sync.central.backups.proving import Proof
    from sync.central.configuration import CentreConfiguration

_SCRATCH = "backup.scratch"
_IDENTITY = 12  # hex digits of the centre's public key


class Backup(msgspec.Struct, frozen=True):
    """A backup that was made; `proof` is None where the database is not in it, or PostgreSQL's."""

    report: BackupReport
    proof: Proof | None


class Wanted(msgspec.Struct, frozen=True):
    """What a backup holds and how it is proved: without the database, or without a replay of the journals."""

    keys_only: bool = False
    replaying: bool = True


def back_up(configuration: CentreConfiguration, settings: BackupSettings, now: int, wanted: Wanted) -> Backup:
    """Back the centre up to every destination now, rotate, and record it; the centre may work meanwhile.

    Once in a process. Raises BackupFailed, NothingToBackUp, CopyUnsound, DumpFailed, KeysUnusable; what failed is on record.
    """
    directory = configuration.directory
    if not is_centre(directory):
        raise NothingToBackUp(directory)
    with closing(Occupancy(directory)) as occupancy:
        occupancy.share()
        occupancy.settle()
        try:
            made = _made(configuration, settings, now, wanted)
        except CentreError as error:
            note(directory, BackupReport(now, detail=str(error)))
            raise
        note(directory, made.report)
    return made


def owner_of(directory: Path, *, keys_only: bool = False) -> Owner:
    """Whose backups a centre's are; those of the keys alone must not take the place of whole ones. Raises KeysUnusable."""
    identity = load_keys(directory).centre_public_key.hex()[:_IDENTITY]
    return Owner(Kind.CENTRE, f"{identity}.keys" if keys_only else identity)


def _made(configuration: CentreConfiguration, settings: BackupSettings, now: int, wanted: Wanted) -> Backup:
    directory = configuration.directory
    try:
        check_settings(settings)
        with scratch(directory / _SCRATCH) as room:
            copy = room / "copy"
            copy.mkdir(mode=0o700)
            copy_centre(configuration, copy, keys_only=wanted.keys_only)
            members = {each.name: each for each in sorted(copy.iterdir())}
            manifest = describe(owner_of(directory, keys_only=wanted.keys_only), now, members)
            proof = None
            if (copy / SQLITE).exists():
                proof = _proved(copy, room / "proof", replaying=wanted.replaying)
            own = claim(directory, backup_name(manifest.owner, now))
            deposits = deposit_everywhere(settings, manifest, members, directory, own)
            return Backup(BackupReport(now, deposits), proof)
    except BackupError as error:
        raise BackupFailed(sentence(error)) from error
    except sqlite3.Error as error:
        raise CopyUnsound(str(error)) from error
    except OSError as error:
        raise BackupFailed(
            spoken().text(
                "在 {directory} 里做不成副本（{why}）", directory=directory, why=error.strerror or error
            )
        ) from error


def _proved(copy: Path, place: Path, *, replaying: bool) -> Proof:
    """Prove a copy in another folder, where its tables may be brought up to date. Raises CopyUnsound, TablesNewer."""
    shutil.copytree(copy, place)
    with working_on(place):
        from sync.central.backups.proving import prove  # noqa: PLC0415 - models can be imported only now

        found = prove(replaying=replaying)
    shutil.rmtree(place)
    return found
