"""邮寄: where a key is mailed, that it was, and that it came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import require_staff
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import own_order, require_paid
from kiosk.desk.requests.asking import asked_by, kept
from kiosk.desk.requests.views import RequestsView, delivery_view, requests_view
from kiosk.desk.views import Refusal
from kiosk.domain.entries import DeliveryAsked, DeliveryChanged, DeliveryChosen, KeyMailed, KeyReceivedBack
from kiosk.domain.ledger import Delivery
from kiosk.domain.request_facts import judged_delivery
from kiosk.domain.requests import DeliveryState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views import Session, StaffSession
    from kiosk.domain.ledger import Order
    from kiosk.domain.personal import DeliveryAddress
    from kiosk.store.transaction import Transaction


def requests(desk: Desk, session: Session, reference: str) -> RequestsView:
    """What was asked for one of the member's orders. Raises DeskRefused."""
    with desk.database.read() as tx:
        own_order(tx, reference, session.account)
        return requests_view(tx, session.account, reference)


def ask_delivery(
    desk: Desk, session: Session, reference: str, address: DeliveryAddress, staff: StaffSession | None = None
) -> RequestsView:
    """Have the key of a paid order mailed, or mailed elsewhere than was asked before. Raises DeskRefused."""
    address, faults = judged_delivery(address)
    if faults:
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        by = asked_by(tx, staff)
        order = _to_mail(tx, reference, session.account)
        known = delivery_view(tx, session.account, reference)
        if known is not None and known.state is DeliveryState.MAILED:
            raise DeskRefused(Refusal.DELIVERY_SENT)
        own = tx.ledger.requests(reference)
        former = b"" if own is None or own.delivery is None else own.delivery.commitment
        commitment = kept(desk, tx, address, session.account, former)
        asked = DeliveryAsked if known is None else DeliveryChanged
        tx.append(asked(reference, session.account, commitment, by), desk.clock)
        if order.delivery is not Delivery.MAIL:
            tx.append(DeliveryChosen(reference, Delivery.MAIL), desk.clock)
        return requests_view(tx, session.account, reference)


def key_mailed(desk: Desk, staff: StaffSession, reference: str, carrier: str, tracking: str) -> RequestsView:
    """Record that the desk's staff mailed the key; again, to correct carrier or number. Raises DeskRefused."""
    if not carrier.strip() or not tracking.strip():
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        name = require_staff(tx, staff).name
        order = _to_mail(tx, reference)
        now = desk.clock.wall()
        body = KeyMailed(reference, order.account, carrier.strip(), tracking.strip(), now, name)
        tx.append(body, desk.clock)
        return requests_view(tx, order.account, reference)


def key_received_back(
    desk: Desk, staff: StaffSession, reference: str, reason: str, serial: str = ""
) -> RequestsView:
    """Record that a mailed key came back to this desk. Raises DeskRefused."""
    with desk.database.write() as tx:
        name = require_staff(tx, staff).name
        order = own_order(tx, reference)
        own = tx.ledger.requests(reference)
        if own is None or own.delivery is None or own.delivery.state is not DeliveryState.MAILED:
            raise DeskRefused(Refusal.DELIVERY_NOT_SENT)
        tx.append(KeyReceivedBack(reference, order.account, reason, name, serial), desk.clock)
        return requests_view(tx, order.account, reference)


def _to_mail(tx: Transaction, reference: str, account: str | None = None) -> Order:
    order = require_paid(own_order(tx, reference, account))
    if not order.kind.wants_new_token:
        raise DeskRefused(Refusal.NOT_ALLOWED)
    return order
