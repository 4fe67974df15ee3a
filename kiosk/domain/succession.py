"""The order of an account's keys, and how a kiosk's record takes in keys from elsewhere.

Each certificate of an account ends later than the one before, whichever kiosk issued it.
"""

from __future__ import annotations

from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import CertificateIssued
from kiosk.domain.errors import DisputeReason, EntryDisputed, EntryWaits
from kiosk.domain.ledger import Account, Certificate, CertificateStatus, Ledger, Order, Row
from kiosk.domain.lookups import account_of

_IN_USE = {CertificateStatus.VALID, CertificateStatus.ON_HOLD}
_NEVER_IN_USE = {CertificateStatus.ISSUED, CertificateStatus.VOID}


def later_key(one: KeyOnRecord | None, other: KeyOnRecord | None) -> KeyOnRecord | None:
    """The later of two keys of one account; for the same key, the later state of its loss.

    Revoked is final; with equal counts of holds it is lost when either says so.
    """
    if one is None or other is None:
        return one or other
    if one.number == other.number:
        return _joined(one, other)
    return max(one, other, key=lambda key: (key.not_before, key.not_after))


def _joined(one: KeyOnRecord, other: KeyOnRecord) -> KeyOnRecord:
    revoked = one.revoked or other.revoked
    lost = one.lost or other.lost if one.holds == other.holds else max(one, other, key=_holds).lost
    return replace(one, lost=lost or revoked, holds=max(one.holds, other.holds), revoked=revoked)


def _holds(key: KeyOnRecord) -> int:
    return key.holds


def taken_over(
    ledger: Ledger, account: Account, named: KeyOnRecord | None
) -> tuple[Account, tuple[Row, ...]]:
    """The account after a kiosk took over a later key that an order names, and the rows of the key before.

    The complete ledger knows better than a kiosk that was offline.
    """
    key = later_key(account.key, named)
    if ledger.complete or key == account.key:
        return account, ()
    before = account.key
    if before is None or key is None:
        return replace(account, key=key), ()
    same = before.number == key.number
    return replace(account, key=key), certificate_rows(ledger, key) if same else out_of_use(
        ledger, before.number
    )


def certificate_rows(ledger: Ledger, key: KeyOnRecord) -> tuple[Row, ...]:
    """The row of a key's own certificate, in use, on hold or revoked as the key is."""
    certificate = ledger.certificate(key.number)
    if certificate is None or certificate.status not in _IN_USE:
        return ()
    on_hold = CertificateStatus.ON_HOLD if key.lost else CertificateStatus.VALID
    return (replace(certificate, status=CertificateStatus.REVOKED if key.revoked else on_hold),)


def out_of_use(ledger: Ledger, number: str | None) -> tuple[Row, ...]:
    """The row of a certificate after its account got a later one."""
    certificate = ledger.certificate(number) if number else None
    if certificate is None or certificate.status not in _IN_USE:
        return ()
    return (replace(certificate, status=CertificateStatus.REVOKED),)


def claimed(ledger: Ledger, order: Order, body: CertificateIssued) -> tuple[Row, ...]:
    """The predecessor's row with its successor. Raises EntryWaits, EntryDisputed.

    A certificate is a predecessor once, the predecessor is the key on record, and an account has one certificate
    under way.
    """
    key = account_of(ledger, order.account).key
    rows = _successor_noted(ledger, order, body, key)
    pending = under_way_elsewhere(ledger, order)
    if pending is not None:
        raise EntryDisputed(DisputeReason.ANOTHER_CERTIFICATE_VALID, pending.number)
    return rows


def under_way_elsewhere(ledger: Ledger, order: Order) -> Certificate | None:
    """The certificate under way for another open order of the same account."""
    for reference in account_of(ledger, order.account).open_orders.values():
        other = ledger.order(reference)
        if other is None or other.reference == order.reference or other.binding is None:
            continue
        if other.binding.certificate is not None:
            return ledger.certificate(other.binding.certificate)
    return None


def _successor_noted(
    ledger: Ledger, order: Order, body: CertificateIssued, key: KeyOnRecord | None
) -> tuple[Row, ...]:
    if body.predecessor is None:
        if key is not None:
            raise EntryDisputed(DisputeReason.ANOTHER_CERTIFICATE_VALID, key.number)
        return ()
    old = ledger.certificate(body.predecessor)
    if old is None:
        return _predecessor_elsewhere(ledger, body.predecessor, body.old_end, key)
    if old.successor is not None:
        raise EntryDisputed(DisputeReason.PREDECESSOR_SUCCEEDED, old.number)
    if old.account != order.account or old.status in _NEVER_IN_USE:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, old.number)
    if key is not None and key.number != old.number:
        raise EntryDisputed(DisputeReason.ANOTHER_CERTIFICATE_VALID, key.number)
    return (replace(old, successor=body.number),)


def _predecessor_elsewhere(
    ledger: Ledger, predecessor: str, old_end: int | None, key: KeyOnRecord | None
) -> tuple[Row, ...]:
    """No rows for a predecessor that another kiosk issued; disputed when the key on record is later."""
    if ledger.complete:
        raise EntryWaits(f"certificate {predecessor}")
    if key is not None and key.number != predecessor and (old_end is None or old_end <= key.not_after):
        raise EntryDisputed(DisputeReason.ANOTHER_CERTIFICATE_VALID, key.number)
    return ()
