"""An order paid elsewhere comes to this kiosk to be bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.journal import OrderAssigned
from kiosk.domain.succession import later_key
from sync.agent.echoes import moves_already

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.domain.feed import OrderAssignedHere
    from kiosk.store.transaction import Transaction


def assign(tx: Transaction, number: int, body: OrderAssignedHere, clock: Clock) -> None:
    """Enter the order in the journal, unless it is this kiosk's already. Raises EntryRefused, NotEnrolled."""
    identity, known = tx.identity, tx.ledger.order(body.order)
    if known is not None and identity is not None and known.owner == identity.kiosk:
        return
    if known is not None and moves_already(tx, number):
        return
    assigned = OrderAssigned(
        order=body.order,
        account=body.account,
        enterprise=body.enterprise,
        operator=body.operator,
        order_kind=body.order_kind,
        lines=body.lines,
        schedule=body.schedule,
        placed_at=body.placed_at,
        transaction=body.transaction,
        paid_at=body.paid_at,
        feed=number,
        previous=_key_on_record(tx, body.account),
    )
    tx.append(assigned, clock)


def _key_on_record(tx: Transaction, account: str) -> KeyOnRecord | None:
    """The later of the keys that this kiosk bound and that the feed told of."""
    row, told = tx.ledger.account(account), tx.feed.key_elsewhere(account)
    return later_key(row.key if row else None, told.key if told else None)
