"""The steps of a night's work. A step returns how it went, or raises; whatever it raises ends that step alone."""

from __future__ import annotations

import dataclasses
import errno
import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from kiosk.domain.nights import (
    BACKUP_REASON,
    DAY,
    ExpiringKey,
    Finding,
    NightlyFinding,
    NightStep,
    StepOutcome,
    StepReason,
    StepRecord,
)
from kiosk.store.agent_state import ContactFault
from kiosk.store.backups import back_up
from kiosk.store.errors import DiskFull, StoreBusy, StoreCorrupt, StoreUnavailable
from kiosk.store.keys_on_record import key_on_record
from kiosk.store.verify import Verification, verify
from sync.agent.alignment import NothingMissing
from sync.agent.backoff import held
from sync.agent.context import Agent, forget_retry, record_failed_contact
from sync.agent.errors import AgentError, HistoryForked, RequestRefused
from sync.agent.exchanging import exchange
from sync.agent.feed.pull import PullReport, retry_kept
from sync.agent.heartbeat import heartbeat
from sync.agent.night.pruning import PruningOutcome, forget_personal, give_back, prune_journal
from sync.agent.positions import compare_with_centre
from sync.agent.push import PushReport, push

if TYPE_CHECKING:
    from kiosk.backup.records import BackupSettings
    from kiosk.domain.entries.body import Tip
    from kiosk.store.transaction import Transaction

USUAL_EXPIRING_DAYS = 30
LISTED_KEYS = 200
"""Of the keys that end soon a report lists so many, those that end first; it counts all."""


class StepResult(msgspec.Struct, frozen=True):
    """How a step went; `count` is how many things it did or found."""

    outcome: StepOutcome = StepOutcome.DONE
    count: int = 0
    reason: str = ""
    findings: tuple[Finding, ...] = ()


NOT_CONFIGURED = StepResult(StepOutcome.SKIPPED, reason=StepReason.NOT_CONFIGURED)


class Drained(msgspec.Struct, frozen=True):
    """What one exchange did; `centre` is where the journal ends there, where its strand is `known`."""

    pushed: PushReport = PushReport()
    pulled: PullReport = PullReport()
    retried: int = 0
    centre: Tip | None = None
    known: bool = False


@dataclasses.dataclass
class Night:
    """What the steps of one run work with, and what they found for those that come after.

    `sound` and `pages_sound` are None where nobody looked; a step that deletes anything wants them true.
    """

    agent: Agent
    by_hand: bool = True
    expiring_days: int = USUAL_EXPIRING_DAYS
    drained: Drained | None = None
    pages_sound: bool | None = None
    sound: bool | None = None
    problem: str = ""
    expiring: tuple[ExpiringKey, ...] = ()
    error: AgentError | None = None

    @property
    def now(self) -> int:
        """The kiosk's clock (UTC seconds)."""
        return self.agent.clock.wall()


Work: TypeAlias = Callable[[Night], StepResult]
Steps: TypeAlias = tuple[tuple[NightStep, Work], ...]


def not_configured(_night: Night) -> StepResult:
    """The step of what is not set up here."""
    return NOT_CONFIGURED


def prune(night: Night) -> StepResult:
    """Erase personal records whose time is up; then delete old entries behind a snapshot, and let the file shrink.

    Entries only in a store that was found sound. Raises AgentError, StoreError, DomainError.
    """
    forget_personal(night.agent)
    if not night.sound:
        return StepResult(StepOutcome.SKIPPED, reason=StepReason.NOT_SOUND)
    report = prune_journal(night.agent)
    give_back(night.agent)
    if report.error is not None:
        raise report.error
    if report.outcome is PruningOutcome.OFF:
        return NOT_CONFIGURED
    held = report.outcome is PruningOutcome.HELD
    kind = NightlyFinding.PRUNING_HELD if held else NightlyFinding.PRUNING_REFUSED
    findings = () if report.well else (Finding(kind, detail=report.held_by or report.reason),)
    return StepResult(count=report.deleted, findings=findings)


def usual_steps(backup: Work = not_configured, prune: Work = prune) -> Steps:
    """All steps in their order."""
    return (
        (NightStep.DRAIN, drain),
        (NightStep.PAGES, check_pages),
        (NightStep.VERIFY, check_journal),
        (NightStep.BACKUP, backup),
        (NightStep.PRUNE, prune),
        (NightStep.EXPIRING, list_expiring),
    )


def drain(night: Night) -> StepResult:
    """Exchange everything with the centre. By hand at once, by the clock not while the centre wants to be left alone.

    Raises AgentError, StoreError.
    """
    agent = night.agent
    if night.by_hand:
        forget_retry(agent)
    else:
        with agent.database.read() as tx:
            retry_at = tx.agent.get().retry_at
        if held(retry_at, night.now):
            return StepResult(StepOutcome.SKIPPED, reason=ContactFault.BUSY)
    try:
        pushed, pulled = exchange(agent)
        retried = retry_kept(agent)
        more = push(agent)
        answer = heartbeat(agent)
    except AgentError as error:
        night.error = error
        record_failed_contact(agent, error)
        raise
    night.drained = Drained(
        PushReport(pushed.sent + more.sent), pulled, retried, answer.high_water, known=answer.strand > 0
    )
    return StepResult(count=night.drained.pushed.sent)


def check_pages(night: Night) -> StepResult:
    """Check every page of the database. Raises StoreError."""
    damaged = night.agent.database.page_damage()
    night.pages_sound = not damaged
    if not damaged:
        return StepResult()
    night.problem = damaged[0]
    found = Finding(NightlyFinding.PAGES_DAMAGED, len(damaged), detail=damaged[0])
    return StepResult(count=len(damaged), findings=(found,))


def check_journal(night: Night) -> StepResult:
    """Check the chain, and the tables against the journal; not in a file whose pages are damaged. Raises StoreError."""
    if night.pages_sound is False:
        return StepResult(StepOutcome.SKIPPED, reason=StepReason.PAGES_DAMAGED)
    found = verify(night.agent.database, pages=False)
    night.sound = found.sound
    if found.sound:
        return StepResult(count=found.entries)
    night.problem = _problem(found)
    finding = Finding(NightlyFinding.JOURNAL_UNSOUND, found.different, detail=night.problem)
    return StepResult(count=found.entries, findings=(finding,))


def _problem(found: Verification) -> str:
    if found.broken is not None:
        return f"{found.broken.sequence}: {found.broken.reason}"
    return found.flaw or "; ".join(found.differences[:3])


def backing_up(settings: BackupSettings) -> Work:
    """The step that backs up as it is configured; a destination that did not get the backup is a finding."""

    def back_up_now(night: Night) -> StepResult:
        report = back_up(night.agent.database.path.parent, settings, night.now)
        faults = [(each.fault, each.directory, each.detail) for each in report.deposits]
        faults.append((report.fault, report.place, report.detail))
        findings = tuple(
            Finding(
                NightlyFinding.STEP_FAILED,
                step=NightStep.BACKUP,
                reason=f"{BACKUP_REASON}{fault.value}",
                detail=detail[:_LONGEST_DETAIL],
                place=place,
            )
            for fault, place, detail in faults
            if fault is not None
        )
        arrived = sum(each.file is not None for each in report.deposits)
        if report.well:
            return StepResult(count=arrived)
        reason = findings[0].reason if findings else StepReason.UNEXPECTED.value
        return StepResult(StepOutcome.FAILED, arrived, reason, findings)

    return back_up_now if settings.is_configured else not_configured


def list_expiring(night: Night) -> StepResult:
    """List the keys of accounts served here that end within the configured days. Raises StoreError."""
    now = night.now
    until, count = now + night.expiring_days * DAY, 0

    def ending(tx: Transaction) -> Iterator[ExpiringKey]:
        nonlocal count
        for account in tx.ledger.each_account():
            key = key_on_record(tx, account)
            if key is not None and not key.revoked and now <= key.not_after <= until:
                count += 1
                yield ExpiringKey(account, key.token_serial, key.not_after)

    with night.agent.database.read() as tx:
        night.expiring = tuple(
            heapq.nsmallest(LISTED_KEYS, ending(tx), key=lambda key: (key.not_after, key.account))
        )
    return StepResult(count=count)


def failed(step: NightStep, error: Exception) -> tuple[StepRecord, Finding]:
    """The record of a step that an error ended, and the finding for a person."""
    reason, detail = reason_of(error), str(error)[:_LONGEST_DETAIL]
    record = StepRecord(step, StepOutcome.FAILED, reason=reason, detail=detail)
    kind = NightlyFinding.STEP_FAILED
    if isinstance(error, AgentError) and step is NightStep.DRAIN:
        refused = isinstance(error, RequestRefused | HistoryForked)
        kind = NightlyFinding.CENTRE_REFUSES if refused else NightlyFinding.CENTRE_NOT_REACHED
    return record, Finding(kind, step=step, reason=reason, detail=detail)


_LONGEST_DETAIL = 300


def reason_of(error: Exception) -> str:
    """Why a step failed: a ContactFault where it was the contact with the centre, else a StepReason."""
    if isinstance(error, AgentError) and error.failure is not None:
        return error.failure
    if isinstance(error, OSError) and error.errno in _FULL:
        return StepReason.DISK_FULL
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), StepReason.UNEXPECTED)


_FULL = {errno.ENOSPC, errno.EDQUOT}
_REASONS: tuple[tuple[type[Exception], StepReason], ...] = (
    (DiskFull, StepReason.DISK_FULL),
    (StoreBusy, StepReason.STORE_BUSY),
    (StoreCorrupt, StepReason.STORE_DAMAGED),
    (StoreUnavailable, StepReason.UNREADABLE),
    (OSError, StepReason.UNREADABLE),
)


def same_tip(tx: Transaction, night: Night) -> bool | None:
    """Whether the centre has the journal's tip; None where it was not asked."""
    if night.drained is None:
        return None
    aligned = compare_with_centre(tx, night.drained.centre, known=night.drained.known)
    return isinstance(aligned, NothingMissing)
