"""What a kiosk enters because the feed said so, held against what the feed said.

The centre only acknowledges such an echo; an entry that echoes nothing would take another kiosk's order, call money
paid back that is not, or revoke a certificate that nobody asked about.
"""

from __future__ import annotations

import msgspec

from kiosk.domain import feed
from kiosk.domain.entries import (
    CertificateRevoked,
    OrderAssigned,
    OrderReleased,
    RefundCompleted,
    SurplusReturned,
)
from kiosk.domain.errors import DisputeReason, EntryDisputed
from kiosk.domain.feed import (
    AnyFeedBody,
    OrderAssignedHere,
    OrderMoved,
    PaymentReturned,
    RefundPaid,
    RevocationPublished,
)
from sync.central.fleet.models import FeedItem
from sync.central.tables import LAST, row_key

Echo = OrderAssigned | OrderReleased | RefundCompleted | SurplusReturned | CertificateRevoked


def check_echo(kiosk: int, body: Echo) -> None:
    """Raise EntryDisputed unless that item of the kiosk's feed says the same."""
    said = _item(kiosk, body.feed)
    match body:
        case OrderAssigned(order=order):
            same = isinstance(said, OrderAssignedHere) and said.facts == body.facts
            reason, subject = DisputeReason.ORDER_OF_ANOTHER_KIOSK, order
        case OrderReleased(order=order):
            told_of = (body.order, body.new_owner, body.handover)
            same = isinstance(said, OrderMoved) and (said.order, said.new_owner, said.handover) == told_of
            reason, subject = DisputeReason.ORDER_OF_ANOTHER_KIOSK, order
        case RefundCompleted(order=order, amount=amount):
            same = isinstance(said, RefundPaid) and (said.order, said.amount) == (order, amount)
            reason, subject = DisputeReason.AMOUNT_DIFFERS, order
        case SurplusReturned(order=order):
            told = (body.order, body.transaction, body.amount)
            same = isinstance(said, PaymentReturned) and (said.order, said.transaction, said.amount) == told
            reason, subject = DisputeReason.AMOUNT_DIFFERS, order
        case CertificateRevoked(number=number):
            same = isinstance(said, RevocationPublished) and said.number == number
            reason, subject = DisputeReason.CERTIFICATE_DIFFERS, number
    if not same:
        raise EntryDisputed(reason, subject)


def _item(kiosk: int, number: int) -> AnyFeedBody | None:
    if not 1 <= number <= LAST:
        return None
    row = FeedItem.objects.filter(key=row_key(kiosk, number)).first()
    return None if row is None else feed.FeedItem(number, msgspec.Raw(bytes(row.body))).read()
