"""Finding orders by what people have of one: its number, or its receipt's code.

A number may be that of several orders (a kiosk and its copy gave it out): whoever asked has to choose by account and
time. Inside a transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.errors import DeskRefused
from kiosk.desk.views import Refusal
from kiosk.domain.identifiers import (
    IdentifierError,
    OrderNumberCheckDigitWrong,
    parse_order_number,
    parse_order_reference,
)
from kiosk.domain.payment_codes import PaymentCodeError, parse_link, read_order_code_unverified

if TYPE_CHECKING:
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction


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
