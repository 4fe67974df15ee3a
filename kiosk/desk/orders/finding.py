"""Finding orders by what people have of one: its number, its receipt's code, or the label of its key.

A number may be that of several orders (a kiosk and its copy gave it out): whoever asked has to choose by account and
time. A receipt's code and a key's label are no secrets: whoever scans one hears that there is an order, and more after the sign-in alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import order_views, own_order
from kiosk.desk.views.orders import OrderView, ScanRead
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.identifiers import (
    IdentifierError,
    OrderNumberCheckDigitWrong,
    parse_order_number,
    parse_order_reference,
)
from kiosk.domain.payment_codes import PaymentCodeError, parse_link, read_order_code_unverified
from kiosk.domain.scanned_confirmations import is_scanned_confirmation

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction


def read_scan(desk: Desk, text: str) -> ScanRead:
    """Whether there is an order for what was scanned. Raises DeskRefused."""
    with desk.database.read() as tx:
        found = _scanned(tx, text)
        by_label = _of_label(tx, text) is not None
        return ScanRead("" if by_label else found[0].order_number)


def scanned_orders(desk: Desk, session: Session, text: str) -> tuple[OrderView, ...]:
    """The account's orders among those of what was scanned, newest first. Raises DeskRefused."""
    with desk.database.read() as tx:
        found = [order for order in _scanned(tx, text) if order.account == session.account]
        if not found:
            raise DeskRefused(Refusal.SCAN_NOT_YOURS)
        return order_views(desk, tx, [own_order(tx, order.reference, session.account) for order in found])


def _scanned(tx: Transaction, text: str) -> tuple[Order, ...]:
    """The orders of a scan, one at least. Raises DeskRefused."""
    if is_scanned_confirmation(text):
        raise DeskRefused(Refusal.SCAN_IS_CONFIRMATION)
    labelled = _of_label(tx, text)
    if labelled is not None:
        return (labelled,)
    try:
        found = named_orders(tx, text)
    except DeskRefused as refused:
        raise DeskRefused(Refusal.SCAN_UNKNOWN) from refused
    if not found:
        raise DeskRefused(Refusal.SCAN_UNKNOWN)
    return found


def _of_label(tx: Transaction, text: str) -> Order | None:
    """The order of a key whose label bears its serial number: the one that is being bound on it, else the last that was."""
    serial = text.strip().upper()
    return (tx.ledger.binding_on(serial) or tx.ledger.bound_on(serial)) if serial else None


def named_orders(tx: Transaction, text: str) -> tuple[Order, ...]:
    """The orders of a typed number, newest first: none, one or several; of a reference or a scanned code at most one.

    Raises DeskRefused for a text that is none of these.
    """
    reference = _reference(text.strip())
    if reference is not None:
        found = tx.ledger.order(reference)
        return () if found is None else (found,)
    try:
        return tx.ledger.numbered(str(parse_order_number(text)))
    except OrderNumberCheckDigitWrong as error:
        raise DeskRefused(Refusal.ORDER_NUMBER_MISTYPED) from error
    except IdentifierError as error:
        raise DeskRefused(Refusal.NO_ORDER_NUMBER) from error


def is_order_number(text: str) -> bool:
    """Whether somebody typed the number of an order, rightly or nearly so."""
    try:
        parse_order_number(text)
    except OrderNumberCheckDigitWrong:
        return True
    except IdentifierError:
        return False
    return True


def _reference(text: str) -> str | None:
    """The reference that the text is, or that the code in it is of."""
    try:
        return str(parse_order_reference(text))
    except IdentifierError:
        pass  # a number, or a code
    try:
        return str(read_order_code_unverified(parse_link(text)).reference)
    except PaymentCodeError:
        return None
