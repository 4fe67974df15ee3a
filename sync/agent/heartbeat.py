"""Heartbeats: they report the kiosk's state, and the answer says what the centre holds of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.store.status import read_status
from sync.agent.alignment import NothingMissing, TailLost
from sync.agent.context import Agent, record_contact
from sync.agent.positions import record_heartbeat
from sync.agent.recovery import fold_other_strands, part, recover
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
    """Compare positions with the centre, recover entries that this kiosk lost, and fold those of its other strands.

    Raises ExchangeFailed, RequestRefused, StoreError.
    """
    with agent.database.read() as tx:
        beat = _heartbeat(agent, tx)
    answer = agent.centre.heartbeat(beat)
    with agent.database.write() as tx:
        record_contact(tx, agent.clock, answer.signed_time)
        alignment = record_heartbeat(tx, answer, agent.clock)
        identity, whole = tx.identity, tx.is_whole
    if answer.quarantined or answer.retired:
        return answer  # such a machine gets nothing back; its entries are still uploaded
    unfinished = identity is not None and identity.epoch == 0 and isinstance(alignment, NothingMissing)
    if unfinished or (isinstance(alignment, TailLost) and not whole):
        recover(agent, strand=answer.strand)
    elif isinstance(alignment, TailLost):
        part(agent, answer.strand)  # it lost nothing: a copy of it went on from its last entry
    fold_other_strands(agent, answer.strands)
    return answer


def _heartbeat(agent: Agent, tx: Transaction) -> Heartbeat:
    store, wall = read_status(tx), agent.clock.wall()
    checkpoint = (
        None if store.tip is None else make_checkpoint(agent.kiosk, store.tip, wall, agent.device_key)
    )
    kept = tuple(
        UnappliedNotice(each.row.audience, each.row.key, each.problem[:KEPT_PROBLEM_LENGTH])
        for each in tx.feed.rows.unapplied()[:MAXIMUM_KEPT]
    )
    return Heartbeat(
        checkpoint, store.backlog, store.cursors, wall, agent.program, kept, strand=store.agent.strand
    )
