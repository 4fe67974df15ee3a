"""One run of a night's work: a step at a time, each by itself, and its report, which is kept."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from kiosk.domain.names import NameRefused, tidy_name
from kiosk.domain.nights import (
    USUAL_AT,
    Attempt,
    ExpiringKey,
    Finding,
    NightlyFinding,
    NightReport,
    NightState,
    NightStep,
    StepOutcome,
    StepReason,
    StepRecord,
    Verdict,
    judged,
    night_at,
)
from kiosk.store.errors import StoreError
from kiosk.store.occupancy import nights_turn
from kiosk.store.personal import broken_records
from sync.agent.errors import AgentError
from sync.agent.heartbeat import heartbeat
from sync.agent.night.steps import Drained, Night, Steps, Work, failed, reason_of, same_tip, usual_steps
from sync.agent.status import Status, status, status_document

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction
    from sync.agent.context import Agent

_BREAKS = 2
"""A step in which the run broke off so often in one night is passed over."""


class NightExit(enum.IntEnum):
    """The exit status of `keydesk-sync nightly`; 1 is every command's own where it could not begin."""

    WELL = 0
    FOR_A_PERSON = 3
    STEP_FAILED = 4
    """A step failed, or the report could not be kept."""
    UNDER_WAY = 5
    """Another process is at it; nothing was done."""


class NightRun(msgspec.Struct, frozen=True):
    """A run that ended: its report, the status by then, and what one exchange did; `error` ended the exchange.

    `journal_sound` when pages, chain and tables were looked at and are as they should be. `kept` whether the report is in the
    database. `status` is None when it could not be read, `same_tip` when the centre was
    not reached.
    """

    report: NightReport
    status: Status | None
    drained: Drained
    journal_sound: bool
    journal_problem: str
    same_tip: bool | None
    error: AgentError | None
    kept: bool = False

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return self.report.well

    @property
    def sent(self) -> int:
        """How many entries went up."""
        return self.drained.pushed.sent

    @property
    def received(self) -> int:
        """How many rows of the feed came."""
        return self.drained.pulled.applied

    @property
    def troubles(self) -> tuple[NightlyFinding, ...]:
        """What needs a person."""
        return tuple(NightlyFinding(each.kind) for each in self.report.findings)

    @property
    def exit_status(self) -> NightExit:
        """What the command ends with."""
        outcomes = {each.outcome for each in self.report.steps}
        if StepOutcome.FAILED in outcomes or not self.kept:
            return NightExit.STEP_FAILED
        return NightExit.WELL if self.well else NightExit.FOR_A_PERSON


def nightly(agent: Agent, steps: Steps = ()) -> NightRun:
    """Make a run by hand, whoever else is at it."""
    return run(Night(agent), steps or usual_steps())


def run_alone(night: Night, steps: Steps, at: int = USUAL_AT) -> NightRun | NightExit:
    """Make a run, unless another process is at it or, by the clock, the night has its report by now.

    Raises OSError, and StoreError by the clock.
    """
    agent = night.agent
    with nights_turn(agent.database.path.parent) as ours:
        if not ours:
            return NightExit.UNDER_WAY
        if not night.by_hand and not _is_due(agent):
            return NightExit.WELL
        return run(night, steps, at)


def _is_due(agent: Agent) -> bool:
    with agent.database.read() as tx:
        nights = tx.nights.judged_by()
    return nights is not None and judged(nights, agent.clock.wall(), agent.kiosk) is Verdict.RUN


def run(night: Night, steps: Steps, at: int = USUAL_AT) -> NightRun:
    """Take every step, keep the report, and tell the centre of it; whatever fails stands in the result."""
    agent, began = night.agent, night.now
    attempt = _begun(night, at)
    records: list[StepRecord] = []
    findings: list[Finding] = []
    try:
        for step, work in steps:
            attempt = _noted(agent, replace(attempt, step=step))
            record, found = _taken(night, step, work, attempt)
            records.append(record)
            findings += found
            attempt = _noted(agent, replace(attempt, step=""))
    except BaseException:
        _noted(agent, replace(attempt, step=""))  # somebody ended it: that is no fault of the step
        raise
    now, same, left = _left_over(night)
    counts = {each.step: each.count for each in records}
    report = NightReport(
        night=attempt.night,
        began=began,
        ended=max(night.now, began),
        steps=tuple(records),
        findings=(*findings, *left),
        expiring=night.expiring,
        expiring_count=counts.get(NightStep.EXPIRING, 0),
        by_hand=night.by_hand,
        broken_off=len(attempt.broke_in),
    )
    kept = _kept(agent, report)
    if kept and night.drained is not None:
        _tell(agent)
    drained = night.drained or Drained()
    return NightRun(report, now, drained, night.sound is True, night.problem, same, night.error, kept)


def _begun(night: Night, at: int) -> Attempt:
    """The attempt that begins now; one that broke off in the same night counts its step."""
    agent = night.agent
    state = None
    try:
        with agent.database.write() as tx:
            state = tx.nights.state()
            if state is None:
                tx.nights.owe(night.now, at)
                state = tx.nights.state()
    except StoreError as error:
        agent.log.warning("the run could not be noted", error=str(error))
    known = state or NightState(night.now, at)
    tonight = night_at(night.now, known.at)
    before = known.attempt
    if before is None or before.night != tonight:
        return Attempt(tonight)
    broke = (before.step,) if before.step else ()
    return Attempt(tonight, broke_in=(*before.broke_in, *broke))


def _noted(agent: Agent, attempt: Attempt) -> Attempt:
    """Note how far the run is; one that cannot be noted goes on all the same."""
    try:
        with agent.database.write() as tx:
            tx.nights.put_attempt(attempt)
    except StoreError as error:
        agent.log.warning("the run could not be noted", error=str(error))
    return attempt


def _taken(
    night: Night, step: NightStep, work: Work, attempt: Attempt
) -> tuple[StepRecord, tuple[Finding, ...]]:
    """Take a step; what it raises is its outcome."""
    if attempt.broke_in.count(step) >= _BREAKS:
        record = StepRecord(step, StepOutcome.FAILED, reason=StepReason.BROKE_OFF)
        return record, (Finding(NightlyFinding.STEP_FAILED, step=step, reason=StepReason.BROKE_OFF),)
    try:
        result = work(night)
    except Exception as error:
        night.agent.log.exception("a step of the night failed", step=step.value)
        failure, finding = failed(step, error)
        return failure, (finding,)
    record = StepRecord(step, result.outcome, result.count, result.reason)
    return record, result.findings


def _left_over(night: Night) -> tuple[Status | None, bool | None, tuple[Finding, ...]]:
    """The status, whether the centre has the same tip, and what both leave for people."""
    try:
        with night.agent.database.read() as tx:
            now, same = status(tx), same_tip(tx, night)
            named = (*refused_names(tx), *broken_records(tx.personal))
    except StoreError as error:
        night.agent.log.warning("the status could not be read", error=str(error))
        unread = Finding(NightlyFinding.STEP_FAILED, reason=reason_of(error), detail=str(error))
        return None, None, (unread,)
    found = {
        NightlyFinding.BACKLOG: now.backlog,
        NightlyFinding.TIPS_DIFFER: int(same is False),
        NightlyFinding.QUARANTINED: int(now.quarantined),
        NightlyFinding.MATTERS: len(now.matters),
        NightlyFinding.UNAPPLIED: len(now.unapplied),
        NightlyFinding.RECEIPTS_WAITING: now.receipts_waiting,
    }
    return now, same, (*(Finding(kind, count) for kind, count in found.items() if count), *named)


def refused_names(tx: Transaction) -> tuple[Finding, ...]:
    """The names that came under a former rule, counted, the first with whose they are and the character. Raises StoreError.

    Those of staff are not among them: nobody can change one.
    """
    listed, count = [], 0
    for whose, name in tx.members.each_name():
        try:
            tidy_name(name)
        except NameRefused as refused:
            count += 1
            if count <= _LISTED_NAMES:
                code = f"U+{ord(refused.character):04X}" if refused.character else refused.fault.value
                listed.append(f"{whose} {code}")
    return (Finding(NightlyFinding.NAMES_REFUSED, count, detail=", ".join(listed)),) if count else ()


_LISTED_NAMES = 5


def _kept(agent: Agent, report: NightReport) -> bool:
    try:
        with agent.database.write() as tx:
            tx.nights.add(report)
    except StoreError as error:
        agent.log.error("the report could not be kept", error=str(error))  # noqa: TRY400 - a full disk has no traceback worth reading
        return False
    agent.log.info("the night's work is done", night=report.night, findings=len(report.findings))
    return True


def _tell(agent: Agent) -> None:
    """Have the centre know the report at once; if not now, the next heartbeat brings it."""
    try:
        heartbeat(agent)
    except (AgentError, StoreError) as error:
        agent.log.warning("the report goes with a later heartbeat", error=str(error))


def night_document(night: NightRun) -> dict[str, Any]:
    """The run for programs."""
    report = night.report
    listed: tuple[ExpiringKey, ...] = report.expiring
    return {
        "sent": night.sent,
        "received": night.received,
        "kept": night.drained.pulled.kept,
        "retried": night.drained.retried,
        "journal_sound": night.journal_sound,
        "journal_problem": night.journal_problem,
        "same_tip": night.same_tip,
        "status": None if night.status is None else status_document(night.status),
        "troubles": [each.value for each in night.troubles],
        "error": "" if night.error is None else str(night.error),
        "steps": report.steps,
        "findings": report.findings,
        "expiring": listed,
        "expiring_count": report.expiring_count,
        "report_kept": night.kept,
    }
