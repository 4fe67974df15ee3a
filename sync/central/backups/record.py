"""The record of the centre's backups, in files of the data directory: the console and `doctor` of this machine show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hardware.disk import write_durably
from kiosk.backup.standing import BackupRecord, BackupReport, OwnBackups, noted

if TYPE_CHECKING:
    from pathlib import Path

FILE = "backups.json"
_OWN = "backups-made.json"


def read_record(directory: Path) -> BackupRecord | None:
    """The record of a data directory; None before the first attempt, or where it cannot be read."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=BackupRecord)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def note(directory: Path, report: BackupReport) -> None:
    """Record an attempt. Raises OSError."""
    write_durably(directory / FILE, msgspec.json.encode(noted(read_record(directory), report)))


def claim(directory: Path, name: str) -> frozenset[str]:
    """Record that a backup of that name is made of what is there now; the names that were given before. Raises OSError."""
    file = directory / _OWN
    try:
        own = msgspec.json.decode(file.read_bytes(), type=OwnBackups)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        own = OwnBackups()  # then older backups stay until a person removes them
    write_durably(file, msgspec.json.encode(own.claimed(name)))
    return frozenset(own.names)


def disclaim(directory: Path) -> None:
    """Let none of the backups that were made before be of what is there from now on: it was put back. Raises OSError."""
    (directory / _OWN).unlink(missing_ok=True)
