"""Putting the certificate on record back on a key that a renewal left another one on.

A renewal that was refunded, given up or moved away while its key was not in leaves a certificate on it that never comes
into use. The key pair is the same, so that the one on record belongs back; a certificate that this kiosk does not know
may be another kiosk's renewal, and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.tokens import issued_certificate
from kiosk.domain.ledger import CertificateStatus

if TYPE_CHECKING:
    from kiosk.desk.token_facts import TokenFacts
    from kiosk.desk.token_standing import OwnKey
    from kiosk.store.transaction import Transaction


def to_put_back(tx: Transaction, own: OwnKey, facts: TokenFacts) -> bytes | None:
    """The certificate (DER) that belongs on the account's own key in place of the one on it; None where none does."""
    on_token = issued_certificate(facts.certificate)
    if on_token is None or own.certificate is None or own.certificate.public_key != facts.public_key:
        return None
    ours = tx.ledger.certificate(on_token.number)
    left = (
        ours is not None and ours.status is CertificateStatus.VOID and ours.certificate == facts.certificate
    )
    return own.certificate.der if left else None
