"""The kiosk's status, read in one transaction: for the status row, both status commands and the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.entries.body import Tip
from kiosk.domain.versions import Version
from kiosk.store.agent_state import AgentState
from kiosk.store.transaction import Identity
from kiosk.store.vault import VaultItem

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


def issuing_key(tx: Transaction) -> bytes | None:
    """The key (PKCS#8) of this machine's issuing CA, or of its request while the centre's root has to sign; None before."""
    anew = tx.agent.get().awaiting_root and tx.identity is not None
    return tx.vault.get(VaultItem.NEXT_ISSUING_KEY if anew else VaultItem.ISSUING_KEY)


def nights_missed(tx: Transaction, now: int) -> int:
    """How many nights in a row have no report by now (UTC seconds); none of a machine that was taken out of use."""
    return 0 if tx.agent.get().is_out_of_use else tx.nights.missed(now)
