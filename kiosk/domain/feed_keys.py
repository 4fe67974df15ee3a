"""The keys of the feed's rows: what each row is about.

The key of an immutable row is the whole identity of one fact: nothing replaces it but its removal, and the journal
entry that repeats the fact names the key. A replaceable row says what holds now; no entry names it.
"""

from __future__ import annotations

import enum
import hashlib
from typing import assert_never

import msgspec

from kiosk.domain.feed import (
    AudiencesPublished,
    CertificateRegistered,
    DeliveryTold,
    EnterprisePublished,
    ErasureTold,
    FeeSchedulePublished,
    InvoiceTold,
    KeyBoundElsewhere,
    KeyedBody,
    MatterPublished,
    OpenOrdersPublished,
    OperatorPublished,
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PaymentReturned,
    PolicyPublished,
    ProposalTold,
    RefundPaid,
    RefundRequested,
    RegisterDecision,
    RevocationPublished,
    StaffPublished,
)
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.policy import SignedPolicy

MAXIMUM_KEY = 200
SHORT_DIGEST = 8
"""How many bytes of its digest name a schedule or a policy beside its number."""


class RowName(enum.StrEnum):
    """What a row is about: the first part of its key."""

    ENTERPRISE = "enterprise"
    OPERATOR = "operator"
    STAFF = "staff"
    SCHEDULE = "schedule"
    POLICY = "policy"
    KEY = "key"
    REGISTERED = "registered"
    OPEN_ORDERS = "open-orders"
    AUDIENCES = "audiences"
    ORDER_ASSIGNED = "order-assigned"
    ORDER_MOVED = "order-moved"
    PAYMENT = "payment"
    REFUND_ASKED = "refund-asked"
    REFUND_PAID = "refund-paid"
    PAYMENT_RETURNED = "payment-returned"
    REVOCATION = "revocation"
    REGISTER_DECIDED = "register-decided"
    MATTER = "matter"
    DELIVERY = "delivery"
    INVOICE = "invoice"
    PROPOSAL = "proposal"
    ERASURE = "erasure"

    @property
    def is_immutable(self) -> bool:
        """Whether the key is the fact's whole identity."""
        return self in _IMMUTABLE

    @property
    def is_of_an_order(self) -> bool:
        """Whether the key's second part is an order's reference."""
        return self in _OF_AN_ORDER


_OF_AN_ORDER = frozenset(
    {
        RowName.ORDER_ASSIGNED,
        RowName.ORDER_MOVED,
        RowName.PAYMENT,
        RowName.REFUND_ASKED,
        RowName.REFUND_PAID,
        RowName.PAYMENT_RETURNED,
    }
)
_IMMUTABLE = _OF_AN_ORDER | {
    RowName.SCHEDULE,
    RowName.POLICY,
    RowName.REVOCATION,
    RowName.REGISTER_DECIDED,
}


def name_in_key(key: str) -> RowName | None:
    """What the row of that key is about; None for a name that is not known here."""
    name = key.partition("/")[0]
    return RowName(name) if name in set(RowName) else None


def order_in_key(key: str) -> str:
    """The reference of the order that the row of that key is about; empty for none."""
    name = name_in_key(key)
    return key.split("/")[1] if name is not None and name.is_of_an_order and "/" in key else ""


def schedule_digest(schedule: FeeSchedule) -> bytes:
    """What names a schedule beside its number: the SHA-256 of its JSON, cut off."""
    return hashlib.sha256(msgspec.json.encode(schedule)).digest()[:SHORT_DIGEST]


def policy_digest(policy: SignedPolicy) -> bytes:
    """What names a policy beside its number: the SHA-256 of its exact bytes, cut off."""
    return hashlib.sha256(policy.policy).digest()[:SHORT_DIGEST]


def row_key_of(body: KeyedBody) -> str:
    """The key of the row with this body. Raises ValueError where the key is too long or a policy cannot be read."""
    key = "/".join(map(str, _parts(body)))
    if len(key) > MAXIMUM_KEY:
        raise ValueError(f"a key of {len(key)} characters")
    return key


def _parts(body: KeyedBody) -> tuple[str | int, ...]:  # noqa: C901, PLR0911, PLR0912 - one case a kind
    match body:
        case EnterprisePublished():
            return RowName.ENTERPRISE.value, body.enterprise.code
        case OperatorPublished():
            return RowName.OPERATOR.value, body.operator.account
        case StaffPublished():
            return RowName.STAFF.value, body.staff.name
        case FeeSchedulePublished(schedule=schedule):
            return RowName.SCHEDULE.value, schedule.number, schedule_digest(schedule).hex()
        case PolicyPublished(policy=policy):
            return RowName.POLICY.value, policy.read().number, policy_digest(policy).hex()
        case KeyBoundElsewhere():
            return RowName.KEY.value, body.account
        case CertificateRegistered():
            return RowName.REGISTERED.value, body.certificate
        case OpenOrdersPublished():
            return RowName.OPEN_ORDERS.value, body.account
        case AudiencesPublished():
            return (RowName.AUDIENCES.value,)
        case OrderAssignedHere():
            return RowName.ORDER_ASSIGNED.value, body.order, body.handover
        case OrderMoved():
            return RowName.ORDER_MOVED.value, body.order, body.handover
        case PaymentConfirmed():
            return RowName.PAYMENT.value, body.order, body.transaction
        case RefundRequested():
            return RowName.REFUND_ASKED.value, body.order, body.decision
        case RefundPaid():
            return RowName.REFUND_PAID.value, body.order, body.refund
        case PaymentReturned():
            return RowName.PAYMENT_RETURNED.value, body.order, body.transaction
        case RevocationPublished():
            return RowName.REVOCATION.value, body.number
        case RegisterDecision():
            return RowName.REGISTER_DECIDED.value, body.certificate, body.position
        case MatterPublished():
            return RowName.MATTER.value, body.rule, body.subject
        case DeliveryTold():
            return RowName.DELIVERY.value, body.account, body.order
        case InvoiceTold():
            return RowName.INVOICE.value, body.account, body.order
        case ProposalTold():
            return RowName.PROPOSAL.value, body.account, body.proposal
        case ErasureTold():
            return RowName.ERASURE.value, body.account
        case _:
            assert_never(body)
