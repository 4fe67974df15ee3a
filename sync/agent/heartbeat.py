"""Heartbeats: they report the kiosk's state, and the answer says what the centre holds of its journal.

A centre that does not know this machine was put back from a backup, and is shown its deed, as is each that begins another
incarnation; with it goes the policy, so that no number is given again that this machine has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.domain.feed_keys import RowName, name_in_key
from kiosk.domain.versions import audience_of_kiosk
from kiosk.store.status import read_status
from kiosk.store.vault import VaultItem
from sync.agent.alignment import NothingMissing, TailLost
from sync.agent.context import Agent, incarnation_of, record_contact
from sync.agent.errors import RequestRefused
from sync.agent.positions import record_heartbeat
from sync.agent.recovery import fold_other_strands, part, recover
from sync.protocol.batches import make_checkpoint
from sync.protocol.deeds import SignedDeed
from sync.protocol.errors import ProblemCode
from sync.protocol.records import (
    KEPT_PROBLEM_LENGTH,
    MAXIMUM_FINDINGS,
    MAXIMUM_KEPT,
    SHOWN_ROWS,
    DeedShown,
    Heartbeat,
    HeartbeatAnswer,
    NightItem,
    NightNotice,
    UnappliedNotice,
)

if TYPE_CHECKING:
    from kiosk.domain.feed_rows import FeedRow
    from kiosk.store.transaction import Transaction


def heartbeat(agent: Agent) -> HeartbeatAnswer:
    """Compare positions with the centre, recover entries that this kiosk lost, and fold those of its other strands.

    Raises ExchangeFailed, RequestRefused, StoreError.
    """
    with agent.database.read() as tx:
        beat = _heartbeat(agent, tx)
    answer = _answered(agent, beat)
    with agent.database.write() as tx:
        record_contact(tx, agent.clock, answer.signed_time)
        alignment = record_heartbeat(tx, answer, agent.clock)
        identity, whole = tx.identity, tx.is_whole
    _show_after_restore(agent)
    if answer.quarantined or answer.retired or answer.unconfirmed:
        return answer  # such a machine gets nothing back; its entries are still uploaded
    unfinished = identity is not None and identity.epoch == 0 and isinstance(alignment, NothingMissing)
    if unfinished or (isinstance(alignment, TailLost) and not whole):
        recover(agent, strand=answer.strand)
    elif isinstance(alignment, TailLost):
        part(agent, answer.strand)  # it lost nothing: a copy of it went on from its last entry
    fold_other_strands(agent, answer.strands)
    return answer


def _answered(agent: Agent, beat: Heartbeat) -> HeartbeatAnswer:
    """The answer to a heartbeat; a centre that does not know this machine is shown its deed first."""
    try:
        return agent.centre.heartbeat(beat)
    except RequestRefused as refused:
        if refused.code is not ProblemCode.KIOSK_UNKNOWN or not show_deed(agent):
            raise
    return agent.centre.heartbeat(beat)


def show_deed(agent: Agent, known: int = 0) -> bool:
    """Show what this machine has of the centre's; False where it has no deed. Raises ExchangeFailed, RequestRefused, StoreError.

    `known` is the incarnation that it heard of before. Rows are shown that the centre may have forgotten: those that entries
    repeat, since nothing of this machine is entered before.
    """
    with agent.database.read() as tx:
        data, policy = tx.vault.get(VaultItem.DEED), tx.feed.signed_policy()
    if data is None:
        return False
    deed = msgspec.json.decode(data, type=SignedDeed)
    answer = agent.centre.show_deed(DeedShown(deed, policy, since=known, more=True))
    with agent.database.read() as tx:
        now = incarnation_of(tx)
        told = [tx.feed.rows.told_past(audience, past) for audience, past in sorted(answer.lost_past.items())]
    rows = [row for some in told for row in some if _may_be_lost(agent, row, now)]
    for begin in range(0, max(len(rows), 1), SHOWN_ROWS):
        some, more = tuple(rows[begin : begin + SHOWN_ROWS]), begin + SHOWN_ROWS < len(rows)
        agent.centre.show_deed(DeedShown(deed, rows=some, since=known, more=more))
    agent.log.warning("the deed was shown", rows=len(rows), unconfirmed=answer.unconfirmed)
    return True


def _may_be_lost(agent: Agent, row: FeedRow, incarnation: int) -> bool:
    """Whether a row is of an earlier incarnation, and one that the centre has from nowhere else."""
    name = name_in_key(row.key)
    if name is None or row.version.incarnation >= incarnation:
        return False
    own = row.audience == audience_of_kiosk(agent.kiosk)
    return name in _SAID_BY_STAFF or (own and name.is_immutable)


_SAID_BY_STAFF = frozenset({RowName.STAFF, RowName.OPERATOR, RowName.ENTERPRISE, RowName.SCHEDULE})


def _show_after_restore(agent: Agent) -> None:
    """Show the deed once in every incarnation of the centre but its first.

    Raises ExchangeFailed, RequestRefused, StoreError.
    """
    with agent.database.read() as tx:
        known, now = tx.agent.get().incarnation, incarnation_of(tx)
    if known == now:
        return
    again = bool(known or now > 1)
    if again:
        show_deed(agent, known)
    with agent.database.write() as tx:
        if again:
            tx.other_strands.forget_strands(now)
            tx.personal.send_again()
        tx.agent.put(replace(tx.agent.get(), incarnation=now, held=0 if again else None))


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
        checkpoint=checkpoint,
        backlog=store.backlog,
        cursors=store.cursors,
        wall=wall,
        program=agent.program,
        kept=kept,
        strand=store.agent.strand,
        night=_night(tx),
    )


def _night(tx: Transaction) -> NightNotice | None:
    state, newest = tx.nights.state(), tx.nights.newest()
    if state is None:
        return None
    if newest is None:
        return NightNotice(state.since, state.at)
    items = (NightItem(each.kind, each.count, each.step) for each in newest.findings[:MAXIMUM_FINDINGS])
    return NightNotice(state.since, state.at, newest.ended, tuple(items), newest.expiring_count)
