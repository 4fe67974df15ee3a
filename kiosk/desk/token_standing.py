"""What the token that is in is, by the record: whose key, and whether it is in use.

A token that a binding was begun on belongs to that binding; one that is empty is blank, whatever was on it; else the
serial on record counts before the certificate, which anybody may have copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.key_on_record import certificate_on_record, key_on_record
from kiosk.desk.key_views import KeyStanding
from kiosk.desk.tokens import issued_certificate
from kiosk.desk.views import Refusal, TokenRefused, TokenTrouble
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.ledger import Certificate, CertificateStatus, OrderStatus
from kiosk.pki.certificates import IssuedCertificate

if TYPE_CHECKING:
    from kiosk.desk.token_facts import TokenFacts
    from kiosk.store.transaction import Transaction


class Standing(msgspec.Struct, frozen=True):
    """What a token is: whose it is or was, the order that it was made for, and its key where it is one on record.

    `certificate` is the number of what is on it.
    """

    standing: KeyStanding
    account: str | None = None
    order: str | None = None
    key: KeyOnRecord | None = None
    certificate: str = ""


class OwnKey(msgspec.Struct, frozen=True):
    """An account's key on record, and its certificate where the record has it."""

    key: KeyOnRecord
    certificate: IssuedCertificate | None


def standing_of(tx: Transaction, facts: TokenFacts) -> Standing:
    """What the token with these contents is."""
    issued = issued_certificate(facts.certificate)
    number = issued.number if issued else ""
    for order in tx.ledger.orders(status=OrderStatus.PAID):
        attempt = order.binding
        if attempt is not None and attempt.token_serial == facts.serial:
            key = _key_here(tx, order.account, facts.serial)
            return Standing(KeyStanding.UNDER_WAY, order.account, order.number, key, number)
    holder = _holder(tx, facts.serial, issued)
    if facts.public_key is None and not facts.certificate:
        return Standing(KeyStanding.BLANK, holder)
    if holder is None and issued is None:
        holder = _told_by_feed(tx, facts.serial)
    if holder is not None:
        key = _key_here(tx, holder, facts.serial)
        if key is not None:
            return Standing(_of_key(key, number), holder, _order_of(tx, key.number), key, number)
    if issued is None:
        return Standing(KeyStanding.UNKNOWN)
    ours = tx.ledger.certificate(issued.number)
    account = ours.account if ours else issued.account
    return Standing(
        _of_certificate(tx, issued, ours), account, ours.order if ours else None, certificate=number
    )


def require_own(tx: Transaction, account: str, facts: TokenFacts) -> OwnKey:
    """The account's key on record, which the token must be. Raises DeskRefused NO_KEY, TokenUnusable."""
    key = key_on_record(tx, account)
    if key is None:
        raise DeskRefused(Refusal.NO_KEY, rests_on_feed=True)
    if key.token_serial != facts.serial:
        holder = standing_of(tx, facts).account
        other = holder is not None and holder != account
        trouble = TokenTrouble.ANOTHER_MEMBERS if other else TokenTrouble.NOT_THE_KEY_ON_RECORD
        expected = None if other else key.token_serial
        raise TokenUnusable(TokenRefused(trouble, expected=expected, found=facts.serial))
    return OwnKey(key, issued_certificate(certificate_on_record(tx, key, account)))


def require_key_pair(own: OwnKey, facts: TokenFacts) -> IssuedCertificate:
    """The certificate on record, whose key pair the token must hold. Raises TokenUnusable, DeskRefused.

    Without a certificate on record nothing tells whose the key pair is.
    """
    if facts.public_key is None:
        raise TokenUnusable(TokenRefused(TokenTrouble.NO_CERTIFICATE, found=facts.serial))
    if own.certificate is None:
        raise DeskRefused(Refusal.RECORD_DISAGREES, rests_on_feed=True)
    if own.certificate.public_key != facts.public_key:
        serial = own.key.token_serial
        raise TokenUnusable(
            TokenRefused(TokenTrouble.NOT_THE_KEY_ON_RECORD, expected=serial, found=facts.serial)
        )
    return own.certificate


def _holder(tx: Transaction, serial: str, issued: IssuedCertificate | None) -> str | None:
    """The account whose key on record is the token of that serial; what the feed alone knows shows by its certificate.

    One that was erased and bound again stands at two accounts until the first has another key: the later counts.
    """
    told = (row.account for row in tx.ledger.accounts() if row.key and row.key.token_serial == serial)
    here = [(key.not_before, account) for account in told if (key := _key_here(tx, account, serial))]
    if here:
        return max(here)[1]
    if issued is not None and _key_here(tx, issued.account, serial) is not None:
        return issued.account
    return None


def _told_by_feed(tx: Transaction, serial: str) -> str | None:
    """The account whose key the feed says the token is, where no certificate of a member on it says so."""
    told = (each.account for each in tx.feed.keys_elsewhere() if each.token_serial == serial)
    return next((account for account in told if _key_here(tx, account, serial) is not None), None)


def _key_here(tx: Transaction, account: str, serial: str) -> KeyOnRecord | None:
    key = key_on_record(tx, account)
    return key if key is not None and key.token_serial == serial else None


def _of_key(key: KeyOnRecord, on_it: str) -> KeyStanding:
    if key.revoked:
        return KeyStanding.REVOKED
    if key.lost:
        return KeyStanding.ON_HOLD
    return KeyStanding.IN_USE if on_it == key.number else KeyStanding.OUT_OF_STEP


def _of_certificate(tx: Transaction, issued: IssuedCertificate, ours: Certificate | None) -> KeyStanding:
    """Of one that is no account's key on record: out of use, where this kiosk or the feed knows so."""
    if ours is not None and ours.status in {CertificateStatus.REVOKED, CertificateStatus.VOID}:
        return KeyStanding.REVOKED
    key = key_on_record(tx, ours.account if ours else issued.account)
    later = key is not None and key.number != issued.number and key.not_before > issued.not_before
    return KeyStanding.REVOKED if later else KeyStanding.UNKNOWN


def _order_of(tx: Transaction, number: str) -> str | None:
    certificate = tx.ledger.certificate(number)
    return certificate.order if certificate else None
