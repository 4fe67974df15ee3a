"""Entries of an order: placed, paid, handed over, its money paid back. Amounts are fen."""

from __future__ import annotations

import msgspec

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import Body
from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.ledger import AssignedOrder, Delivery, PaidHow
from kiosk.domain.versions import Version


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


class OrderTakenOver(Body, AssignedOrder, tag="order-taken-over", frozen=True):
    """The centre gave an order that no kiosk can let go of, e.g. a revoked one's, to another owner."""

    new_owner: int
    by: str
    remark: str


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
