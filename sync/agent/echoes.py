"""Whether a feed item stands in the journal already: after a lost machine was replaced, the feed comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.journal import OrderAssigned, OrderReleased

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction

_BATCH = 500


def moves_already(tx: Transaction, number: int) -> bool:
    """Whether the journal has the move of an order that this item told of. Reads all of it: moves are rare."""
    after = 0
    while batch := tx.journal.entries(after, _BATCH):
        bodies = (sealed.entry.body for sealed in batch)
        if any(isinstance(body, OrderAssigned | OrderReleased) and body.feed == number for body in bodies):
            return True
        after = batch[-1].entry.sequence
    return False
