"""What the desk's staff do: sign in, see the orders; and, supervisors alone, vouch, abandon and refund."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from kiosk.desk.authority import (
    policy_of,
    require_amount_allowed,
    require_in_use,
    require_staff,
    require_supervisor,
)
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.finding import named_orders
from kiosk.desk.orders.views import order_view, order_views, own_order, require_paid, require_unpaid
from kiosk.desk.people.credentials import authenticate, staff_scopes
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import LockedOut, StaffSession, StaffSignedIn, WrongCredentials
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.entries.bindings import BindingAbandoned
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid, RefundGranted
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.members import Role, StaffMember
from kiosk.text.matching import name_matches

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.feed import MatterPublished
    from kiosk.domain.feed_rows import UnappliedRow
    from kiosk.domain.nights import NightReport
    from kiosk.store.transaction import Transaction

# The staff's list: open orders, and orders with money to pay back.
_LISTED = (OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.REFUNDING)


def staff_sign_in(desk: Desk, name: str, password: str) -> StaffSignedIn | WrongCredentials | LockedOut:
    """Check a staff member's name (or its pinyin initials) and password. Slow: Argon2id."""
    tidy = unicodedata.normalize("NFKC", name).strip()
    with desk.database.read() as tx:
        member = tx.members.staff(tidy) or _by_initials(tx, tidy)
    found = authenticate(desk, staff_scopes(member.name if member else tidy), member, password)
    if not isinstance(found, StaffMember):
        return found
    return StaffSignedIn(StaffSession(found.name, supervisor=found.role is Role.SUPERVISOR))


def _by_initials(tx: Transaction, typed: str) -> StaffMember | None:
    """Who of the staff is meant, where that is clear: a kiosk has no comfortable way to type Chinese."""
    meant = [member for member in tx.members.all_staff() if name_matches(typed, member.name, person=True)]
    return meant[0] if len(meant) == 1 else None


def vouch(desk: Desk, staff: StaffSession, reference: str) -> OrderView:
    """A supervisor vouches that the order was paid; one that had ended is refunded. Raises DeskRefused."""
    with desk.database.write() as tx:
        require_supervisor(tx, staff)
        order = own_order(tx, reference)
        if order.status not in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
            require_unpaid(order)
            require_in_use(tx)
            require_amount_allowed(tx, policy_of(tx), order.total, except_order=reference)
        paid = OrderPaid(reference, PaidHow.DESK, order.total, desk.clock.wall(), supervisor=staff.name)
        return _appended(desk, tx, reference, paid)


def abandon(desk: Desk, staff: StaffSession, reference: str, reason: str) -> OrderView:
    """A supervisor gives an attempt up whose token died: what was issued is void. Raises DeskRefused."""
    with desk.database.write() as tx:
        require_supervisor(tx, staff)
        attempt = require_paid(own_order(tx, reference)).binding
        if attempt is None:
            raise DeskRefused(Refusal.NOT_ALLOWED)
        return _appended(
            desk, tx, reference, BindingAbandoned(reference, attempt.attempt, staff.name, reason)
        )


def grant_refund(desk: Desk, staff: StaffSession, reference: str, reason: str) -> OrderView:
    """A supervisor gives the money of a paid, unbound order back: binding is locked. Raises DeskRefused."""
    with desk.database.write() as tx:
        require_supervisor(tx, staff)
        require_paid(own_order(tx, reference))
        return _appended(desk, tx, reference, RefundGranted(reference, staff.name, reason))


def staff_orders(desk: Desk) -> tuple[OrderView, ...]:
    """The open orders and those with money to pay back, newest first."""
    with desk.database.read() as tx:
        found = [order for status in _LISTED for order in tx.ledger.orders(status=status)]
        found.sort(key=lambda order: order.sequence, reverse=True)
        return order_views(desk, tx, found)


def find_orders(desk: Desk, staff: StaffSession, text: str) -> tuple[OrderView, ...]:
    """The orders that a typed number or a scanned receipt names, whatever their state: see `named_orders`. Raises DeskRefused."""
    with desk.database.read() as tx:
        require_staff(tx, staff)
        return order_views(desk, tx, named_orders(tx, text))


def unapplied_rows(desk: Desk) -> tuple[UnappliedRow, ...]:
    """The rows of the feed that could not be applied."""
    with desk.database.read() as tx:
        return tx.feed.rows.unapplied()


def night_reports(desk: Desk) -> tuple[NightReport, ...]:
    """The last reports of the nightly run, newest first."""
    with desk.database.read() as tx:
        return tx.nights.all()


def matters(desk: Desk) -> tuple[MatterPublished, ...]:
    """The matters that are still open."""
    with desk.database.read() as tx:
        return tx.feed.matters()


def _appended(desk: Desk, tx: Transaction, reference: str, body: AnyBody) -> OrderView:
    tx.append(body, desk.clock)
    return order_view(desk, tx, own_order(tx, reference))
