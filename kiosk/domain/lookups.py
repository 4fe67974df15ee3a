"""The transitions' look-ups: a row that must exist, else the entry waits for it."""

from __future__ import annotations

from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryWaits
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Account, Certificate, Ledger, Order


def order_of(ledger: Ledger, reference: str) -> Order:
    """The order of that reference. Raises EntryWaits."""
    order = ledger.order(reference)
    if order is None:
        raise EntryWaits(f"order {reference}")
    return order


def owned_order_of(ledger: Ledger, entry: Entry, reference: str) -> Order:
    """The order of that reference, which the entry's kiosk owns. Raises EntryWaits, EntryDisputed."""
    order = order_of(ledger, reference)
    if order.owner != entry.kiosk:
        raise EntryDisputed(DisputeReason.ORDER_OF_ANOTHER_KIOSK, reference)
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
