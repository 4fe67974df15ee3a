"""The feed, from the centre to a kiosk: numbered items, applied in order after the kiosk's cursor.

An item's body is JSON with its kind in `kind`; a kiosk that does not know the kind, or cannot apply the item, sets
its bytes aside, shows them to staff and moves its cursor on.
"""

from __future__ import annotations

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.ledger import AssignedOrder
from kiosk.domain.members import Enterprise, Operator, StaffMember
from kiosk.domain.policy import SignedPolicy


class FeedBody(msgspec.Struct, frozen=True, tag_field="kind"):
    """The body of one feed item; every kind is a subclass."""


class EnterprisePublished(FeedBody, tag="enterprise", frozen=True):
    """An enterprise's present state."""

    enterprise: Enterprise


class OperatorPublished(FeedBody, tag="operator", frozen=True):
    """An operator's present state, e.g. after a review."""

    operator: Operator


class StaffPublished(FeedBody, tag="staff", frozen=True):
    """A staff member's present state."""

    staff: StaffMember


class FeeSchedulePublished(FeedBody, tag="fee-schedule", frozen=True):
    """Prices from a moment on."""

    schedule: FeeSchedule


class PolicyPublished(FeedBody, tag="policy", frozen=True):
    """The kiosk's limits."""

    policy: SignedPolicy


class KeyBoundElsewhere(FeedBody, tag="key-bound-elsewhere", frozen=True):
    """An account's key that another kiosk or the exchange bound; `certificate` DER if known.

    `lost`, `holds` and `revoked` as in `KeyOnRecord`.
    """

    account: str
    number: str
    token_serial: str
    not_before: int
    not_after: int
    lost: bool = False
    certificate: bytes = b""
    holds: int = 0
    revoked: bool = False

    @property
    def key(self) -> KeyOnRecord:
        """The key as a record of the account."""
        return KeyOnRecord(
            self.number,
            self.token_serial,
            self.not_before,
            self.not_after,
            lost=self.lost,
            holds=self.holds,
            revoked=self.revoked,
        )


class OrderAssignedHere(FeedBody, AssignedOrder, tag="order-assigned", frozen=True):
    """An order paid on the web or elsewhere, to be bound at this kiosk."""


class OrderMoved(FeedBody, tag="order-moved", frozen=True):
    """An order of this kiosk now belongs to another, in that hand-over."""

    order: str
    new_owner: int
    handover: int


class PaymentConfirmed(FeedBody, tag="payment-confirmed", frozen=True):
    """The provider has the money for an order of this kiosk, in fen."""

    order: str
    amount: int
    transaction: str
    paid_at: int


class RefundRequested(FeedBody, tag="refund-asked", frozen=True):
    """The centre requests a refund from the owning kiosk."""

    order: str
    by: str
    reason: str


class RefundPaid(FeedBody, tag="refund-paid", frozen=True):
    """The money of an order is back with the payer, in fen."""

    order: str
    amount: int


class PaymentReturned(FeedBody, tag="payment-returned", frozen=True):
    """A double payment was returned to the payer, in fen; the order keeps the other one."""

    order: str
    transaction: str
    amount: int


class RevocationPublished(FeedBody, tag="certificate-revoked", frozen=True):
    """A certificate is no longer valid."""

    number: str
    account: str
    reason: str


class DisputeRaised(FeedBody, tag="dispute-raised", frozen=True):
    """The centre could not accept what this kiosk did for an account; a person decides."""

    account: str
    sequence: int
    reason: str
    subject: str


FORK_REASON = "journal-forked"
"""The reason of the dispute that a kiosk raises itself when the centre holds another journal of it."""

FORK_CLOSED = "fork-closed"
"""The outcome of a `DisputeSettled` without an account: staff closed the alarm of a fork."""


class UnappliedDismissed(FeedBody, tag="kept-dismissed", frozen=True):
    """Staff dealt with an item that this kiosk could not apply; its number in this feed."""

    number: int


class DisputeSettled(FeedBody, tag="dispute-settled", frozen=True):
    """A dispute was decided."""

    account: str
    sequence: int
    outcome: str


AnyFeedBody = (
    EnterprisePublished
    | OperatorPublished
    | StaffPublished
    | FeeSchedulePublished
    | PolicyPublished
    | KeyBoundElsewhere
    | OrderAssignedHere
    | OrderMoved
    | PaymentConfirmed
    | RefundRequested
    | RefundPaid
    | PaymentReturned
    | RevocationPublished
    | DisputeRaised
    | DisputeSettled
    | UnappliedDismissed
)


class FeedItem(msgspec.Struct, frozen=True):
    """One item as it travels: its number in this kiosk's feed and its body's bytes (JSON)."""

    number: int
    body: msgspec.Raw

    def read(self) -> AnyFeedBody:
        """The body. Raises msgspec.ValidationError when the kind is not known here or a field is wrong."""
        body: AnyFeedBody = msgspec.json.decode(self.body, type=AnyFeedBody)
        return body
