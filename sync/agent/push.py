"""Uploading the journal: batches beyond the centre's high-water mark, each with a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.domain.entries import Tip
from kiosk.domain.journal import SealedEntry
from sync.agent.alignment import Forked, TailLost
from sync.agent.context import Agent, record_contact
from sync.agent.errors import AnswerUnusable, HistoryForked, RequestRefused
from sync.agent.positions import fork_known, raise_alarm, record_position
from sync.protocol.batches import MAXIMUM_ENTRIES, make_checkpoint, take_batch
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
            answer = agent.centre.upload(_with_checkpoint(agent, batch))
        except RequestRefused as refused:
            if refused.code is ProblemCode.CHAIN_BROKEN:
                _alarm(agent, batch[0].entry.sequence)
                raise HistoryForked(batch[0].entry.sequence) from refused
            if refused.code is not ProblemCode.CHAIN_HOLE or realigned == _REALIGNMENTS:
                raise
            realigned += 1
            if _realign(agent, refused.problem.high_water):
                return PushReport(sent, tail_lost=True)
            continue
        if _accepted(agent, batch, answer):
            return PushReport(sent + len(batch), tail_lost=True)
        sent += len(batch)
        agent.log.info("sent", entries=len(batch), until=batch[-1].entry.sequence, branched=answer.branched)
    return PushReport(sent)


def _next_batch(agent: Agent) -> tuple[SealedEntry, ...]:
    with agent.database.read() as tx:
        return take_batch(tx.journal.entries(after=tx.agent.get().high_water, limit=MAXIMUM_ENTRIES))


def _with_checkpoint(agent: Agent, batch: tuple[SealedEntry, ...]) -> UploadBatch:
    last = batch[-1]
    tip = Tip(last.entry.epoch, last.entry.sequence, last.hash)
    checkpoint = make_checkpoint(agent.kiosk, tip, agent.clock.wall(), agent.device_key)
    return UploadBatch(tuple(sealed.data for sealed in batch), checkpoint)


def _realign(agent: Agent, high_water: Tip | None) -> bool:
    """Return to the centre's high-water mark; the result says whether the centre has more than this kiosk.

    A branch is sent from where the centre's chain ends, so that there is no gap before it.
    """
    with agent.database.write() as tx:
        state = record_contact(tx, agent.clock)
        alignment = record_position(tx, high_water, quarantined=state.quarantined)
        if high_water is not None and isinstance(alignment, Forked):
            tx.agent.put(replace(tx.agent.get(), high_water=high_water.sequence))
        tail_lost = isinstance(alignment, TailLost) and not fork_known(tx)
    agent.log.warning("the centre misses entries", alignment=type(alignment).__name__)
    return tail_lost


def _accepted(agent: Agent, batch: tuple[SealedEntry, ...], answer: UploadAnswer) -> bool:
    """Record that the centre has the batch; the result says whether it has more than this kiosk."""
    last = batch[-1].entry.sequence
    with agent.database.write() as tx:
        record_contact(tx, agent.clock, answer.signed_time)
        if answer.branched:
            raise_alarm(tx, batch[0].entry.sequence)
        if answer.branched or answer.quarantined or fork_known(tx):
            # The centre keeps these beside the journal, and its mark does not include them.
            state = replace(tx.agent.get(), high_water=last, quarantined=answer.quarantined)
            tx.agent.put(state)
            return False
        alignment = record_position(tx, answer.high_water, quarantined=False)
        mark = tx.agent.get().high_water
    if not isinstance(alignment, TailLost) and mark < last:
        raise AnswerUnusable(f"the centre took entries up to {last} and says that it has them up to {mark}")
    return isinstance(alignment, TailLost)


def _alarm(agent: Agent, sequence: int) -> None:
    with agent.database.write() as tx:
        raise_alarm(tx, sequence)
    agent.log.error("the chain does not continue the centre's", sequence=sequence)
