"""发票: asking for one, changing and withdrawing the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import is_bound, require_paid
from kiosk.desk.requests.asking import asked_for, kept
from kiosk.desk.requests.views import RequestsView, invoice_view, requests_view
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.requests import InvoiceAsked, InvoiceChanged, InvoiceWithdrawn
from kiosk.domain.request_facts import judged_invoice
from kiosk.domain.requests import InvoiceState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.domain.entries.requests import InvoiceKind
    from kiosk.domain.ledger import Order
    from kiosk.domain.personal import InvoiceDetails
    from kiosk.domain.requests import InvoiceRequest
    from kiosk.store.transaction import Transaction


def ask_invoice(
    desk: Desk,
    who: Session | StaffSession,
    reference: str,
    invoice: InvoiceKind,
    details: InvoiceDetails,
) -> RequestsView:
    """Ask for an invoice of a paid or bound order, or for another one than before. Raises DeskRefused."""
    details, faults = judged_invoice(invoice, details)
    if faults:
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        order, by = asked_for(tx, who, reference)
        require_invoice_open(tx, order)
        known = invoice_view(tx, order.account, reference)
        own = tx.ledger.requests(reference)
        former = b"" if own is None or own.invoice is None else own.invoice.commitment
        commitment = kept(desk, tx, details, order.account, former)
        waits = known is not None and known.state is InvoiceState.ASKED
        asked = InvoiceChanged if waits else InvoiceAsked
        tx.append(asked(reference, order.account, invoice, commitment, by), desk.clock)
        return requests_view(tx, order.account, reference)


def withdraw_invoice(desk: Desk, who: Session | StaffSession, reference: str) -> RequestsView:
    """Take back a request that was noted here. Raises DeskRefused."""
    with desk.database.write() as tx:
        order, by = asked_for(tx, who, reference)
        asked = require_invoice_asked(tx, order)
        tx.personal.erase((asked.commitment,))
        tx.append(InvoiceWithdrawn(reference, order.account, by), desk.clock)
        return requests_view(tx, order.account, reference)


def require_invoice_open(tx: Transaction, order: Order) -> None:
    """Refuse unless an invoice may be asked for, or another one. Raises DeskRefused."""
    if not is_bound(order):
        require_paid(order)
    _require_not_issued(tx, order)


def require_invoice_asked(tx: Transaction, order: Order) -> InvoiceRequest:
    """The request that was noted here and waits. Raises DeskRefused where there is none."""
    _require_not_issued(tx, order)
    own = tx.ledger.requests(order.reference)
    if own is None or own.invoice is None or own.invoice.state is not InvoiceState.ASKED:
        raise DeskRefused(Refusal.INVOICE_NOT_ASKED)
    return own.invoice


def _require_not_issued(tx: Transaction, order: Order) -> None:
    known = invoice_view(tx, order.account, order.reference)
    if known is not None and known.state is InvoiceState.ISSUED:
        raise DeskRefused(Refusal.INVOICE_ISSUED)
