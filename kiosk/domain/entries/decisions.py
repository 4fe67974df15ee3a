"""Entries of what the centre or a person there decided: about certificates, matters and strands."""

from __future__ import annotations

import enum

from kiosk.domain.entries.body import Body


class CertificateRevoked(Body, tag="certificate-revoked", frozen=True):
    """The centre revoked a certificate that this kiosk issued."""

    number: str
    reason: str
    feed: str


class Decision(enum.StrEnum):
    """What a person decided about a certificate: it is the account's key after all, stays held, or is out of use."""

    LIST = "list"
    KEEP = "keep"
    REVOKE = "revoke"


class RegisterDecided(Body, tag="register-decided", frozen=True):
    """A person decided about a certificate, at the centre; its issuer enters it too, with the row's key in `feed`."""

    account: str
    order: str
    certificate: str
    decision: Decision
    by: str
    remark: str
    feed: str = ""


class MatterDecided(Body, tag="matter-decided", frozen=True):
    """A person closed a matter at the centre, by the rule and the subject that name it."""

    rule: str
    subject: str
    action: str
    by: str
    remark: str
    account: str = ""


class StrandDecision(enum.StrEnum):
    """What a person decided about a strand or about what is in quarantine: its entries count, or nothing of it comes into use.

    Who gives it up also answers for it that nobody binds its orders any more, whatever machine works there.
    """

    TAKE_OVER = "take-over"
    SET_ASIDE = "set-aside"
    GIVEN_UP = "given-up"

    @property
    def is_set_aside(self) -> bool:
        """Whether nothing of it comes into use."""
        return self is not StrandDecision.TAKE_OVER


class StrandDecided(Body, tag="strand-decided", frozen=True):
    """A person decided at the centre about a strand of a kiosk, or about what a machine sent into quarantine (strand 0)."""

    kiosk: int
    strand: int
    machine: int
    decision: StrandDecision
    by: str
    remark: str


class CertificateChecked(Body, tag="certificate-checked", frozen=True):
    """The centre held a certificate against its issuing CA; one that is not `genuine` is never listed."""

    account: str
    order: str
    certificate: str
    genuine: bool


class CertificateImported(Body, tag="certificate-imported", frozen=True):
    """The exchange issued a certificate itself (`data` is DER, times UTC seconds); it is the account's key."""

    account: str
    certificate: str
    token_serial: str
    data: bytes
    not_before: int
    not_after: int
