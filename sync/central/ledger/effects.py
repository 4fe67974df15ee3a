"""What an applied entry means for the other kiosks."""

from __future__ import annotations

from typing import assert_never

from kiosk.domain.entries import Bound, CertificateRevoked, HoldLifted, KeyFound, LossReported, OrderReleased
from kiosk.domain.feed import OrderAssignedHere, RevocationPublished
from kiosk.domain.journal import Entry
from kiosk.domain.ledger import Account, Certificate, CertificateStatus, Order, Row
from sync.central.fleet.feeding import publish_to
from sync.central.fleet.models import Kiosk
from sync.central.ledger.publishing import publish_key
from sync.central.members.publishing import kiosks_of_account


def publish_effects(entry: Entry, account: str, rows: tuple[Row, ...], now: int) -> None:
    """Tell the other kiosks that serve the account of its new key, its holds and its end; hand on what was let go."""
    if isinstance(entry.body, OrderReleased):
        orders = [row for row in rows if isinstance(row, Order)]
        known = Kiosk.objects.filter(number=entry.body.new_owner).exists()
        if known and entry.body.new_owner != entry.kiosk:
            publish_to([entry.body.new_owner], [assignment(order) for order in orders], now)
        return
    if not isinstance(entry.body, Bound | LossReported | KeyFound | HoldLifted | CertificateRevoked):
        return
    publish_key(account, now, but=entry.kiosk if _known_there(entry.body, rows) else None)
    others = [kiosk for kiosk in kiosks_of_account(account) if kiosk != entry.kiosk]
    for row in rows:
        if isinstance(row, Certificate) and row.status is CertificateStatus.REVOKED:
            publish_to(others, [RevocationPublished(row.number, row.account, "superseded")], now)


def _known_there(
    body: Bound | LossReported | KeyFound | HoldLifted | CertificateRevoked, rows: tuple[Row, ...]
) -> bool:
    """Whether the kiosk that told of it made the same of the key as the centre, which knows of the other kiosks too."""
    key = next((row.key for row in rows if isinstance(row, Account)), None)
    match body:
        case CertificateRevoked():
            return True
        case Bound():
            return key is None or not key.lost
        case LossReported() | KeyFound():
            return key is None or body.key is None or key == body.key.reported(body.key)
        case HoldLifted():
            return key is None or key == body.key.lifted()
        case _:
            assert_never(body)


def assignment(order: Order) -> OrderAssignedHere:
    """A paid order as it is given to the kiosk that is to bind it."""
    here = [payment for payment in order.payments if not payment.returned]
    paid = next((payment for payment in here if payment.transaction), here[0] if here else None)
    return OrderAssignedHere(
        order=order.reference,
        account=order.account,
        enterprise=order.enterprise,
        operator=order.operator,
        order_kind=order.kind,
        lines=order.lines,
        schedule=order.schedule,
        placed_at=order.placed_at,
        transaction="" if paid is None or paid.transaction is None else paid.transaction,
        paid_at=order.placed_at if paid is None else paid.time,
        handover=order.handover,
    )
