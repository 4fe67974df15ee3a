"""发票: asking for one, changing and withdrawing the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import is_bound, require_paid
from kiosk.desk.requests.asking import asked_for, kept
from kiosk.desk.requests.views import InvoiceView, RequestsView, invoice_view, requests_view
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.requests import AskedInvoice, InvoiceAsked, InvoiceChanged, InvoiceWithdrawn
from kiosk.domain.request_facts import judged_invoice
from kiosk.domain.requests import InvoiceState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.domain.entries.requests import InvoiceKind
    from kiosk.domain.ledger import Order
    from kiosk.domain.personal import InvoiceDetails
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
    """Take back a request, wherever it was asked. Raises DeskRefused."""
    with desk.database.write() as tx:
        order, by = asked_for(tx, who, reference)
        asked = require_invoice_asked(tx, order)
        requests = tx.ledger.requests(reference)
        own, told = None if requests is None else requests.invoice, None
        if own is not None:
            tx.personal.erase((own.commitment,))
        if own is None or own.state is not InvoiceState.ASKED or own.asked_at != asked.asked_at:
            told = AskedInvoice(asked.invoice, asked.asked_at)
        tx.append(InvoiceWithdrawn(reference, order.account, by, told), desk.clock)
        return requests_view(tx, order.account, reference)


def require_invoice_open(tx: Transaction, order: Order) -> None:
    """Refuse unless an invoice may be asked for, or another one. Raises DeskRefused."""
    if not is_bound(order):
        require_paid(order)
    _require_not_issued(tx, order)


def require_invoice_asked(tx: Transaction, order: Order) -> InvoiceView:
    """The request that waits, as far as it is known. Raises DeskRefused where there is none."""
    _require_not_issued(tx, order)
    known = invoice_view(tx, order.account, order.reference)
    if known is None or known.state is not InvoiceState.ASKED:
        raise DeskRefused(Refusal.INVOICE_NOT_ASKED)
    return known


def _require_not_issued(tx: Transaction, order: Order) -> None:
    known = invoice_view(tx, order.account, order.reference)
    if known is not None and known.state is InvoiceState.ISSUED:
        raise DeskRefused(Refusal.INVOICE_ISSUED)
