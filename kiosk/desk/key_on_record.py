"""The key that an account has, as far as this kiosk knows: of what it bound itself and what the feed says, the later.

Keys follow one another, so that the one whose validity began later is the one in use. A key that either source calls
lost is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord

if TYPE_CHECKING:
    from kiosk.domain.feed import KeyBoundElsewhere
    from kiosk.store.transaction import Transaction


def later_key(ours: KeyOnRecord | None, elsewhere: KeyOnRecord | None) -> KeyOnRecord | None:
    """The later of two keys of one account; the same key twice is lost when either says so."""
    if ours is None or elsewhere is None:
        return ours or elsewhere
    if ours.number == elsewhere.number:
        return replace(ours, lost=ours.lost or elsewhere.lost)
    return max(ours, elsewhere, key=lambda key: (key.not_before, key.not_after))


def key_of_feed(item: KeyBoundElsewhere) -> KeyOnRecord:
    """The key that a feed item tells of."""
    return KeyOnRecord(item.number, item.token_serial, item.not_before, item.not_after, item.lost)


def key_on_record(tx: Transaction, account: str) -> KeyOnRecord | None:
    """The account's key as far as this kiosk knows."""
    row = tx.ledger.account(account)
    elsewhere = tx.feed.key_elsewhere(account)
    return later_key(row.key if row else None, key_of_feed(elsewhere) if elsewhere else None)


def certificate_on_record(tx: Transaction, key: KeyOnRecord, account: str) -> bytes | None:
    """The certificate (DER) of a key, where this kiosk issued it or the feed brought it."""
    ours = tx.ledger.certificate(key.number)
    if ours is not None:
        return ours.certificate
    elsewhere = tx.feed.key_elsewhere(account)
    return elsewhere.certificate or None if elsewhere and elsewhere.number == key.number else None
