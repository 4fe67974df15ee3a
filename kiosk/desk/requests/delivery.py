"""邮寄: where a key is mailed, that it was, and that it came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import require_staff
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import own_order, require_paid
from kiosk.desk.requests.asking import asked_for, kept
from kiosk.desk.requests.views import DeliveryView, RequestsView, delivery_view, requests_view
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.orders import DeliveryChosen
from kiosk.domain.entries.requests import DeliveryAsked, DeliveryChanged, KeyMailed, KeyReceivedBack, Mailing
from kiosk.domain.ledger import Delivery
from kiosk.domain.request_facts import judged_delivery
from kiosk.domain.requests import DeliveryState

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.domain.ledger import Order
    from kiosk.domain.personal import DeliveryAddress
    from kiosk.store.transaction import Transaction


def requests(desk: Desk, session: Session, reference: str) -> RequestsView:
    """What was asked for one of the member's orders. Raises DeskRefused."""
    with desk.database.read() as tx:
        own_order(tx, reference, session.account)
        return requests_view(tx, session.account, reference)


def requests_of(desk: Desk, session: Session) -> tuple[RequestsView, ...]:
    """What was asked for each of the member's orders of which anything was."""
    with desk.database.read() as tx:
        orders = tx.ledger.orders(account=session.account)
        views = [requests_view(tx, session.account, each.reference) for each in orders]
    return tuple(each for each in views if each.delivery or each.invoice)


def ask_delivery(
    desk: Desk, who: Session | StaffSession, reference: str, address: DeliveryAddress
) -> RequestsView:
    """Have the key of a paid order mailed, or mailed elsewhere than was asked before. Raises DeskRefused."""
    address, faults = judged_delivery(address)
    if faults:
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        order, by = asked_for(tx, who, reference)
        require_address_open(tx, order)
        known, own = delivery_view(tx, order.account, reference), tx.ledger.requests(reference)
        former = b"" if own is None or own.delivery is None else own.delivery.commitment
        commitment = kept(desk, tx, address, order.account, former)
        asked = DeliveryAsked if known is None else DeliveryChanged
        tx.append(asked(reference, order.account, commitment, by), desk.clock)
        if order.delivery is not Delivery.MAIL:
            tx.append(DeliveryChosen(reference, Delivery.MAIL), desk.clock)
        return requests_view(tx, order.account, reference)


def key_mailed(desk: Desk, staff: StaffSession, reference: str, carrier: str, tracking: str) -> RequestsView:
    """Record that the desk's staff mailed the key; again, to correct carrier or number. Raises DeskRefused."""
    if not carrier.strip() or not tracking.strip():
        raise DeskRefused(Refusal.MALFORMED)
    with desk.database.write() as tx:
        name = require_staff(tx, staff).name
        order = own_order(tx, reference)
        require_to_mail(order)
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
        told = _told_mailing(tx, reference, require_mailed(tx, order))
        tx.append(KeyReceivedBack(reference, order.account, reason, name, serial, told), desk.clock)
        return requests_view(tx, order.account, reference)


def require_to_mail(order: Order) -> None:
    """Refuse unless the order was paid and has a key to be mailed. Raises DeskRefused."""
    require_paid(order)
    if not order.kind.wants_new_token:
        raise DeskRefused(Refusal.NOTHING_TO_MAIL)


def require_address_open(tx: Transaction, order: Order) -> None:
    """Refuse unless an address may be given, or another one. Raises DeskRefused."""
    require_to_mail(order)
    known = delivery_view(tx, order.account, order.reference)
    if known is not None and known.state is DeliveryState.MAILED:
        raise DeskRefused(Refusal.DELIVERY_SENT)


def require_mailed(tx: Transaction, order: Order) -> DeliveryView:
    """The delivery, whose key is under way, whoever mailed it. Raises DeskRefused where it is not."""
    known = delivery_view(tx, order.account, order.reference)
    if known is None or known.state is not DeliveryState.MAILED:
        raise DeskRefused(Refusal.DELIVERY_NOT_SENT)
    return known


def _told_mailing(tx: Transaction, reference: str, sent: DeliveryView) -> Mailing | None:
    """What the feed told of a mailing; None of one that was entered here."""
    requests = tx.ledger.requests(reference)
    own = None if requests is None else requests.delivery
    if own is not None and own.state is DeliveryState.MAILED and own.mailed_at == sent.mailed_at:
        return None
    return Mailing(sent.asked_at, sent.carrier, sent.tracking, sent.mailed_at)
