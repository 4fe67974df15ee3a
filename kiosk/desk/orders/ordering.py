"""Orders before they are paid: placing, giving up, expiring; and how the token will reach the member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import (
    current_clock_fault,
    identity_of,
    policy_of,
    schedule_of,
    secret,
)
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.quoting import Judged, judge
from kiosk.desk.orders.receipts import queue_receipt
from kiosk.desk.orders.views import (
    order_view,
    order_views,
    own_order,
    paid_orders,
    require_paid,
    require_unpaid,
)
from kiosk.desk.views.orders import OrderOpen, OrderView, PaidElsewhere, Placed, WrongKind
from kiosk.desk.views.people import SecondAllowed, Session
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import DeliveryChosen, OrderCancelled, OrderExpired, OrderPlaced, SecondOrder
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.identifiers import NONCE_LENGTH, OrderNumber
from kiosk.domain.ledger import Delivery, Order, OrderStatus
from kiosk.domain.payment_codes import OrderCode, encode_order_code, order_code_key
from kiosk.domain.policy import is_due
from kiosk.domain.versions import ALL
from kiosk.store.vault import VaultItem

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.desk.views.orders import Quote
    from kiosk.domain.fees import OrderKind
    from kiosk.store.transaction import Transaction

MEMBER = "member"


def quote(desk: Desk, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None) -> Judged:
    """What that kind costs and gives, e.g. after the member accepted another one. Raises DeskRefused."""
    with desk.database.read() as tx:
        return judge(desk, tx, session, kind, allowed)


def place_order(
    desk: Desk, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None
) -> Placed | OrderOpen | PaidElsewhere:
    """Place the order and, where a replacement declares it, report the loss of the old key (挂失).

    With `allowed` also beside an order that was paid elsewhere, which the entry then tells. Raises DeskRefused.
    """
    with desk.database.write() as tx:
        judged = judge(desk, tx, session, kind, allowed)
        if isinstance(judged, OrderOpen | PaidElsewhere):
            return judged
        if isinstance(judged, WrongKind):
            raise DeskRefused(Refusal.KEY_STATE_CHANGED, rests_on_feed=True)
        order = _place(desk, tx, session, judged.quote, allowed)
        return Placed(order_view(desk, tx, order))


def _place(
    desk: Desk, tx: Transaction, session: Session, offered: Quote, allowed: SecondAllowed | None
) -> Order:
    now = desk.clock.wall()
    paid_elsewhere = any(each.centre_holds_money for each in offered.open_elsewhere)
    policy, schedule = policy_of(tx), schedule_of(tx, now)
    tx.settle_epoch(desk.clock)
    number = OrderNumber(*tx.next_tip())
    code = OrderCode(number, session.account, offered.kind, schedule.number, now, desk.random(NONCE_LENGTH))
    body = OrderPlaced(
        order=str(code.reference),
        account=session.account,
        enterprise=session.enterprise,
        operator=session.operator,
        order_kind=offered.kind,
        lines=offered.lines,
        schedule=schedule.number,
        schedule_digest=schedule_digest(schedule),
        policy=policy.number,
        feed=tx.feed.rows.cursor(ALL),
        deadline=now + policy.payment_window,
        order_code=encode_order_code(code, order_code_key(secret(tx, VaultItem.PAYMENT_SECRET))),
        previous=offered.previous,
        second=SecondOrder(allowed.staff.name, allowed.reason) if allowed and paid_elsewhere else None,
    )
    tx.append(body, desk.clock)
    if offered.declares_loss and offered.previous is not None:
        tx.append(LossReported(session.account, offered.previous), desk.clock)
    return own_order(tx, body.order)


def order(desk: Desk, reference: str) -> OrderView | None:
    """The order of that reference."""
    with desk.database.read() as tx:
        found = tx.ledger.order(reference)
        return order_view(desk, tx, found) if found else None


def open_orders(desk: Desk, session: Session) -> tuple[OrderView, ...]:
    """The account's open orders at this kiosk: unpaid, or paid and not bound; newest first."""
    with desk.database.read() as tx:
        kiosk = identity_of(tx).kiosk
        return tuple(
            order_view(desk, tx, found)
            for found in tx.ledger.orders(account=session.account)
            if found.status.is_open and found.owner == kiosk
        )


def bindable(desk: Desk, session: Session) -> tuple[OrderView, ...]:
    """The paid orders that a key can be bound for, one of each kind. Raises DeskRefused where there is none."""
    with desk.database.read() as tx:
        return order_views(desk, tx, paid_orders(tx, session.account))


def cancel(desk: Desk, session: Session, reference: str) -> OrderView:
    """Give an unpaid order up. Raises DeskRefused."""
    with desk.database.write() as tx:
        require_unpaid(own_order(tx, reference, session.account))
        tx.append(OrderCancelled(reference, MEMBER), desk.clock)
        return order_view(desk, tx, own_order(tx, reference))


def expire_due(desk: Desk) -> int:
    """Expire the orders that were not paid in time; the result is how many.

    An order is due five minutes after its deadline once the agent had contact after the deadline, else 24 hours
    after it. None is due while the clock is wrong or before the kiosk is enrolled.
    """
    with desk.database.read() as tx:
        if not _due(desk, tx):
            return 0
    with desk.database.write() as tx:
        due = _due(desk, tx)
        for reference in due:
            tx.append(OrderExpired(reference), desk.clock)
        return len(due)


def _due(desk: Desk, tx: Transaction) -> tuple[str, ...]:
    now = desk.clock.wall()
    overdue = tx.ledger.overdue(now)
    if not overdue or current_clock_fault(tx, desk.clock, policy_of(tx)) is not None:
        return ()
    kiosk, contact = identity_of(tx).kiosk, tx.agent.get().last_contact
    return tuple(
        found.reference
        for found in overdue
        if found.owner == kiosk
        and found.status is OrderStatus.PLACED
        and is_due(found.deadline, now, contact)
    )


def choose_delivery(desk: Desk, session: Session, reference: str, delivery: Delivery) -> None:
    """Record that the token is collected later or mailed, and queue the slip. Raises DeskRefused."""
    with desk.database.write() as tx:
        found = require_paid(own_order(tx, reference, session.account))
        if not found.kind.wants_new_token:
            raise DeskRefused(Refusal.NOT_ALLOWED)
        tx.append(DeliveryChosen(reference, delivery), desk.clock)
        queue_receipt(desk, tx, own_order(tx, reference))
