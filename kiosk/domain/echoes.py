"""Echoes: the journal entries that repeat an immutable row of the feed, naming its key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, assert_never

import msgspec
from msgspec.structs import asdict, replace

from kiosk.domain.entries.decisions import CertificateRevoked, RegisterDecided
from kiosk.domain.entries.orders import (
    OrderAssigned,
    OrderPaid,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.feed import (
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
    PaymentReturned,
    RefundPaid,
    RefundRequested,
    RegisterDecision,
    RevocationPublished,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.ledger import PaidHow

if TYPE_CHECKING:
    from kiosk.domain.entries.every import AnyBody

Echo = (
    OrderAssigned
    | OrderReleased
    | OrderPaid
    | RefundGranted
    | RefundCompleted
    | SurplusReturned
    | CertificateRevoked
    | RegisterDecided
)

EchoedBody = (
    OrderAssignedHere
    | OrderMoved
    | PaymentConfirmed
    | RefundRequested
    | RefundPaid
    | PaymentReturned
    | RevocationPublished
    | RegisterDecision
)


def echo_of(body: EchoedBody) -> Echo:  # noqa: PLR0911 - one case a kind
    """The entry that repeats what a row says; `previous` of an assigned order is the kiosk's own to add."""
    key = row_key_of(body)
    match body:
        case OrderAssignedHere():
            return OrderAssigned(**asdict(body.facts), feed=key)
        case OrderMoved():
            return OrderReleased(body.order, body.new_owner, body.handover, key)
        case PaymentConfirmed():
            return OrderPaid(body.order, PaidHow.FEED, body.amount, body.paid_at, body.transaction, key)
        case RefundRequested():
            return RefundGranted(body.order, body.by, body.reason, key)
        case RefundPaid():
            return RefundCompleted(body.order, body.amount, key)
        case PaymentReturned():
            return SurplusReturned(body.order, body.transaction, body.amount, key)
        case RevocationPublished():
            return CertificateRevoked(body.number, body.reason, key)
        case RegisterDecision():
            return RegisterDecided(
                body.account, body.order, body.certificate, body.decision, body.by, body.remark, key
            )
        case _:
            assert_never(body)


def repeats(entry: AnyBody, body: EchoedBody) -> bool:
    """Whether an entry that names a row's key says what the row says."""
    return isinstance(entry, Echo) and said_by(entry) == said_by(echo_of(body))


def said_by(body: Echo) -> bytes:
    """The digest of what an echo says of its row (32 bytes): all but the key that its kiosk adds to an assigned order."""
    if isinstance(body, OrderAssigned):
        body = replace(body, previous=None)
    return hashlib.sha256(msgspec.msgpack.encode(body)).digest()
