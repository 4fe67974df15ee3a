"""Uploading the journal: batches beyond the centre's high-water mark, each with a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.domain.entries import Tip
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
from sync.agent.positions import begin_epoch_due, compare_with_centre, raise_alarm
from sync.agent.recovery import fold_other_strands
from sync.protocol.batches import MAXIMUM_ENTRIES, batch_size, make_checkpoint, take_batch
from sync.protocol.errors import ProblemCode
from sync.protocol.records import UploadAnswer, UploadBatch

if TYPE_CHECKING:
    from collections.abc import Callable


_REALIGNMENTS = 3


class PushReport(msgspec.Struct, frozen=True):
    """How many entries were uploaded, and whether this kiosk lost its tail, which is then to be pulled back."""

    sent: int = 0
    tail_lost: bool = False


def push(agent: Agent, stopped: Callable[[], bool] = lambda: False) -> PushReport:
    """Upload all entries that the centre lacks, batch by batch; `stopped` ends it between two batches.

    Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    sent = realigned = 0
    while not stopped():
        batch = _next_batch(agent)
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
            realigned += 1
            _realign(agent, refused.problem.high_water)
            continue
        if answer is None:
            continue
        tail_lost = _accepted(agent, batch, answer)
        sent += len(batch)
        agent.log.info("sent", entries=len(batch), until=batch[-1].entry.sequence, strand=answer.strand)
        if tail_lost:
            return PushReport(sent, tail_lost=True)
        fold_other_strands(agent, answer.strands)
    return PushReport(sent)


def _next_batch(agent: Agent) -> tuple[SealedEntry, ...]:
    with agent.database.read() as tx:
        entries = tx.journal.entries(after=tx.agent.get().high_water, limit=MAXIMUM_ENTRIES)
        return take_batch(entries, agent.upload_size.now)


def _uploaded(agent: Agent, batch: tuple[SealedEntry, ...]) -> UploadAnswer | None:
    """The centre's answer; None where the batch was refused as too large, and the next one is smaller."""
    size = batch_size(batch)
    try:
        answer = agent.centre.upload(_with_checkpoint(agent, batch))
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


def _accepted(agent: Agent, batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> bool:
    """Record that the centre has the batch; the result says whether it has more than this kiosk.

    The answer tells of this journal's own strand where that ends with the batch.
    """
    last = batch[-1]
    tip = Tip(last.entry.epoch, last.entry.sequence, last.hash)
    with agent.database.write() as tx:
        state = record_contact(tx, agent.clock, answer.signed_time)
        state = replace(
            state, quarantined=answer.quarantined, retired=answer.retired, unconfirmed=answer.unconfirmed
        )
        told = answer.high_water
        if not answer.quarantined and (told is None or told.sequence < tip.sequence):
            has = 0 if told is None else told.sequence
            raise AnswerUnusable(
                f"the centre took entries up to {tip.sequence} and says that it has them up to {has}"
            )
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
