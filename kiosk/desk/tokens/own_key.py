"""The account's own key: what the services outside an order require of the token that is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.tokens.ownership import owner_of
from kiosk.desk.tokens.reading import issued_certificate
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import SAME_SERIAL, TokenRefusal, TokenRefused
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.ledger import CertificateStatus
from kiosk.pki.certificates import IssuedCertificate
from kiosk.store.keys_on_record import certificate_on_record, key_on_record

if TYPE_CHECKING:
    from kiosk.desk.tokens.reading import TokenFacts
    from kiosk.store.transaction import Transaction


class OwnKey(msgspec.Struct, frozen=True):
    """An account's key on record, and its certificate where the record has it."""

    key: KeyOnRecord
    certificate: IssuedCertificate | None


def require_own_key(tx: Transaction, account: str, facts: TokenFacts) -> OwnKey:
    """The account's key on record, which the token must be. Raises DeskRefused NO_KEY, TokenUnusable."""
    key = key_on_record(tx, account)
    if key is None:
        raise DeskRefused(Refusal.NO_KEY, rests_on_feed=True)
    if key.token_serial != facts.serial:
        if owner_of(tx, facts).account not in (None, account):
            raise TokenUnusable(TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=facts.serial))
        raise _not_on_record(key, facts)
    own = OwnKey(key, issued_certificate(certificate_on_record(tx, key, account)))
    if _is_a_twin(tx, account, own, facts):
        raise _not_on_record(key, facts, SAME_SERIAL)
    return own


def _is_a_twin(tx: Transaction, account: str, own: OwnKey, facts: TokenFacts) -> bool:
    """Whether the token has the key's serial and another account's key pair."""
    if own.certificate is None or facts.public_key in (None, own.certificate.public_key):
        return False
    owner = owner_of(tx, facts)
    return owner.status is KeyStatus.IN_USE and owner.account != account


def require_key_pair(own: OwnKey, facts: TokenFacts) -> IssuedCertificate:
    """The certificate on record, whose key pair the token must hold. Raises TokenUnusable, DeskRefused.

    Without a certificate on record nothing tells whose the key pair is.
    """
    if facts.public_key is None:
        raise TokenUnusable(TokenRefused(TokenRefusal.NO_CERTIFICATE, found=facts.serial))
    if own.certificate is None:
        raise DeskRefused(Refusal.RECORD_DISAGREES, rests_on_feed=True)
    if own.certificate.public_key != facts.public_key:
        raise _not_on_record(own.key, facts)
    return own.certificate


def certificate_to_restore(tx: Transaction, own: OwnKey, facts: TokenFacts) -> bytes | None:
    """The certificate (DER) on record where an unfinished renewal left its own on the key; None where none did."""
    on_token = issued_certificate(facts.certificate)
    if on_token is None or own.certificate is None or own.certificate.public_key != facts.public_key:
        return None
    ours = tx.ledger.certificate(on_token.number)
    left = (
        ours is not None and ours.status is CertificateStatus.VOID and ours.certificate == facts.certificate
    )
    return own.certificate.der if left else None


def _not_on_record(key: KeyOnRecord, facts: TokenFacts, detail: str | None = None) -> TokenUnusable:
    trouble = TokenRefusal.NOT_THE_KEY_ON_RECORD
    refused = TokenRefused(trouble, expected=key.token_serial, found=facts.serial, detail=detail)
    return TokenUnusable(refused)
