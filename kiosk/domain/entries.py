"""The bodies of journal entries: what happened at a kiosk, each with all that the fold needs.

`token_serial` is a token's serial number. `account` is empty for a token that is no account's key.
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.ledger import AssignedOrder, Delivery, PaidHow
from kiosk.domain.members import Review
from kiosk.domain.versions import Version


class Body(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """The body of one entry; every kind is a subclass."""


class Tip(msgspec.Struct, frozen=True):
    """Where a chain ends."""

    epoch: int
    sequence: int
    hash: bytes


class EpochBegan(Body, tag="epoch-began", frozen=True):
    """The first entry of every epoch; `continues` names the tip before it, on another epoch."""

    given_by_centre: bool
    continues: Tip | None = None


class SecondOrder(msgspec.Struct, frozen=True):
    """A supervisor allowed an order though the centre has money for another one of the account, of that kind."""

    supervisor: str
    reason: str


class OrderPlaced(Body, tag="order-placed", frozen=True):
    """A member ordered here; `lines` in fen, `deadline` in UTC seconds, `order_code` the 38 bytes of the QR code.

    The schedule is named by its number and eight bytes of its digest, `feed` is the kiosk's cursor of the audience of all.
    """

    order: str
    account: str
    enterprise: str
    operator: str
    order_kind: OrderKind
    lines: tuple[PriceLine, ...]
    schedule: int
    schedule_digest: bytes
    policy: int
    feed: Version
    deadline: int
    order_code: bytes = msgspec.field(name="token")
    previous: KeyOnRecord | None = None
    second: SecondOrder | None = None


class OrderAssigned(Body, AssignedOrder, tag="order-assigned", frozen=True):
    """The centre gave this kiosk an order that was paid elsewhere, in that hand-over; `feed` is the row's key."""

    feed: str
    previous: KeyOnRecord | None = None


class OrderReleased(Body, tag="order-released", frozen=True):
    """The centre moved an order to another kiosk, in that hand-over."""

    order: str
    new_owner: int
    handover: int
    feed: str


class OrderPaid(Body, tag="order-paid", frozen=True):
    """Money for an order, in fen; `supervisor` vouched when `how` is desk; `feed` is the row's key."""

    order: str
    how: PaidHow
    amount: int
    paid_at: int
    transaction: str | None = None
    feed: str | None = None
    supervisor: str | None = None


class OrderCancelled(Body, tag="order-cancelled", frozen=True):
    """The member gave the order up before paying; `by` is member or a staff name."""

    order: str
    by: str


class OrderExpired(Body, tag="order-expired", frozen=True):
    """The order was not paid in time."""

    order: str


class DeliveryChosen(Body, tag="delivery-chosen", frozen=True):
    """The member takes the token later."""

    order: str
    delivery: Delivery


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


class RefundGranted(Body, tag="refund-granted", frozen=True):
    """The owning kiosk gives the money back: binding is locked, an issued certificate is void."""

    order: str
    by: str
    reason: str
    feed: str | None = None


class RefundCompleted(Body, tag="refund-completed", frozen=True):
    """The centre paid the money back, in fen."""

    order: str
    amount: int
    feed: str


class SurplusReturned(Body, tag="surplus-returned", frozen=True):
    """The centre paid back a double payment, in fen; the order keeps the other one."""

    order: str
    transaction: str
    amount: int
    feed: str


class CertificateRevoked(Body, tag="certificate-revoked", frozen=True):
    """The centre revoked a certificate that this kiosk issued."""

    number: str
    reason: str
    feed: str


class LossReported(Body, tag="loss-reported", frozen=True):
    """挂失: the account's certificate goes on hold."""

    account: str
    key: KeyOnRecord


class KeyFound(Body, tag="key-found", frozen=True):
    """A key was handed in; the certificate of the account whose key it is goes on hold until its owner comes."""

    account: str
    token_serial: str
    staff: str
    key: KeyOnRecord | None = None


class HoldLifted(Body, tag="hold-lifted", frozen=True):
    """解除挂失: the owner has the key and its PIN; `key` is the key while on hold, `staff` the witness."""

    account: str
    key: KeyOnRecord
    staff: str


class PinChanged(Body, tag="pin-changed", frozen=True):
    """The member changed the PIN; not `certain` where the key's answer was lost."""

    account: str
    token_serial: str
    certain: bool = True


class PinChangeSkipped(Body, tag="pin-change-skipped", frozen=True):
    """The member chose not to change the factory PIN."""

    account: str
    token_serial: str


class PinUnblocked(Body, tag="pin-unblocked", frozen=True):
    """A supervisor replaced a blocked or forgotten PIN; not `certain` where the key's answer was lost."""

    account: str
    token_serial: str
    supervisor: str
    certain: bool = True


class KeyErased(Body, tag="key-erased", frozen=True):
    """Staff began to erase a token; `certificate` is the number of the one on it, if any.

    Written before the token is touched, so that every blank or half-erased token has an explanation; erasing it again
    completes it, under an entry of its own.
    """

    account: str
    token_serial: str
    staff: str
    certificate: str = ""


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


class OrderTakenOver(Body, AssignedOrder, tag="order-taken-over", frozen=True):
    """The centre gave an order that no kiosk can let go of, e.g. a revoked one's, to another owner."""

    new_owner: int
    by: str
    remark: str


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


class KeyReceivedBack(Body, tag="key-received-back", frozen=True):
    """A mailed key came back; `token_serial` where somebody looked."""

    order: str
    account: str
    reason: str
    by: str
    token_serial: str = ""


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


class InvoiceWithdrawn(Body, tag="invoice-withdrawn", frozen=True):
    """The member wants no invoice after all."""

    order: str
    account: str
    by: str


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


AnyBody = (
    EpochBegan
    | OrderPlaced
    | OrderAssigned
    | OrderReleased
    | OrderPaid
    | OrderCancelled
    | OrderExpired
    | DeliveryChosen
    | BindingStarted
    | KeyPairMade
    | CertificateIssued
    | CertificateWritten
    | CertificateProved
    | Bound
    | BindingAbandoned
    | LossReported
    | KeyFound
    | HoldLifted
    | PinChanged
    | PinChangeSkipped
    | PinUnblocked
    | KeyErased
    | RefundGranted
    | RefundCompleted
    | SurplusReturned
    | CertificateRevoked
    | RegisterDecided
    | OrderTakenOver
    | MatterDecided
    | StrandDecided
    | CertificateChecked
    | CertificateImported
    | DeliveryAsked
    | DeliveryChanged
    | KeyMailed
    | KeyReceivedBack
    | InvoiceAsked
    | InvoiceChanged
    | InvoiceWithdrawn
    | InvoiceIssued
    | OperatorProposed
    | OperatorWithdrawn
    | OperatorReviewed
    | PersonalErased
)
