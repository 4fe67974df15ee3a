"""Uploading the journal: batches beyond the centre's high-water mark, each with a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.domain.entries.body import Tip
from kiosk.domain.journal import SealedEntry
from sync.agent.alignment import NothingMissing
from sync.agent.context import Agent, record_contact
from sync.agent.errors import (
    AnswerUnusable,
    ExchangeFailed,
    HistoryForked,
    RequestRefused,
    UploadBlocked,
)
from sync.agent.positions import begin_epoch_due, compare_with_centre, raise_alarm, raise_missing
from sync.agent.recovery import fold_other_strands
from sync.protocol.batches import MAXIMUM_ENTRIES, batch_size, make_checkpoint, take_batch
from sync.protocol.errors import ProblemCode
from sync.protocol.records import SnapshotShown, UploadAnswer, UploadBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kiosk.store.other_strands import HeldEntry


_REALIGNMENTS = 3


class PushReport(msgspec.Struct, frozen=True):
    """How many entries were uploaded, and whether this kiosk lost its tail, which is then to be pulled back.

    `lacked` is how many of them the centre had not.
    """

    sent: int = 0
    tail_lost: bool = False
    lacked: int = 0


def push(agent: Agent, stopped: Callable[[], bool] = lambda: False) -> PushReport:
    """Upload all entries that the centre lacks, batch by batch; `stopped` ends it between two batches.

    To a centre that was put back what is here of other strands goes as well, in its place between the own entries, since those
    after it may rely on it. Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    done = PushReport()
    while not stopped():
        until = _until_held(agent)
        pushed = _pushed(agent, _go_on, stopped, until)
        done = PushReport(done.sent + pushed.sent, pushed.tail_lost, done.lacked + pushed.lacked)
        if until is None or done.tail_lost or stopped():
            break
        _push_held(agent, until)
    return done


def push_left(agent: Agent) -> PushReport:
    """The same of a journal that nobody goes on with: what else the answers say is left alone. Raises the same."""
    return _pushed(agent, _accepted_left, lambda: False)


def _pushed(
    agent: Agent,
    accepted: Callable[[Agent, tuple[SealedEntry, ...], UploadAnswer], bool],
    stopped: Callable[[], bool],
    until: int | None = None,
) -> PushReport:
    """Upload the own entries, or those up to that one."""
    sent = lacked = realigned = 0
    while not stopped():
        batch = _next_batch(agent, until)
        if not batch:
            break
        try:
            answer = _uploaded(agent, batch)
        except RequestRefused as refused:
            if refused.code is ProblemCode.CHAIN_BROKEN:
                _alarm(agent, batch[0].entry.sequence)
                raise HistoryForked(batch[0].entry.sequence) from refused
            if refused.code is not ProblemCode.CHAIN_HOLE or realigned == _REALIGNMENTS:
                raise
            if _lacks_deleted(agent, batch[0].entry.sequence, refused.problem.high_water):
                break
            realigned += 1
            _realign(agent, refused.problem.high_water)
            continue
        if answer is None:
            continue
        tail_lost = accepted(agent, batch, answer)
        sent += len(batch)
        lacked += answer.lacked
        agent.log.info("sent", entries=len(batch), until=batch[-1].entry.sequence, strand=answer.strand)
        if tail_lost:
            return PushReport(sent, tail_lost=True, lacked=lacked)
    return PushReport(sent, lacked=lacked)


def _until_held(agent: Agent) -> int | None:
    """After which own entry the next of another strand came that is to be uploaded again; None where there is none."""
    with agent.database.read() as tx:
        done = tx.agent.get().held
        if done is None:
            return None
        waiting = tx.other_strands.held_after(done, 1)
    if waiting:
        return waiting[0].after_own
    with agent.database.write() as tx:
        if tx.agent.get().held == done:
            tx.agent.put(replace(tx.agent.get(), held=None))
    return None


def _push_held(agent: Agent, after_own: int) -> None:
    """Upload the next run of what is here of other strands since that own entry.

    Each goes once to each incarnation of a centre that was put back and may lack it. Raises ExchangeFailed, RequestRefused,
    StoreError.
    """
    with agent.database.read() as tx:
        done = tx.agent.get().held
        waiting = () if done is None else tx.other_strands.held_after(done, MAXIMUM_ENTRIES)
    run = take_batch(_run(waiting, after_own), agent.upload_size.now)
    if not run:
        return
    try:
        if _uploaded(agent, run, held=True) is None:
            return
    except RequestRefused as refused:
        if refused.code not in {ProblemCode.CHAIN_HOLE, ProblemCode.CHAIN_BROKEN}:
            raise
        agent.log.warning("held entries are not taken", after=done, error=str(refused))
    with agent.database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), held=waiting[len(run) - 1].position))
    agent.log.info("sent of another strand", entries=len(run), until=run[-1].entry.sequence)


def _run(waiting: Iterable[HeldEntry], after_own: int) -> Iterator[SealedEntry]:
    """As many of them as continue one another, and came before the next own entry."""
    before = None
    for each in waiting:
        if each.after_own != after_own or (before is not None and each.sealed.entry.previous != before):
            return
        before = each.sealed.hash
        yield each.sealed


def _next_batch(agent: Agent, until: int | None = None) -> tuple[SealedEntry, ...]:
    with agent.database.read() as tx:
        state = tx.agent.get()
        if state.lacks_until:
            return ()
        after = max(state.high_water, tx.journal.first() - 1)
        limit = MAXIMUM_ENTRIES if until is None else min(MAXIMUM_ENTRIES, until - after)
        if limit <= 0:
            return ()
        return take_batch(tx.journal.entries(after=after, limit=limit), agent.upload_size.now)


def _lacks_deleted(agent: Agent, sequence: int, high_water: Tip | None) -> bool:
    """Whether the centre lacks entries that this machine deleted: it was sent all from the first one on that is here.

    Nothing more is sent then until it has them. The centre is shown that it acknowledged them. Raises ExchangeFailed,
    StoreError.
    """
    with agent.database.write() as tx:
        kept, first = tx.snapshots.in_force(), tx.journal.first()
        if first <= 1 or sequence != first:
            return False
        raise_missing(tx, high_water, first - 1)
    agent.log.error("the centre lacks entries that are kept here no more", until=first - 1)
    if kept is not None:
        try:
            agent.centre.show_snapshot(SnapshotShown(kept.signed, kept.acknowledgement))
        except RequestRefused as refused:
            agent.log.warning("the snapshot was not looked at", error=str(refused))
    return True


def _uploaded(agent: Agent, batch: tuple[SealedEntry, ...], *, held: bool = False) -> UploadAnswer | None:
    """The centre's answer; None where the batch was refused as too large, and the next one is smaller."""
    size = batch_size(batch)
    try:
        answer = agent.centre.upload(_with_checkpoint(agent, batch), held=held)
    except (UploadBlocked, RequestRefused) as error:
        if isinstance(error, RequestRefused) and error.code is not ProblemCode.BODY_TOO_LARGE:
            if error.code is ProblemCode.CLOCK_OFF:  # also what took longer than its signature holds
                agent.upload_size.broke(size)
            raise
        if len(batch) == 1:
            raise
        agent.upload_size.refused(size)
        agent.log.warning("an upload was too large", entries=len(batch), size=size, error=str(error))
        return None
    except ExchangeFailed:
        agent.upload_size.broke(size)
        raise
    agent.upload_size.passed()
    return answer


def _with_checkpoint(agent: Agent, batch: tuple[SealedEntry, ...]) -> UploadBatch:
    last = batch[-1]
    tip = Tip(last.entry.epoch, last.entry.sequence, last.hash)
    checkpoint = make_checkpoint(agent.kiosk, tip, agent.clock.wall(), agent.device_key)
    return UploadBatch(tuple(sealed.data for sealed in batch), checkpoint)


def _realign(agent: Agent, high_water: Tip | None) -> None:
    """Go back to what the centre has of this journal, or to its start where the centre tells of another strand."""
    with agent.database.write() as tx:
        state = record_contact(tx, agent.clock)
        alignment = compare_with_centre(tx, high_water, known=False)
        mark = alignment.high_water if isinstance(alignment, NothingMissing) else 0
        tx.agent.put(replace(state, high_water=mark))
    agent.log.warning("the centre misses entries", alignment=type(alignment).__name__)


def _go_on(agent: Agent, batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> bool:
    tail_lost = _accepted(agent, batch, answer)
    if not tail_lost:
        fold_other_strands(agent, answer.strands)
    return tail_lost


def _accepted_left(agent: Agent, batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> bool:
    _require_taken(batch, answer)
    with agent.database.write() as tx:
        state = replace(tx.agent.get(), quarantined=answer.quarantined, retired=answer.retired)
        tx.agent.put(replace(state, high_water=batch[-1].entry.sequence))
    return False


def _require_taken(batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> None:
    """Raise AnswerUnusable unless the centre says that it has the batch."""
    told, last = answer.high_water, batch[-1].entry.sequence
    if not answer.quarantined and (told is None or told.sequence < last):
        has = 0 if told is None else told.sequence
        raise AnswerUnusable(f"the centre took entries up to {last} and says that it has them up to {has}")


def _accepted(agent: Agent, batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> bool:
    """Record that the centre has the batch; the result says whether it has more than this kiosk.

    The answer tells of this journal's own strand where that ends with the batch.
    """
    last = batch[-1]
    tip = Tip(last.entry.epoch, last.entry.sequence, last.hash)
    _require_taken(batch, answer)
    with agent.database.write() as tx:
        state = record_contact(tx, agent.clock, answer.signed_time)
        state = replace(
            state, quarantined=answer.quarantined, retired=answer.retired, unconfirmed=answer.unconfirmed
        )
        told = answer.high_water
        if told == tip:
            state = replace(state, strand=answer.strand)
        tx.agent.put(replace(state, high_water=tip.sequence))
        if answer.branched:
            raise_alarm(tx, batch[0].entry.sequence)
        if told == tip and not answer.quarantined:
            begin_epoch_due(tx, answer.begin_epoch, agent.clock)
            return False
        return not answer.quarantined and tx.journal.tip() == tip


def _alarm(agent: Agent, sequence: int) -> None:
    with agent.database.write() as tx:
        raise_alarm(tx, sequence)
    agent.log.error("the chain does not continue the centre's", sequence=sequence)
