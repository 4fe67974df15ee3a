"""Entries of a binding, in the order of its steps."""

from __future__ import annotations

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import Body


class BindingStarted(Body, tag="binding-started", frozen=True, omit_defaults=True):
    """An attempt to bind one token begins; a renewal also keeps the old certificate (DER) and the public key.

    `key` is the key to renew, when it is not in the kiosk's own journal: it was bound elsewhere after the order was
    placed.
    """

    order: str
    attempt: int
    token_serial: str
    driver: str
    algorithm: str
    public_key: bytes | None = None
    old_certificate: bytes | None = None
    key: KeyOnRecord | None = None


class KeyPairMade(Body, tag="key-pair-made", frozen=True):
    """A key pair was made on the token; 04 ‖ x ‖ y."""

    order: str
    attempt: int
    public_key: bytes


class CertificateIssued(Body, tag="certificate-issued", frozen=True):
    """The kiosk's issuing CA signed a certificate (DER); `old_end` is what the validity was counted from."""

    order: str
    attempt: int
    number: str
    certificate: bytes
    not_before: int
    not_after: int
    policy: int
    predecessor: str | None = None
    old_end: int | None = None


class CertificateWritten(Body, tag="certificate-written", frozen=True):
    """The token took the certificate."""

    order: str
    attempt: int


class CertificateProved(Body, tag="certificate-proved", frozen=True):
    """The certificate was read back, equal, and the token signed a challenge that it verifies."""

    order: str
    attempt: int
    challenge: bytes
    signature: bytes


class Bound(Body, tag="bound", frozen=True):
    """The key is the account's; the predecessor is revoked."""

    order: str
    attempt: int


class BindingAbandoned(Body, tag="binding-abandoned", frozen=True):
    """A supervisor gave an attempt up: what was issued is void, another token may be bound."""

    order: str
    attempt: int
    supervisor: str
    reason: str
