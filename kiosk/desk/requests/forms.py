"""What staff can do for an order after its payment, and why not; and what is known for the forms that they type."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kiosk.desk.errors import DeskRefused
from kiosk.desk.requests.asking import asked_for
from kiosk.desk.requests.delivery import require_address_open, require_mailed, require_to_mail
from kiosk.desk.requests.invoice import require_invoice_asked, require_invoice_open
from kiosk.desk.requests.views import RequestsView, requests_view
from kiosk.desk.views.refusals import Refused
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.request_facts import usable_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import StaffSession
    from kiosk.domain.feed import DeliveryTold, InvoiceTold
    from kiosk.domain.ledger import Order
    from kiosk.domain.requests import DeliveryRequest, InvoiceRequest
    from kiosk.store.transaction import Transaction

_Record = TypeVar("_Record", DeliveryAddress, InvoiceDetails)


class RequestAct(enum.StrEnum):
    """What staff do for an order after its payment."""

    ADDRESS = "address"
    MAILED = "mailed"
    RETURNED = "returned"
    INVOICE = "invoice"
    WITHDRAWAL = "withdrawal"


class RequestForms(msgspec.Struct, frozen=True, tag="request-forms"):
    """Where an order's requests stand, which acts are refused and why, and what the two forms begin with."""

    requests: RequestsView
    refused: dict[RequestAct, Refused]
    address: DeliveryAddress
    invoice: InvoiceKind
    details: InvoiceDetails


FormsOutcome = RequestForms | Refused


def request_forms(desk: Desk, staff: StaffSession, reference: str) -> RequestForms:
    """Everything for an order that staff chose; personal facts are whole, for staff alone. Raises DeskRefused."""
    with desk.database.read() as tx:
        order, _ = asked_for(tx, staff, reference)
        checks: dict[RequestAct, Callable[[], object]] = {
            RequestAct.ADDRESS: lambda: require_address_open(tx, order),
            RequestAct.MAILED: lambda: require_to_mail(order),
            RequestAct.RETURNED: lambda: require_mailed(tx, order),
            RequestAct.INVOICE: lambda: require_invoice_open(tx, order),
            RequestAct.WITHDRAWAL: lambda: require_invoice_asked(tx, order),
        }
        refused = {act: why for act, check in checks.items() if (why := _why_not(check)) is not None}
        view = requests_view(tx, order.account, reference)
        kind = InvoiceKind.SPECIAL if view.invoice is None else view.invoice.invoice
        return RequestForms(view, refused, _address(tx, order), kind, _details(tx, order))


def _why_not(check: Callable[[], object]) -> Refused | None:
    try:
        check()
    except DeskRefused as refused:
        return Refused(refused.reason)
    return None


def _address(tx: Transaction, order: Order) -> DeliveryAddress:
    """What was asked before, of this order, or, where nothing was, of the account's others; else the operator as recipient."""
    own, told = tx.ledger.requests(order.reference), tx.feed.delivery(order.account, order.reference)
    delivery = None if own is None else own.delivery
    asked = None
    if not _is_later(told, delivery):
        commitment = b"" if delivery is None else delivery.commitment
        asked = _asked(tx, order, commitment, DeliveryAddress)
    return asked or DeliveryAddress(order.operator, "", "")


def _details(tx: Transaction, order: Order) -> InvoiceDetails:
    """What was asked before, in the same way; else the enterprise as it is on record."""
    own, told = tx.ledger.requests(order.reference), tx.feed.invoice(order.account, order.reference)
    invoice = None if own is None else own.invoice
    if not _is_later(told, invoice):
        commitment = b"" if invoice is None else invoice.commitment
        asked = _asked(tx, order, commitment, InvoiceDetails)
        if asked is not None:
            return asked
    operator = tx.members.operator(order.account)
    code = "" if operator is None else usable_code(operator.enterprise_code)
    return InvoiceDetails(order.enterprise, code, "")


def _is_later(told: DeliveryTold | InvoiceTold | None, own: DeliveryRequest | InvoiceRequest | None) -> bool:
    """Whether the centre told of a later request than was entered here: its facts are not here, and what is here is not it."""
    return told is not None and told.asked_at > (0 if own is None else own.asked_at)


def _asked(tx: Transaction, order: Order, commitment: bytes, kind: type[_Record]) -> _Record | None:
    """The record of that commitment; without one the newest of the account and kind that this kiosk still has."""
    records = tx.personal.of_account(order.account)
    names = [commitment] if commitment else [each.commitment for each in reversed(records)]
    found = (tx.personal.get(each) for each in names)
    return next((each for each in found if isinstance(each, kind)), None)
