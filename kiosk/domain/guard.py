"""The guard: what a kiosk checks before it appends an entry.

The entry must follow: the fold that everybody runs leaves no remark on it. And it must agree with what else the kiosk
knows of the account: one open order a kind, one certificate under way, and each certificate after the key on record.
"""

from __future__ import annotations

from typing import Protocol

from kiosk.domain.entries.bindings import BindingStarted, CertificateIssued
from kiosk.domain.entries.orders import OrderAssigned, OrderPlaced
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Certificate, CertificateStatus, Order
from kiosk.domain.ledger_fold import Folding, Records, fold_entry, judged_by_the_issuer
from kiosk.domain.register import Register, later_key
from kiosk.domain.remarks import RemarkReason

_TAKEN_ALL_THE_SAME = {RemarkReason.MONEY_TOLD_BY_ANOTHER}
_NEVER_IN_USE = {CertificateStatus.ISSUED, CertificateStatus.VOID}


class AccountRecords(Records, Protocol):
    """The rows by their keys, and those of one account."""

    def open_orders_of(self, account: str) -> tuple[Order, ...]:
        """The account's orders that this kiosk owns: unpaid, or paid and not bound."""
        ...

    def certificates_of(self, account: str) -> tuple[Certificate, ...]:
        """The certificates issued here for the account."""
        ...


def admitted(records: AccountRecords, entry: Entry) -> Folding:
    """The rows after an entry that may be appended. Raises EntryRefused."""
    folding = fold_entry(records, entry, judged_by_the_issuer)
    for remark in folding.remarks:
        if remark.reason not in _TAKEN_ALL_THE_SAME:
            raise EntryRefused(remark.reason, remark.subject)
    match entry.body:
        case OrderPlaced() | OrderAssigned():
            _require_no_open_order(records, entry.body)
        case BindingStarted():
            _require_own_token(records, entry.body)
        case CertificateIssued():
            _require_next_certificate(records, entry.body)
        case _:
            pass
    return folding


def certificate_under_way(records: AccountRecords, account: str) -> Certificate | None:
    """The certificate that was issued for an open order of the account."""
    for order in records.open_orders_of(account):
        attempt = order.binding
        if attempt is not None and attempt.certificate is not None:
            return records.certificate(attempt.certificate)
    return None


def open_order(records: AccountRecords, account: str, kind: OrderKind) -> Order | None:
    """The account's open order of that kind."""
    return next((each for each in records.open_orders_of(account) if each.kind is kind), None)


def _require_no_open_order(records: AccountRecords, body: OrderPlaced | OrderAssigned) -> None:
    other = open_order(records, body.account, body.order_kind)
    if other is not None:
        raise EntryRefused(RemarkReason.ORDER_OPEN_ALREADY, other.reference)


def _require_own_token(records: AccountRecords, body: BindingStarted) -> None:
    """A renewal keeps the token on record."""
    order = records.order(body.order)
    if order is None or order.kind is not OrderKind.RENEWAL:
        return
    key = later_key(_register(records, order.account).key, body.key) or order.previous
    if key is None or key.token_serial != body.token_serial:
        raise EntryRefused(RemarkReason.ANOTHER_TOKEN, order.reference)


def _require_next_certificate(records: AccountRecords, body: CertificateIssued) -> None:
    """A certificate is a predecessor once, the predecessor is the key on record, and an account has one under way."""
    order = records.order(body.order)
    if order is None:
        return
    _require_predecessor(records, order, body)
    pending = certificate_under_way(records, order.account)
    if pending is not None:
        raise EntryRefused(RemarkReason.ANOTHER_CERTIFICATE_VALID, pending.number)


def _require_predecessor(records: AccountRecords, order: Order, body: CertificateIssued) -> None:
    key = _register(records, order.account).key
    old = records.certificate(body.predecessor) if body.predecessor else None
    if old is not None:
        _require_not_succeeded(records, order, old)
    if key is None or key.number == body.predecessor:
        return
    # What another kiosk issued is the later key if it ends later than the one known here.
    elsewhere = body.predecessor is not None and old is None
    if not elsewhere or body.old_end is None or body.old_end <= key.not_after:
        raise EntryRefused(RemarkReason.ANOTHER_CERTIFICATE_VALID, key.number)


def _require_not_succeeded(records: AccountRecords, order: Order, old: Certificate) -> None:
    for each in records.certificates_of(order.account):
        if each.predecessor == old.number and each.status is not CertificateStatus.VOID:
            raise EntryRefused(RemarkReason.PREDECESSOR_SUCCEEDED, old.number)
    if old.account != order.account or old.status in _NEVER_IN_USE:
        raise EntryRefused(RemarkReason.CERTIFICATE_DIFFERS, old.number)


def _register(records: Records, account: str) -> Register:
    return records.register(account) or Register(account)
