"""Entries of what is asked for besides the key: delivery, invoice, one more operator, erasure of personal facts."""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.entries.body import Body
from kiosk.domain.members import Review


class DeliveryAsked(Body, tag="delivery-asked", frozen=True):
    """The member wants the key mailed; `commitment` names the address, `by` is member, phone or a staff name."""

    order: str
    account: str
    commitment: bytes
    by: str


class DeliveryChanged(Body, tag="delivery-changed", frozen=True):
    """Another address in place of the one that was asked for; without one it is asked for."""

    order: str
    account: str
    commitment: bytes
    by: str


class KeyMailed(Body, tag="key-mailed", frozen=True):
    """The key went out; `tracking` is the carrier's number, `mailed_at` UTC seconds. Told again it is a correction."""

    order: str
    account: str
    carrier: str
    tracking: str
    mailed_at: int
    by: str


class Mailing(msgspec.Struct, frozen=True):
    """When a key was asked for and when it went out (UTC seconds), with carrier and number, as the feed told of it."""

    asked_at: int
    carrier: str
    tracking: str
    mailed_at: int


class KeyReceivedBack(Body, tag="key-received-back", frozen=True):
    """A mailed key came back; `token_serial` where somebody looked, `mailing` where the feed told that it was mailed."""

    order: str
    account: str
    reason: str
    by: str
    token_serial: str = ""
    mailing: Mailing | None = None


class InvoiceKind(enum.StrEnum):
    """专票 (special VAT) or 普票 (ordinary)."""

    SPECIAL = "special"
    ORDINARY = "ordinary"


class InvoiceAsked(Body, tag="invoice-asked", frozen=True):
    """The member wants an invoice; `commitment` names to whom it is made out and where it goes."""

    order: str
    account: str
    invoice: InvoiceKind
    commitment: bytes
    by: str


class InvoiceChanged(Body, tag="invoice-changed", frozen=True):
    """Another one in place of what was asked for; without one it is asked for."""

    order: str
    account: str
    invoice: InvoiceKind
    commitment: bytes
    by: str


class AskedInvoice(msgspec.Struct, frozen=True):
    """Which invoice was asked for and when (UTC seconds), as the feed told of it."""

    invoice: InvoiceKind
    asked_at: int


class InvoiceWithdrawn(Body, tag="invoice-withdrawn", frozen=True):
    """The member wants no invoice after all; `asked` where the feed told that one was asked for."""

    order: str
    account: str
    by: str
    asked: AskedInvoice | None = None


class InvoiceIssued(Body, tag="invoice-issued", frozen=True):
    """The exchange made the invoice out, `issued_at` in UTC seconds. Told again it is a correction."""

    order: str
    account: str
    number: str
    issued_at: int
    by: str


class OperatorProposed(Body, tag="operator-proposed", frozen=True):
    """添加交易员: `account` proposes one more of its enterprise; `commitment` names who, `proposal` is 16 random hex digits.

    `authorised` where the staff that `by` names saw the enterprise's written authorisation (法人授权书), or, `by` the member, it is handed in.
    """

    proposal: str
    account: str
    enterprise_code: str
    commitment: bytes
    authorised: bool
    by: str


class OperatorWithdrawn(Body, tag="operator-withdrawn", frozen=True):
    """The proposal is taken back before it was decided."""

    proposal: str
    account: str
    by: str


class OperatorReviewed(Body, tag="operator-reviewed", frozen=True):
    """The exchange approved a proposal, which gives the operator the account `new_account`, or refused it with a reason."""

    proposal: str
    account: str
    review: Review
    new_account: str
    reason: str
    by: str


class PersonalErased(Body, tag="personal-erased", frozen=True):
    """The personal records of an account that were made up to that time (UTC seconds) are erased, on request."""

    account: str
    until: int
    by: str
