"""发票: asking for one, changing and withdrawing the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import is_bound, own_order, require_paid
from kiosk.desk.requests.asking import asked_by, kept
from kiosk.desk.requests.views import RequestsView, invoice_view, requests_view
from kiosk.desk.views import Refusal
from kiosk.domain.entries import InvoiceAsked, InvoiceChanged, InvoiceWithdrawn
from kiosk.domain.request_facts import judged_invoice
from kiosk.domain.requests import InvoiceState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views import Session, StaffSession
    from kiosk.domain.entries import InvoiceKind
    from kiosk.domain.personal import InvoiceDetails


def ask_invoice(
    desk: Desk,
    session: Session,
    reference: str,
    invoice: InvoiceKind,
    details: InvoiceDetails,
    staff: StaffSession | None = None,
) -> RequestsView:
    """Ask for an invoice of a paid or bound order, or for another one than before. Raises DeskRefused."""
    details, faults = judged_invoice(invoice, details)
    if faults:
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        by = asked_by(tx, staff)
        order = own_order(tx, reference, session.account)
        if not is_bound(order):
            require_paid(order)
        known = invoice_view(tx, session.account, reference)
        if known is not None and known.state is InvoiceState.ISSUED:
            raise DeskRefused(Refusal.INVOICE_ISSUED)
        own = tx.ledger.requests(reference)
        former = b"" if own is None or own.invoice is None else own.invoice.commitment
        commitment = kept(desk, tx, details, session.account, former)
        waits = known is not None and known.state is InvoiceState.ASKED
        asked = InvoiceChanged if waits else InvoiceAsked
        tx.append(asked(reference, session.account, invoice, commitment, by), desk.clock)
        return requests_view(tx, session.account, reference)


def withdraw_invoice(
    desk: Desk, session: Session, reference: str, staff: StaffSession | None = None
) -> RequestsView:
    """Take back a request that was noted here. Raises DeskRefused."""
    with desk.database.write() as tx:
        by = asked_by(tx, staff)
        own_order(tx, reference, session.account)
        known, own = invoice_view(tx, session.account, reference), tx.ledger.requests(reference)
        if known is not None and known.state is InvoiceState.ISSUED:
            raise DeskRefused(Refusal.INVOICE_ISSUED)
        if own is None or own.invoice is None or own.invoice.state is not InvoiceState.ASKED:
            raise DeskRefused(Refusal.INVOICE_NOT_ASKED)
        tx.personal.erase((own.invoice.commitment,))
        tx.append(InvoiceWithdrawn(reference, session.account, by), desk.clock)
        return requests_view(tx, session.account, reference)
