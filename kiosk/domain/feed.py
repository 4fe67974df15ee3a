"""What the feed's rows say, from the centre to the kiosks (`feed_rows`, their keys in `feed_keys`).

A row's body is JSON with its kind in `kind`; a kiosk that does not know the kind, or cannot apply the row, keeps it,
shows it to staff, and tries it again when what it lacks is there.
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import Decision
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.ledger import AssignedOrder
from kiosk.domain.members import Enterprise, Operator, StaffMember
from kiosk.domain.policy import SignedPolicy
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState


class FeedBody(msgspec.Struct, frozen=True, tag_field="kind"):
    """The body of one row; every kind is a subclass."""


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
    """An order paid on the web or elsewhere, to be bound at this kiosk; `previous` is the account's key then."""

    previous: KeyOnRecord | None = None


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
    """The centre requests a refund from the owning kiosk; `decision` names whose decision it was."""

    order: str
    decision: str
    by: str
    reason: str


class RefundPaid(FeedBody, tag="refund-paid", frozen=True):
    """The money of an order is back with the payer, in fen; `refund` is the `out_refund_no`, or what names the repayment."""

    order: str
    refund: str
    amount: int


class PaymentReturned(FeedBody, tag="payment-returned", frozen=True):
    """A double payment was returned to the payer, in fen; the order keeps the other one."""

    order: str
    transaction: str
    amount: int


class RevocationPublished(FeedBody, tag="certificate-revoked", frozen=True):
    """A certificate of the kiosk is no longer valid."""

    number: str
    account: str
    reason: str


class RegisterDecision(FeedBody, tag="register-decided", frozen=True):
    """A person decided about a certificate of the kiosk; `position` is the entry's sequence in the centre's own journal."""

    certificate: str
    position: int
    account: str
    order: str
    decision: Decision
    by: str
    remark: str


class RegisteredState(enum.StrEnum):
    """Where a certificate stands at the centre: it is the account's key, waits for a person, or is out of use."""

    LISTED = "listed"
    HELD = "held"
    REVOKED = "revoked"
    VOID = "void"


class CertificateRegistered(FeedBody, tag="registered", frozen=True):
    """Where a certificate of the kiosk stands at the centre; `obstacles` name what it is held for."""

    certificate: str
    account: str
    state: RegisteredState
    obstacles: tuple[str, ...] = ()


class OpenOrder(msgspec.Struct, frozen=True):
    """An open order, wherever it is. UTC seconds.

    `centre_holds_money` where the centre itself has money for it, `paid` where its kiosk says so.
    """

    order: str
    order_kind: OrderKind
    kiosk: int
    deadline: int
    centre_holds_money: bool = False
    paid: bool = False


class OpenOrdersPublished(FeedBody, tag="open-orders", frozen=True):
    """The account's orders that are unpaid, or paid and not bound, at any kiosk."""

    account: str
    orders: tuple[OpenOrder, ...]


class AudiencesPublished(FeedBody, tag="audiences", frozen=True):
    """The audiences that the kiosk reads, in ascending order; what it holds of others is deleted."""

    audiences: tuple[int, ...]


class MatterPublished(FeedBody, tag="matter", frozen=True):
    """A matter about what this kiosk did: open without an `outcome`; `sequence` is that of the kiosk's entry."""

    rule: str
    subject: str
    account: str
    sequence: int
    outcome: str = ""


class DeliveryTold(FeedBody, tag="delivery", frozen=True):
    """Where an order's delivery stands, for the kiosks that serve its account; `recipient` and `phone` are masked."""

    order: str
    account: str
    state: DeliveryState
    recipient: str = ""
    phone: str = ""
    region: str = ""
    carrier: str = ""
    tracking: str = ""
    asked_at: int = 0
    mailed_at: int = 0
    reason: str = ""


class InvoiceTold(FeedBody, tag="invoice", frozen=True):
    """Where an order's invoice stands, for the kiosks that serve its account; `email` is masked."""

    order: str
    account: str
    state: InvoiceState
    invoice: InvoiceKind
    email: str = ""
    number: str = ""
    asked_at: int = 0
    issued_at: int = 0


class ProposalTold(FeedBody, tag="proposal", frozen=True):
    """Where a proposed operator stands, for the kiosks that serve the enterprise; name, document and phone are masked."""

    proposal: str
    account: str
    enterprise_code: str
    state: ProposalState
    name: str = ""
    document: str = ""
    phone: str = ""
    new_account: str = ""
    reason: str = ""


class ErasureTold(FeedBody, tag="erasure", frozen=True):
    """Kiosks erase the personal records of the account that were made up to that time (UTC seconds)."""

    account: str
    until: int


FORK_RULE = "journal-forked"
"""The rule of the matter that a kiosk raises itself when the centre holds another journal of it."""

FORK_CLOSED = "fork-closed"
"""The outcome of the matter of that rule by which staff close the alarm of a fork, whatever its subject."""


MISSING_RULE = "journal-missing"
"""The rule of a kiosk's own alarm that the centre lacks entries which it acknowledged; the subject names them."""

PUT_BACK_RULE = "centre-put-back"
"""The rule of the matter by which the centre tells all that it was put back from a backup; its subject is the incarnation."""

PUT_BACK_SEEN = "seen-to"
"""The outcome of the matter of that rule once staff of the centre closed its alarm."""


class Removed(FeedBody, tag="removed", frozen=True):
    """Nothing holds under the row's key any more; where the row was never applied, nothing becomes of it."""


KeyedBody = (
    EnterprisePublished
    | OperatorPublished
    | StaffPublished
    | FeeSchedulePublished
    | PolicyPublished
    | KeyBoundElsewhere
    | CertificateRegistered
    | OpenOrdersPublished
    | AudiencesPublished
    | OrderAssignedHere
    | OrderMoved
    | PaymentConfirmed
    | RefundRequested
    | RefundPaid
    | PaymentReturned
    | RevocationPublished
    | RegisterDecision
    | MatterPublished
    | DeliveryTold
    | InvoiceTold
    | ProposalTold
    | ErasureTold
)
"""Every body but the removal, which has the key of what it removes."""

AnyFeedBody = KeyedBody | Removed
