"""What of the own journal the centre had not received when it answered last; so much of it the policy allows.

Rows have the sequence of their entry on whichever strand that is, and what other strands have came from the centre. Where those go
further than the centre has the own journal, the own entry of that sequence tells which rows are its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.subjects import subjects

if TYPE_CHECKING:
    from kiosk.domain.entries.every import AnyBody
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction


def unsent_certificates(tx: Transaction) -> int:
    """How many certificates were issued that the centre has not received, whatever became of them."""
    after = tx.agent.get().high_water
    if not tx.other_strands.go_past(after):
        return tx.ledger.unsynced_certificates(after)
    found = 0
    for sequence, number in tx.ledger.issued_after(after):
        body = _own(tx, sequence)
        found += isinstance(body, CertificateIssued) and body.number == number
    return found


def unsent_amount(tx: Transaction) -> int:
    """The money (fen) that the desk took for paid by code, scan or its own word, and that the centre has not heard of.

    An order counts once, and not at all when the centre confirmed it or the first such notice went up already.
    """
    after = tx.agent.get().high_water
    if not tx.other_strands.go_past(after):
        return tx.ledger.unsynced_amount(after)
    found = 0
    for sequence, order, amount in tx.ledger.taken_after(after):
        body = _own(tx, sequence)
        found += amount if isinstance(body, OrderPaid) and body.order == order else 0
    return found


def unsent_orders(tx: Transaction) -> tuple[Order, ...]:
    """The orders, unpaid or paid, that were placed or came here since, oldest first."""
    after = tx.agent.get().high_water
    opened = tx.ledger.opened_after(after)
    if not tx.other_strands.go_past(after):
        return opened
    return tuple(each for each in opened if _is_about(_own(tx, each.sequence), each.reference))


def _own(tx: Transaction, sequence: int) -> AnyBody | None:
    sealed = tx.journal.entry(sequence)
    return None if sealed is None else sealed.entry.body


def _is_about(body: AnyBody | None, order: str) -> bool:
    return body is not None and subjects(body).order == order
