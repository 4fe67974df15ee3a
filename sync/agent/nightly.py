"""The nightly run: upload everything, apply the whole feed, verify the journal, and report what needs a person."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.store.verify import Verification, verify
from sync.agent.alignment import NothingMissing
from sync.agent.context import Agent, forget_retry, record_failed_contact
from sync.agent.errors import AgentError, HistoryForked, RequestRefused
from sync.agent.feed.pull import PullReport, pull, retry_kept
from sync.agent.heartbeat import heartbeat
from sync.agent.positions import compare_with_centre
from sync.agent.push import PushReport, push
from sync.agent.status import Status, status, status_document

if TYPE_CHECKING:
    from kiosk.domain.entries import Tip


class NightlyFinding(enum.StrEnum):
    """What needs a person after the nightly run."""

    CENTRE_NOT_REACHED = "centre-not-reached"
    CENTRE_REFUSES = "centre-refuses"
    BACKLOG = "backlog"
    JOURNAL_UNSOUND = "journal-unsound"
    TIPS_DIFFER = "tips-differ"
    QUARANTINED = "quarantined"
    MATTERS = "matters"
    UNAPPLIED = "unapplied"
    RECEIPTS_WAITING = "receipts-waiting"


class NightlyReport(msgspec.Struct, frozen=True):
    """What the run did and found; `same_tip` is None when the centre was not reached."""

    sent: int
    received: int
    kept: int
    retried: int
    journal_sound: bool
    journal_problem: str
    same_tip: bool | None
    status: Status
    troubles: tuple[NightlyFinding, ...]
    error: AgentError | None = None

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return not self.troubles


class _Exchange(msgspec.Struct, frozen=True):
    pushed: PushReport = PushReport()
    pulled: PullReport = PullReport()
    retried: int = 0
    centre: Tip | None = None
    known: bool = False
    error: AgentError | None = None


def exchange(agent: Agent) -> tuple[PushReport, PullReport]:
    """One full exchange: heartbeat, upload, feed, and an upload of the entries that the feed caused.

    Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    heartbeat(agent)
    first = push(agent)
    if first.tail_lost:
        heartbeat(agent)
    pulled = pull(agent)
    second = push(agent)
    return PushReport(first.sent + second.sent, second.tail_lost), pulled


def exchange_now(agent: Agent) -> tuple[PushReport, PullReport]:
    """The same for somebody who asks now, whatever the centre asked for; a failure is recorded. Raises as `exchange`."""
    forget_retry(agent)
    try:
        return exchange(agent)
    except AgentError as error:
        record_failed_contact(agent, error)
        raise


def nightly(agent: Agent) -> NightlyReport:
    """Make the nightly run. Raises StoreError."""
    done = _exchanged(agent)
    found = verify(agent.database)
    with agent.database.read() as tx:
        now = status(tx)
        aligned = compare_with_centre(tx, done.centre, known=done.known)
        same = None if done.error else isinstance(aligned, NothingMissing)
    return NightlyReport(
        sent=done.pushed.sent,
        received=done.pulled.applied,
        kept=done.pulled.kept,
        retried=done.retried,
        journal_sound=found.sound,
        journal_problem=_problem(found),
        same_tip=same,
        status=now,
        troubles=tuple(_troubles(done, now, same_tip=same, sound=found.sound)),
        error=done.error,
    )


def _exchanged(agent: Agent) -> _Exchange:
    try:
        pushed, pulled = exchange(agent)
        retried = retry_kept(agent)
        more = push(agent)
        answer = heartbeat(agent)
    except AgentError as error:
        agent.log.warning("the nightly exchange failed", error=str(error))
        record_failed_contact(agent, error)
        return _Exchange(error=error)
    return _Exchange(
        PushReport(pushed.sent + more.sent), pulled, retried, answer.high_water, known=answer.strand > 0
    )


def _problem(found: Verification) -> str:
    if found.damaged_pages:
        return found.damaged_pages[0]
    if found.broken is not None:
        return f"{found.broken.sequence}: {found.broken.reason}"
    return "" if found.sound else "; ".join(found.differences[:3])


def _troubles(done: _Exchange, now: Status, *, same_tip: bool | None, sound: bool) -> list[NightlyFinding]:
    refused = isinstance(done.error, RequestRefused | HistoryForked)
    found = {
        NightlyFinding.CENTRE_NOT_REACHED: done.error is not None and not refused,
        NightlyFinding.CENTRE_REFUSES: refused,
        NightlyFinding.BACKLOG: now.backlog > 0,
        NightlyFinding.JOURNAL_UNSOUND: not sound,
        NightlyFinding.TIPS_DIFFER: same_tip is False,
        NightlyFinding.QUARANTINED: now.quarantined,
        NightlyFinding.MATTERS: bool(now.matters),
        NightlyFinding.UNAPPLIED: bool(now.unapplied),
        NightlyFinding.RECEIPTS_WAITING: now.receipts_waiting > 0,
    }
    return [trouble for trouble, holds in found.items() if holds]


def night_document(night: NightlyReport) -> dict[str, Any]:
    """The report for programs."""
    return {
        **msgspec.structs.asdict(night),
        "status": status_document(night.status),
        "error": "" if night.error is None else str(night.error),
    }
