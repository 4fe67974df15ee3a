"""Pruning the journal: a signed snapshot, the centre's acknowledgement of it, and only then the entries before it go.

A run does what is due in small steps, each a transaction of its own; wherever it is cut short, the next one goes on.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.errors import SnapshotMalformed
from kiosk.domain.policy import DAY
from kiosk.domain.snapshots import SignedAcknowledgement, read_acknowledgement, read_snapshot
from kiosk.pki.snapshots import acknowledged
from kiosk.store.course import SnapshotFlawed, judged, require_rows
from kiosk.store.taking import take_snapshot
from kiosk.store.vault import VaultItem
from sync.agent.context import incarnation_of
from sync.agent.errors import AgentError, AnswerUnusable
from sync.agent.positions import raise_missing
from sync.protocol.records import SnapshotAnswer, SnapshotShown, SnapshotState

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.store.snapshots import KeptSnapshot
    from kiosk.store.transaction import Transaction
    from sync.agent.context import Agent

PORTIONS = 10_000
"""Portions that one run deletes unless it is told otherwise."""
PORTION = 100
"""Entries in one, which a writer at the desk waits for at most."""
RENEWED_AFTER = 30 * DAY
"""A snapshot is due when the oldest entry past the one in force has been old enough for so long (seconds)."""

PAGES = 200
"""Free pages that are given back to the disk at once, which a writer at the desk waits for at most."""
_ROWS = 8  # portions of rows, of other snapshots, in one transaction
_ASKED = 5
_BETWEEN = 2.0  # seconds between two questions whether the centre is done


class PruningOutcome(enum.StrEnum):
    """How far a run came."""

    OFF = "off"  # entries are kept for ever
    NOT_DUE = "not-due"
    HELD = "held"  # an open order is older than what is to go
    WAITING = "waiting"  # the centre has not answered for the snapshot yet, or holds it for too early
    REFUSED = "refused"  # the centre found something else
    MISSING = "missing"  # the centre acknowledged entries and has them no more
    UNSOUND = "unsound"  # the snapshot in force is not what was signed
    UNFINISHED = "unfinished"  # more is to be deleted; call again
    DONE = "done"
    FAILED = "failed"  # the centre was not reached, or its answer is unusable


class PruningReport(msgspec.Struct, frozen=True):
    """What a run did; `snapshot` is the last entry that a snapshot in force stands for (0: none).

    `deleted` counts entries; `held_by` is the oldest open order where it is `held`; `reason` says more in English.
    """

    outcome: PruningOutcome
    snapshot: int = 0
    deleted: int = 0
    held_by: str = ""
    reason: str = ""
    error: AgentError | None = None

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return self.outcome in {
            PruningOutcome.OFF,
            PruningOutcome.NOT_DUE,
            PruningOutcome.WAITING,
            PruningOutcome.UNFINISHED,
            PruningOutcome.DONE,
        }


class _Due(msgspec.Struct, frozen=True):
    """Up to which entry a snapshot is due (0: none is), and the open order that holds it back."""

    sequence: int = 0
    held_by: str = ""


def forget_personal(agent: Agent) -> int:
    """Erase personal records whose time is up, from every page; how many there were. Raises StoreError."""
    with agent.database.write() as tx:
        erased = tx.personal.erase_due(agent.retention, agent.clock.wall())
    agent.database.forget()  # also what was erased on request while somebody read
    if erased:
        agent.log.info("personal records erased", count=erased)
    return erased


def prune_journal(
    agent: Agent,
    portions: int = PORTIONS,
    stopped: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> PruningReport:
    """Take a snapshot if one is due, have it acknowledged, and delete up to so many portions of what lies before it.

    `stopped` ends it between two steps; a later call goes on. What fails at the centre is in the report. Raises StoreError,
    DomainError where the journal is damaged.
    """
    if not agent.keep_days:
        return PruningReport(PruningOutcome.OFF)
    outcome, deleted = PruningReport(PruningOutcome.NOT_DUE), 0
    try:
        outcome = _acknowledged(agent, stopped, pause)
        if outcome.outcome is not PruningOutcome.MISSING:
            deleted, left = _deleted(agent, portions, stopped, pause)
            if left:
                outcome = PruningReport(PruningOutcome.UNFINISHED)
            elif deleted and outcome.well:
                outcome = PruningReport(PruningOutcome.DONE)
    except AgentError as error:
        agent.log.warning("pruning failed", error=str(error))
        outcome = PruningReport(PruningOutcome.FAILED, reason=str(error), error=error)
    except SnapshotFlawed as error:
        agent.log.exception("the snapshot is unsound", flaw=error.flaw.value, sequence=error.sequence)
        outcome = PruningReport(PruningOutcome.UNSOUND, reason=error.flaw.value)
    with agent.database.read() as tx:
        kept = tx.snapshots.in_force()
    return msgspec.structs.replace(outcome, snapshot=0 if kept is None else kept.sequence, deleted=deleted)


def _acknowledged(agent: Agent, stopped: Callable[[], bool], pause: Callable[[float], None]) -> PruningReport:
    """Have the snapshot in force acknowledged by the centre of today, and take and show the next one if it is due."""
    with agent.database.read() as tx:
        state = tx.agent.get()
    if state.quarantined or state.retired or state.unconfirmed:
        return PruningReport(PruningOutcome.NOT_DUE)  # such a machine may only upload
    if (found := _shown_again(agent)) is not None:
        return found
    now = agent.clock.wall()
    _drop_others(agent, now)
    with agent.database.read() as tx:
        waiting, due = tx.snapshots.waiting(), _due(agent, tx)
        strand = tx.agent.get().strand
    if waiting is None:
        if not due.sequence:
            held = PruningOutcome.HELD if due.held_by else PruningOutcome.NOT_DUE
            return PruningReport(held, held_by=due.held_by)
        taken = take_snapshot(
            agent.database, due.sequence, device_key=agent.device_key, strand=strand, now=now, stopped=stopped
        )
        if not taken:
            return PruningReport(PruningOutcome.UNFINISHED)
        agent.log.info("a snapshot was taken", sequence=due.sequence)
        with agent.database.read() as tx:
            waiting = tx.snapshots.waiting()
    if waiting is None or stopped():
        return PruningReport(PruningOutcome.UNFINISHED)
    return _shown(agent, waiting, stopped, pause)


def _shown_again(agent: Agent) -> PruningReport | None:
    """Show the snapshot in force to a centre that was put back since; what hinders more, None when nothing does.

    Raises SnapshotFlawed, AgentError.
    """
    with agent.database.read() as tx:
        kept, incarnation = tx.snapshots.in_force(), incarnation_of(tx)
        if kept is None or kept.acknowledgement is None:
            return None
        judged(tx, kept)
        said = read_acknowledgement(kept.acknowledgement.acknowledgement)
    if said.incarnation == incarnation:
        return None
    answer = agent.centre.show_snapshot(SnapshotShown(kept.signed, kept.acknowledgement))
    if answer.state is SnapshotState.ACKNOWLEDGED:
        _store(agent, kept, answer.acknowledgement)
        return None
    if answer.state is SnapshotState.MISSING:
        with agent.database.write() as tx:
            raise_missing(tx, answer.high_water, kept.sequence)
        return PruningReport(PruningOutcome.MISSING)
    return PruningReport(PruningOutcome.REFUSED, reason=answer.reason)


def _shown(
    agent: Agent, waiting: KeptSnapshot, stopped: Callable[[], bool], pause: Callable[[float], None]
) -> PruningReport:
    answer = SnapshotAnswer(SnapshotState.WAITING)
    for turn in range(_ASKED):
        if turn:
            pause(_BETWEEN)
        answer = agent.centre.show_snapshot(SnapshotShown(waiting.signed))
        if answer.state is not SnapshotState.WAITING or stopped():
            break
    match answer.state:
        case SnapshotState.ACKNOWLEDGED:
            _store(agent, waiting, answer.acknowledgement)
            agent.log.info("the snapshot was acknowledged", sequence=waiting.sequence)
            return PruningReport(PruningOutcome.DONE)
        case SnapshotState.WAITING | SnapshotState.EARLY:
            return PruningReport(PruningOutcome.WAITING, reason=answer.reason)
        case SnapshotState.REFUSED | SnapshotState.MISSING:
            agent.log.error("the snapshot was refused", sequence=waiting.sequence, reason=answer.reason)
            return PruningReport(PruningOutcome.REFUSED, reason=answer.reason)


def _store(agent: Agent, kept: KeptSnapshot, said: SignedAcknowledgement | None) -> None:
    """Store an acknowledgement. Raises AnswerUnusable where it is not the centre's, or of another incarnation."""
    with agent.database.write() as tx:
        centre_key = tx.vault.get(VaultItem.CENTRE_KEY)
        found = (
            None
            if said is None or centre_key is None
            else acknowledged(said, kept.signed.snapshot, agent.kiosk, centre_key)
        )
        if said is None or found is None or found.incarnation != incarnation_of(tx):
            raise AnswerUnusable("an acknowledgement that the centre of today did not sign")
        tx.snapshots.acknowledge(kept.sequence, said)


def _due(agent: Agent, tx: Transaction) -> _Due:
    """Up to where a snapshot is due: old by both clocks, at the centre, and before every order that is open here."""
    state, tip, kept = tx.agent.get(), tx.journal.tip(), tx.snapshots.in_force()
    if not state.strand or tip is None or state.signed_time is None:
        return _Due()
    old = min(agent.clock.wall(), state.signed_time.time) - agent.keep_days * DAY
    before = 0 if kept is None else kept.sequence
    until = min(tx.journal.older_than(old), state.high_water, tip.sequence - 1)
    if until <= before or tx.journal.wall_at(before + 1) > old - RENEWED_AFTER:
        return _Due()
    oldest = tx.ledger.oldest_open()
    if oldest is not None and oldest.sequence <= until:
        until = oldest.sequence - 1
        return _Due(until if until > before else 0, oldest.reference)
    return _Due(until)


def _drop_others(agent: Agent, now: int) -> None:
    """Delete what is left of snapshots that are neither in force nor waiting, or that waited too long."""
    with agent.database.read() as tx:
        kept, waiting = tx.snapshots.in_force(), tx.snapshots.waiting()
    stands = set() if kept is None else {kept.sequence}
    if waiting is not None and waiting.sequence > max(stands, default=0) and _is_recent(waiting, now):
        stands.add(waiting.sequence)
    while True:
        with agent.database.write() as tx:
            if tx.snapshots.drop_others(stands, _ROWS) < _ROWS:
                return


def _is_recent(waiting: KeptSnapshot, now: int) -> bool:
    try:
        return abs(now - read_snapshot(waiting.signed.snapshot).time) < RENEWED_AFTER
    except SnapshotMalformed:
        return False


def _deleted(
    agent: Agent, portions: int, stopped: Callable[[], bool], pause: Callable[[float], None]
) -> tuple[int, bool]:
    """Delete entries before the snapshot in force; how many, and whether some are left. Raises SnapshotFlawed."""
    with agent.database.read() as tx:
        kept, state = tx.snapshots.in_force(), tx.agent.get()
        if kept is None or tx.journal.first() >= kept.sequence:
            return 0, False
        if state.high_water < kept.sequence or state.lacks_until:
            return 0, False
        require_rows(tx, judged(tx, kept))
    deleted, left = 0, True

    def delete() -> bool:
        nonlocal deleted, left
        with agent.database.write() as tx:
            count = tx.prune(PORTION)
        deleted, left = deleted + count, count == PORTION
        return left

    in_portions(delete, portions, stopped, pause)
    if not left:
        agent.log.info("entries were deleted", entries=deleted)
    return deleted, left


def give_back(
    agent: Agent,
    portions: int = PORTIONS,
    stopped: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Give the pages that pruning left free back to the disk, up to so many portions of them. Raises StoreError."""
    in_portions(lambda: agent.database.give_back(PAGES) > 0, portions, stopped, pause)


def in_portions(
    work: Callable[[], bool], most: int, stopped: Callable[[], bool], pause: Callable[[float], None]
) -> None:
    """Do a work that others wait for portion by portion, while it says that there is more.

    It rests after each as long as that took: whoever waits for a lock looks now and then only whether it is free.
    """
    for _ in range(most):
        began = time.monotonic()
        if stopped() or not work():
            return
        pause(time.monotonic() - began)
