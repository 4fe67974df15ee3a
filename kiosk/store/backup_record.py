"""The record of a kiosk's backups in its store: status, doctor and the nightly run show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.backup.standing import BackupRecord, BackupReport, OwnBackups, noted
from kiosk.store.rows import Codec, Singleton

if TYPE_CHECKING:
    from sqlite3 import Connection

_RECORD, _OWN = Codec(BackupRecord), Codec(OwnBackups)


class BackupTable:
    """The record of backups: the last attempt, and the names of those that this store made.

    What a store that was put back has here is what it had then: backups that were made after the copy are none of its own.
    """

    def __init__(self, connection: Connection, path: Path) -> None:
        self._record = Singleton(connection, path, "backup", _RECORD)
        self._own = Singleton(connection, path, "backup-own", _OWN)

    def get(self) -> BackupRecord | None:
        """The record; None before the first attempt."""
        return self._record.get()

    def note(self, report: BackupReport) -> None:
        """Record an attempt."""
        self._record.put(noted(self._record.get(), report))

    def own(self) -> frozenset[str]:
        """The names of the backups that this store made."""
        return frozenset((self._own.get() or OwnBackups()).names)

    def claim(self, name: str) -> None:
        """Record that this store makes a backup of that name; what it will hold is a copy that was made before."""
        self._own.put((self._own.get() or OwnBackups()).claimed(name))
