"""The night's work of a kiosk (pure): which night it is, whether its work is due, how many were missed, and its report.

A night is named by the number of its day in China since 1970; it begins at the kiosk's time of day, and each kiosk's work a
little later, so that a fleet does not come to the centre at once. Times are UTC seconds, the time of day minutes.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Collection

import msgspec

DAY = 86_400
HOUR = 3600
USUAL_AT = 150
"""02:30, in minutes of the day in China."""
SPREAD = 30 * 60
"""Within how many seconds after the time of day the kiosks begin."""
LATE = 4 * HOUR
"""How long after its time a night without a report counts as missed."""
ALARMING = 2
"""So many missed nights are an alarm."""
KEPT_REPORTS = 30
OFFLINE_PATIENCE = 120
"""Seconds for which a run that is due waits for the centre."""
DESK_PATIENCE = HOUR
"""Seconds for which it waits while members are served."""
QUIET = 300
"""Seconds after the journal's last entry from which on nobody is being served."""
_FIRST_PAUSE = 600
_LONGEST_PAUSE = 4 * HOUR
_CHINA_AHEAD = 8 * HOUR  # kiosk.domain.validity.CHINA_TIME, which has no summer time


BACKUP_REASON = "backup:"


class NightStep(enum.StrEnum):
    """The steps of a night's work, in their order; none of them stops another."""

    DRAIN = "drain"
    """Upload everything, apply the whole feed."""
    PAGES = "pages"
    """Check the database's pages."""
    VERIFY = "verify"
    """Check the journal's chain, and the tables against it."""
    BACKUP = "backup"
    PRUNE = "prune"
    EXPIRING = "expiring"
    """List the keys that end soon."""


class StepOutcome(enum.StrEnum):
    """How a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class StepReason(enum.StrEnum):
    """Why a step was skipped or failed; of a failed contact with the centre it is the ContactFault instead."""

    NOT_CONFIGURED = "not-configured"
    PAGES_DAMAGED = "pages-damaged"
    NOT_SOUND = "not-sound"
    """The journal was not checked, or was not found sound."""
    BROKE_OFF = "broke-off"
    """The run broke off in this step twice that night, and it is passed over."""
    DISK_FULL = "disk-full"
    STORE_BUSY = "store-busy"
    STORE_DAMAGED = "store-damaged"
    UNREADABLE = "unreadable"
    UNEXPECTED = "unexpected"


class NightlyFinding(enum.StrEnum):
    """What needs a person after the nightly run."""

    CENTRE_NOT_REACHED = "centre-not-reached"
    CENTRE_REFUSES = "centre-refuses"
    STEP_FAILED = "step-failed"
    BACKLOG = "backlog"
    PAGES_DAMAGED = "pages-damaged"
    JOURNAL_UNSOUND = "journal-unsound"
    TIPS_DIFFER = "tips-differ"
    QUARANTINED = "quarantined"
    MATTERS = "matters"
    UNAPPLIED = "unapplied"
    RECEIPTS_WAITING = "receipts-waiting"
    NAMES_REFUSED = "names-refused"
    PRUNING_HELD = "pruning-held"
    PRUNING_REFUSED = "pruning-refused"
    RECORDS_BROKEN = "records-broken"
    """Personal records that cannot be read."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that needs a person: a NightlyFinding, or the name that another version gave it.

    `step` and `reason` (a StepReason, a ContactFault, or a fault of backups after BACKUP_REASON) where a step failed, `place`
    the directory where it did, `detail` what a program said, in English; of refused names it is the first of those they are of,
    each with the character, and of broken records the first accounts, each with the record's kind.
    """

    kind: str
    count: int = 0
    step: str = ""
    reason: str = ""
    detail: str = ""
    place: str = ""


class StepRecord(msgspec.Struct, frozen=True):
    """How a step went; `count` is how many things it did or found, `reason` and `detail` are as in Finding."""

    step: str
    outcome: StepOutcome
    count: int = 0
    reason: str = ""
    detail: str = ""


class ExpiringKey(msgspec.Struct, frozen=True):
    """A key whose certificate ends soon."""

    account: str
    token_serial: str
    not_after: int


class NightReport(msgspec.Struct, frozen=True):
    """What one run did and found; `expiring` are the first of the keys that end soon, `expiring_count` is how many do.

    `broken_off` counts how often the run of that night broke off before it ended.
    """

    night: int
    began: int
    ended: int
    steps: tuple[StepRecord, ...] = ()
    findings: tuple[Finding, ...] = ()
    expiring: tuple[ExpiringKey, ...] = ()
    expiring_count: int = 0
    by_hand: bool = False
    broken_off: int = 0

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return not self.findings


class Attempt(msgspec.Struct, frozen=True):
    """A run that began and has not ended: the step it is in (empty between them), and in which ones it broke off before."""

    night: int
    step: str = ""
    broke_in: tuple[str, ...] = ()


class NightState(msgspec.Struct, frozen=True):
    """`since` when nights are owed; `at` the time of day; `attempt` the run under way, or the one that broke off."""

    since: int
    at: int = USUAL_AT
    attempt: Attempt | None = None


class Nights(msgspec.Struct, frozen=True):
    """What a kiosk's nights are judged by: since when they are owed, and which ones have a report; `ended` is the latest run's end."""

    since: int
    at: int = USUAL_AT
    reported: Collection[int] = ()
    ended: int | None = None


class Verdict(enum.Enum):
    """Whether a night's work is due now."""

    WAIT = "nothing is due"
    RUN = "the latest night has no report"
    COUNT_ANEW = "the clock was set back to long before nights were owed"


def night_at(now: int, at: int) -> int:
    """The latest night that has begun."""
    return (now + _CHINA_AHEAD - at * 60) // DAY


def begin_of(night: int, at: int) -> int:
    """When a night begins."""
    return night * DAY - _CHINA_AHEAD + at * 60


def spread(kiosk: int, night: int) -> int:
    """How many seconds after the night's beginning that kiosk's work begins: less than SPREAD, another one each night."""
    drawn = hashlib.sha256(f"keydesk night {kiosk} {night}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") % SPREAD


def night_due(now: int, kiosk: int, at: int) -> int:
    """The latest night whose work that kiosk should have begun."""
    night = night_at(now, at)
    return night if now >= begin_of(night, at) + spread(kiosk, night) else night - 1


def judged(nights: Nights, now: int, kiosk: int) -> Verdict:
    """Whether the work of the latest night is due: only that night's, however many were missed.

    A night with a report is never due again, wherever the clock is set.
    """
    if now < nights.since - DAY:
        return Verdict.COUNT_ANEW
    begun, due = night_at(now, nights.at), night_due(now, kiosk, nights.at)
    if due <= night_at(nights.since, nights.at) or due in nights.reported or begun in nights.reported:
        return Verdict.WAIT
    return Verdict.RUN


def postponed(waited: float, *, offline: bool, busy: bool) -> bool:
    """Whether a run that is due for so many seconds waits longer: a while for the centre, longer for the members at the desk."""
    return (offline and waited < OFFLINE_PATIENCE) or (busy and waited < DESK_PATIENCE)


def pause_after(failures: int) -> float:
    """Seconds before a run is begun again that broke off so many times in a row."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10))


def missed(since: int, ended: int | None, now: int, at: int) -> int:
    """How many nights in a row have no report, the latest included, once it is late."""
    return max(0, night_at(now - LATE, at) - night_at(since if ended is None else ended, at))
