"""The kiosk's status, read in one transaction: for the status row, both status commands and the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.entries import Tip
from kiosk.domain.versions import Version
from kiosk.store.agent_state import AgentState
from kiosk.store.transaction import Identity

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class StoreStatus(msgspec.Struct, frozen=True):
    """The store's part of the status: journal, agent, feed, and how much needs a person."""

    identity: Identity | None
    tip: Tip | None
    agent: AgentState
    cursors: dict[int, Version]
    feed_whole: bool
    matters: int
    unapplied_rows: int
    receipts_waiting: int

    @property
    def kiosk(self) -> int | None:
        """The kiosk's number; None before it is enrolled."""
        return None if self.identity is None else self.identity.kiosk

    @property
    def epoch(self) -> int | None:
        """The epoch that it writes in; None before it is enrolled."""
        return None if self.identity is None else self.identity.epoch

    @property
    def sequence(self) -> int:
        """The sequence of the journal's last entry; 0 before the first."""
        return 0 if self.tip is None else self.tip.sequence

    @property
    def backlog(self) -> int:
        """How many entries the centre does not have yet."""
        return max(0, self.sequence - self.agent.high_water)


def read_status(tx: Transaction) -> StoreStatus:
    """The status as of this transaction. Raises StoreCorrupt."""
    return StoreStatus(
        identity=tx.identity,
        tip=tx.journal.tip(),
        agent=tx.agent.get(),
        cursors=tx.feed.rows.cursors(),
        feed_whole=tx.feed.rows.is_whole(),
        matters=tx.feed.count_matters(),
        unapplied_rows=tx.feed.rows.count_unapplied(),
        receipts_waiting=tx.print_queue.count(),
    )
