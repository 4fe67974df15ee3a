"""An account's key on record: the later of the kiosk's own and the feed's, or the later state of the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.register import later_key

if TYPE_CHECKING:
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.domain.ledger import Order
    from kiosk.store.transaction import Transaction


def key_on_record(tx: Transaction, account: str) -> KeyOnRecord | None:
    """The account's key as far as this kiosk knows."""
    row = tx.ledger.register(account)
    elsewhere = tx.feed.key_elsewhere(account)
    return later_key(row.key if row else None, elsewhere.key if elsewhere else None)


def key_before(tx: Transaction, order: Order) -> KeyOnRecord | None:
    """The key that the order's account has, or had when the order was placed."""
    return key_on_record(tx, order.account) or order.previous


def certificate_on_record(tx: Transaction, key: KeyOnRecord, account: str) -> bytes | None:
    """The certificate (DER) of a key, where this kiosk issued it or the feed brought it."""
    ours = tx.ledger.certificate(key.number)
    if ours is not None:
        return ours.certificate
    elsewhere = tx.feed.key_elsewhere(account)
    return elsewhere.certificate or None if elsewhere and elsewhere.number == key.number else None
