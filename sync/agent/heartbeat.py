"""Heartbeats: they report the kiosk's state, and the answer says what the centre holds of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.store.status import read_status
from sync.agent.alignment import NothingMissing, TailLost
from sync.agent.context import Agent, record_contact
from sync.agent.errors import HistoryForked
from sync.agent.positions import fork_known, record_position
from sync.agent.recovery import recover
from sync.protocol.batches import make_checkpoint
from sync.protocol.records import (
    KEPT_PROBLEM_LENGTH,
    MAXIMUM_KEPT,
    Heartbeat,
    HeartbeatAnswer,
    UnappliedNotice,
)

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


def heartbeat(agent: Agent) -> HeartbeatAnswer:
    """Compare positions with the centre, and recover entries that this kiosk lost.

    A fork is raised as a dispute; this kiosk's entries are still uploaded. Raises ExchangeFailed, RequestRefused,
    StoreError.
    """
    with agent.database.read() as tx:
        beat = _heartbeat(agent, tx)
    answer = agent.centre.heartbeat(beat)
    with agent.database.write() as tx:
        record_contact(tx, agent.clock, answer.signed_time)
        alignment = record_position(tx, answer.high_water, quarantined=answer.quarantined)
        identity, forked = tx.identity, fork_known(tx)
    if answer.quarantined:
        return answer  # a revoked kiosk gets nothing back; its entries are still uploaded
    unfinished = identity is not None and identity.epoch == 0 and isinstance(alignment, NothingMissing)
    if unfinished or (isinstance(alignment, TailLost) and not forked):
        try:
            recover(agent)
        except HistoryForked as error:
            agent.log.exception("two histories", sequence=error.sequence)
    return answer


def _heartbeat(agent: Agent, tx: Transaction) -> Heartbeat:
    store, wall = read_status(tx), agent.clock.wall()
    checkpoint = (
        None if store.tip is None else make_checkpoint(agent.kiosk, store.tip, wall, agent.device_key)
    )
    kept = tuple(
        UnappliedNotice(each.number, each.problem[:KEPT_PROBLEM_LENGTH])
        for each in tx.feed.unapplied()[:MAXIMUM_KEPT]
    )
    return Heartbeat(checkpoint, store.backlog, store.feed_cursor, wall, agent.program, kept)
