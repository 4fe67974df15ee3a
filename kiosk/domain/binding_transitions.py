"""The transitions of a binding: one attempt at a time, each step after the one before.

started → key pair made → issued → written → proved → bound        (a renewal goes from started to issued)
"""

from __future__ import annotations

from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.errors import DisputeReason, EntryDisputed
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import (
    Account,
    Binding,
    BindingStep,
    Certificate,
    CertificateStatus,
    Ledger,
    Order,
    OrderStatus,
    Row,
)
from kiosk.domain.lookups import account_of, certificate_of, owned_order_of
from kiosk.domain.succession import claimed, out_of_use, taken_over


def started(ledger: Ledger, entry: Entry, body: BindingStarted) -> tuple[Row, ...]:
    """A first attempt, or one after an abandoned one; renewals need the token on record."""
    order = _paid_order(ledger, entry, body.order)
    if order.binding is not None or body.attempt != len(order.bindings) + 1:
        raise EntryDisputed(DisputeReason.BINDING_IN_ANOTHER_STEP, order.reference)
    account, rows = taken_over(ledger, account_of(ledger, order.account), body.key)
    if order.kind is OrderKind.RENEWAL:
        key = account.key or order.previous
        if key is None or key.token_serial != body.token_serial or body.public_key is None:
            raise EntryDisputed(DisputeReason.ANOTHER_TOKEN, order.reference)
    attempt = Binding(
        attempt=body.attempt,
        token_serial=body.token_serial,
        driver=body.driver,
        algorithm=body.algorithm,
        step=BindingStep.STARTED,
        public_key=body.public_key if order.kind is OrderKind.RENEWAL else None,
        old_certificate=body.old_certificate,
    )
    return replace(order, bindings=(*order.bindings, attempt)), account, *rows


def key_pair_made(ledger: Ledger, entry: Entry, body: KeyPairMade) -> tuple[Row, ...]:
    """Only a new token gets a key pair."""
    order, attempt = _attempt(ledger, entry, body, BindingStep.STARTED)
    if not order.kind.wants_new_token:
        raise EntryDisputed(DisputeReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return (_with(order, replace(attempt, step=BindingStep.KEY_PAIR_MADE, public_key=body.public_key)),)


def issued(ledger: Ledger, entry: Entry, body: CertificateIssued) -> tuple[Row, ...]:
    """A certificate under a number of its own; a certificate is a predecessor once."""
    order = _paid_order(ledger, entry, body.order)
    before = BindingStep.KEY_PAIR_MADE if order.kind.wants_new_token else BindingStep.STARTED
    order, attempt = _attempt(ledger, entry, body, before)
    if ledger.certificate(body.number) is not None:
        raise EntryDisputed(DisputeReason.CERTIFICATE_EXISTS, body.number)
    certificate = Certificate(
        number=body.number,
        order=order.reference,
        account=order.account,
        token_serial=attempt.token_serial,
        certificate=body.certificate,
        not_before=body.not_before,
        not_after=body.not_after,
        kiosk=entry.kiosk,
        sequence=entry.sequence,
        status=CertificateStatus.ISSUED,
        predecessor=body.predecessor,
        old_end=body.old_end,
    )
    rows: tuple[Row, ...] = (
        _with(order, replace(attempt, step=BindingStep.ISSUED, certificate=body.number)),
    )
    return (*rows, certificate, *claimed(ledger, order, body))


def written(ledger: Ledger, entry: Entry, body: CertificateWritten) -> tuple[Row, ...]:
    """The token took the certificate."""
    order, attempt = _attempt(ledger, entry, body, BindingStep.ISSUED)
    return (_with(order, replace(attempt, step=BindingStep.WRITTEN)),)


def proved(ledger: Ledger, entry: Entry, body: CertificateProved) -> tuple[Row, ...]:
    """It was read back and the token signs with its key."""
    order, attempt = _attempt(ledger, entry, body, BindingStep.WRITTEN)
    return (_with(order, replace(attempt, step=BindingStep.PROVED)),)


def bound(ledger: Ledger, entry: Entry, body: Bound) -> tuple[Row, ...]:
    """The new certificate is valid, the old one revoked, the order done.

    A renewal keeps the token: if that was reported lost in the meantime, the new certificate is on hold like the old one.
    """
    order, attempt = _attempt(ledger, entry, body, BindingStep.PROVED)
    if attempt.certificate is None:
        raise EntryDisputed(DisputeReason.BINDING_IN_ANOTHER_STEP, order.reference)
    certificate = certificate_of(ledger, attempt.certificate)
    if certificate.status is not CertificateStatus.ISSUED:
        raise EntryDisputed(DisputeReason.CERTIFICATE_DIFFERS, certificate.number)
    key = KeyOnRecord(
        certificate.number, certificate.token_serial, certificate.not_before, certificate.not_after
    )
    account = without_open_order(ledger, order)
    if order.kind is OrderKind.RENEWAL and account.key is not None and _on_hold(account.key):
        key = replace(key, lost=True, holds=account.key.holds)
    before = {certificate.predecessor, account.key.number if account.key else None}
    return (
        replace(_with(order, replace(attempt, step=BindingStep.BOUND)), status=OrderStatus.BOUND),
        replace(certificate, status=CertificateStatus.ON_HOLD if key.lost else CertificateStatus.VALID),
        replace(account, key=key),
        *(row for number in sorted(filter(None, before)) for row in out_of_use(ledger, number)),
    )


def _on_hold(key: KeyOnRecord) -> bool:
    return key.lost and not key.revoked


def abandoned(ledger: Ledger, entry: Entry, body: BindingAbandoned) -> tuple[Row, ...]:
    """What the attempt issued is void; its predecessor is free for the next attempt."""
    order = _paid_order(ledger, entry, body.order)
    attempt = order.binding
    if attempt is None or attempt.attempt != body.attempt:
        raise EntryDisputed(DisputeReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return (_with(order, replace(attempt, step=BindingStep.ABANDONED)), *voided(ledger, order))


def voided(ledger: Ledger, order: Order) -> tuple[Row, ...]:
    """The rows that void the certificate of the order's attempt, if one was issued."""
    attempt = order.binding
    if attempt is None or attempt.certificate is None:
        return ()
    certificate = certificate_of(ledger, attempt.certificate)
    rows: list[Row] = [replace(certificate, status=CertificateStatus.VOID)]
    old = ledger.certificate(certificate.predecessor) if certificate.predecessor else None
    if old is not None and old.successor == certificate.number:
        rows.append(replace(old, successor=None))
    return tuple(rows)


def without_open_order(ledger: Ledger, order: Order) -> Account:
    """The account's row after that order is no longer open."""
    account = account_of(ledger, order.account)
    remaining = {kind: other for kind, other in account.open_orders.items() if other != order.reference}
    return replace(account, open_orders=remaining)


def _paid_order(ledger: Ledger, entry: Entry, reference: str) -> Order:
    order = owned_order_of(ledger, entry, reference)
    if order.status is not OrderStatus.PAID:
        raise EntryDisputed(DisputeReason.ORDER_IN_ANOTHER_STATE, order.reference)
    return order


_Step = KeyPairMade | CertificateIssued | CertificateWritten | CertificateProved | Bound


def _attempt(ledger: Ledger, entry: Entry, body: _Step, after: BindingStep) -> tuple[Order, Binding]:
    order = _paid_order(ledger, entry, body.order)
    attempt = order.binding
    if attempt is None or attempt.attempt != body.attempt or attempt.step is not after:
        raise EntryDisputed(DisputeReason.BINDING_IN_ANOTHER_STEP, order.reference)
    return order, attempt


def _with(order: Order, attempt: Binding) -> Order:
    return replace(order, bindings=(*order.bindings[:-1], attempt))
