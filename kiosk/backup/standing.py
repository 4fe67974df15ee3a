"""How it stands with the backups of a kiosk or of the centre (pure): what became of the last, and how old the newest is."""

from __future__ import annotations

import enum

import msgspec

from kiosk.backup.errors import BackupFault
from kiosk.backup.records import BackupSettings, Deposit
from kiosk.backup.rotation import is_ahead
from kiosk.domain.entries.body import Tip
from kiosk.domain.policy import DAY

_KEPT_NAMES = 4000  # of ten years; a backup that is older stays until a person removes it


class BackupReport(msgspec.Struct, frozen=True):
    """What became of one backup: made when (UTC seconds), how it went at each destination, and where its journal ends.

    Where none could be made at all there are no deposits: then `fault` and `place` say why, or `detail` alone does.
    """

    made: int
    deposits: tuple[Deposit, ...] = ()
    tip: Tip | None = None
    fault: BackupFault | None = None
    place: str = ""
    detail: str = ""

    @property
    def arrived(self) -> bool:
        """Whether it lies at one destination at least."""
        return any(each.file is not None for each in self.deposits)

    @property
    def well(self) -> bool:
        """Whether it lies at every destination and nothing needs a person."""
        return self.arrived and self.fault is None and all(each.fault is None for each in self.deposits)


class BackupRecord(msgspec.Struct, frozen=True):
    """The last attempt, and when the newest backup was made that arrived somewhere (UTC seconds)."""

    last: BackupReport
    newest: int | None = None


def noted(record: BackupRecord | None, report: BackupReport) -> BackupRecord:
    """The record after another attempt; one that arrived nowhere leaves the newest backup as it was."""
    before = None if record is None else record.newest
    return BackupRecord(report, report.made if report.arrived else before)


class OwnBackups(msgspec.Struct, frozen=True):
    """The names of the backups that one store made, the newest last; these alone it may remove."""

    names: tuple[str, ...] = ()

    def claimed(self, name: str) -> OwnBackups:
        """The names once the store makes another."""
        return OwnBackups((*(each for each in self.names if each != name), name)[-_KEPT_NAMES:])


class BackupState(enum.StrEnum):
    """How it stands with backups."""

    FRESH = "fresh"
    FAILING = "failing"
    """The newest is young enough, but the last attempt did not go well everywhere."""
    STALE = "stale"
    AHEAD = "ahead"
    """The newest, or one beside it, is dated in the future: a clock was wrong, and its age says nothing."""
    MISSING = "missing"
    NOT_CONFIGURED = "not-configured"


def state(settings: BackupSettings, record: BackupRecord | None, now: int) -> BackupState:
    """How it stands; `now` is UTC seconds."""
    if record is None or record.newest is None:
        wanted = settings.is_configured or record is not None
        return BackupState.MISSING if wanted else BackupState.NOT_CONFIGURED
    if is_ahead(record.newest, now) or any(each.ahead for each in record.last.deposits):
        return BackupState.AHEAD
    if now - record.newest > settings.stale * DAY:
        return BackupState.STALE
    return BackupState.FRESH if record.last.well else BackupState.FAILING
