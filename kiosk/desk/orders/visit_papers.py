"""Papers of a visit in which several operators of one enterprise came: a label for each key, one slip for all.

They wait in the queue of the receipts, each under a name of its own, so that a printer without paper loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.receipts import print_paper
from kiosk.desk.orders.views import is_bound, own_order, require_paid
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.journal import short_hash
from kiosk.domain.masking import masked_name
from kiosk.text.visit_papers import KeyLabel, SlipLine, VisitSlip

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Certificate, Order
    from kiosk.store.transaction import Transaction


def print_label(desk: Desk, reference: str) -> PrintOutcome:
    """Print the label of the key that was bound for an order. Raises DeskRefused where none was."""
    return print_paper(desk, f"key-label/{reference}", lambda tx: _label(tx, reference))


def print_slip(desk: Desk, references: tuple[str, ...]) -> PrintOutcome:
    """Print one slip of the keys that were bound for these orders, all of one enterprise. Raises DeskRefused."""
    if not references:
        raise DeskRefused(Refusal.NO_ORDER)
    return print_paper(desk, f"visit-slip/{references[-1]}", lambda tx: _slip(desk, tx, references))


def _label(tx: Transaction, reference: str) -> KeyLabel:
    order, certificate = _bound(tx, reference)
    return KeyLabel(
        account=order.account,
        operator=masked_name(order.operator),
        serial=certificate.token_serial,
        valid_from=certificate.not_before,
        valid_until=certificate.not_after,
    )


def _slip(desk: Desk, tx: Transaction, references: tuple[str, ...]) -> VisitSlip:
    bound = [_bound(tx, reference) for reference in references]
    enterprises = {order.enterprise for order, _ in bound}
    tip = tx.journal.tip()
    if len(enterprises) != 1 or tip is None:
        raise DeskRefused(Refusal.NOT_ALLOWED)
    return VisitSlip(
        exchange=desk.settings.exchange.name,
        enterprise=enterprises.pop(),
        lines=tuple(_line(order, certificate) for order, certificate in bound),
        journal_sequence=tip.sequence,
        journal_hash=short_hash(tip.hash),
        printed_at=desk.clock.wall(),
        support=desk.settings.exchange.support,
    )


def _line(order: Order, certificate: Certificate) -> SlipLine:
    return SlipLine(
        order=order.order_number,
        kind=order.kind,
        account=order.account,
        operator=masked_name(order.operator),
        serial=certificate.token_serial,
        valid_until=certificate.not_after,
        amount=order.total,
    )


def _bound(tx: Transaction, reference: str) -> tuple[Order, Certificate]:
    """An order whose key was bound here, and the certificate. Raises DeskRefused."""
    order = own_order(tx, reference)
    if not is_bound(order):
        require_paid(order)
    binding = order.binding
    number = None if binding is None or not is_bound(order) else binding.certificate
    certificate = None if number is None else tx.ledger.certificate(number)
    if certificate is None:
        raise DeskRefused(Refusal.NO_KEY)
    return order, certificate
