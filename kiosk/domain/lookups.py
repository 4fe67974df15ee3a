"""The transitions' look-ups: a row that must exist, else the entry waits for it."""

from __future__ import annotations

from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryWaits
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Account, Certificate, Ledger, Order


def order_of(ledger: Ledger, number: str) -> Order:
    """The order of that number. Raises EntryWaits."""
    order = ledger.order(number)
    if order is None:
        raise EntryWaits(f"order {number}")
    return order


def owned_order_of(ledger: Ledger, entry: Entry, number: str) -> Order:
    """The order of that number, which the entry's kiosk owns. Raises EntryWaits, EntryDisputed."""
    order = order_of(ledger, number)
    if order.owner != entry.kiosk:
        raise EntryDisputed(DisputeReason.ORDER_OF_ANOTHER_KIOSK, number)
    return order


def certificate_of(ledger: Ledger, number: str) -> Certificate:
    """The certificate of that number. Raises EntryWaits."""
    certificate = ledger.certificate(number)
    if certificate is None:
        raise EntryWaits(f"certificate {number}")
    return certificate


def account_of(ledger: Ledger, account: str) -> Account:
    """The account of that name; an empty one if it has no row yet."""
    return ledger.account(account) or Account(account)
