"""用户中心: the member's enterprise, operators, own key, payments and orders, as far as this kiosk knows.

Of other operators of the enterprise a member sees names, accounts, masked document and phone, and until when their keys are
valid: never their orders, payments, serial numbers or certificates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import certificate_years, identity_of
from kiosk.desk.errors import DeskRefused
from kiosk.desk.member.history import money_lines, story
from kiosk.desk.member.views import (
    EnterpriseView,
    KeyValidity,
    MemberOrder,
    OperatorView,
    OrderStory,
    OwnKey,
    UserCentreView,
)
from kiosk.desk.orders.receipts import registration_of
from kiosk.desk.orders.views import is_bound, order_view
from kiosk.desk.requests.views import ProposalView, proposal_views, requests_view
from kiosk.desk.status import days_left, feed_age
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.decisions import key_state
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.members import Review, shown_review
from kiosk.domain.requests import ProposalState
from kiosk.store.keys_on_record import key_on_record

if TYPE_CHECKING:
    from collections.abc import Collection

    from kiosk.desk.context import Desk
    from kiosk.desk.views.people import Session
    from kiosk.domain.decisions import KeyOnRecord
    from kiosk.domain.ledger import Order
    from kiosk.domain.members import Operator
    from kiosk.store.transaction import Transaction


def user_centre(desk: Desk, session: Session) -> UserCentreView:
    """All that the member's own pages show. Raises DeskRefused."""
    with desk.database.read() as tx:
        orders = tx.ledger.orders(account=session.account)
        known = {order.reference for order in orders}
        elsewhere = tx.feed.open_orders(session.account)
        return UserCentreView(
            session=session,
            enterprise=_enterprise(desk, tx, session.account),
            key=_own_key(desk, tx, session.account),
            orders=_orders(desk, tx, orders),
            elsewhere=tuple(each for each in elsewhere if each.order not in known),
            money=money_lines(orders),
            feed_as_of=feed_age(tx, desk.clock.wall()),
        )


def order_story(desk: Desk, session: Session, reference: str) -> OrderStory:
    """One of the member's orders, with what happened to it. Raises DeskRefused."""
    with desk.database.read() as tx:
        order = tx.ledger.order(reference)
        if order is None or order.account != session.account:
            raise DeskRefused(Refusal.NO_ORDER, rests_on_feed=True)
        (shown,) = _orders(desk, tx, [order])
        numbers = [each.certificate for each in order.bindings if each.certificate]
        certificates = [each for number in numbers if (each := tx.ledger.certificate(number)) is not None]
        kiosk = identity_of(tx).kiosk
        return OrderStory(
            shown=shown,
            lines=story(order, shown.requests, certificates, tx.journal.wall_at, kiosk),
            has_receipt=shown.here
            and bool(order.payments)
            and (is_bound(order) or order.status is OrderStatus.PAID),
        )


def _orders(desk: Desk, tx: Transaction, orders: Collection[Order]) -> tuple[MemberOrder, ...]:
    if not orders:
        return ()
    years, kiosk = certificate_years(tx), identity_of(tx).kiosk
    return tuple(
        MemberOrder(
            order=order_view(desk, tx, order, years),
            requests=requests_view(tx, order.account, order.reference),
            here=order.owner == kiosk,
        )
        for order in orders
    )


def _validity(desk: Desk, tx: Transaction, key: KeyOnRecord | None) -> KeyValidity:
    state = key_state(key, desk.clock.wall())
    return (
        KeyValidity(state)
        if key is None
        else KeyValidity(state, key.not_after, days_left(desk, tx, key.not_after))
    )


def _own_key(desk: Desk, tx: Transaction, account: str) -> OwnKey:
    key = key_on_record(tx, account)
    validity = _validity(desk, tx, key)
    issued = None if key is None else tx.ledger.certificate(key.number)
    if key is None or issued is None:
        return OwnKey(key, validity)
    return OwnKey(
        key, validity, issued.old_end, issued_here=True, registration=registration_of(tx, key.number)
    )


def _enterprise(desk: Desk, tx: Transaction, account: str) -> EnterpriseView:
    own = tx.members.operator(account)
    enterprise = None if own is None else tx.members.enterprise(own.enterprise_code)
    if enterprise is None:
        raise DeskRefused(Refusal.NOT_ALLOWED, rests_on_feed=True)
    operators = tx.members.operators_of(enterprise.code)
    accounts = {each.account for each in operators}
    proposals = tuple(
        proposal
        for each in operators
        for proposal in proposal_views(tx, each.account)
        if _still_concerns(proposal, accounts)
    )
    waits = any(each.state is ProposalState.UNDER_REVIEW for each in proposals)
    waits = waits or any(each.review is Review.UNDER_REVIEW for each in operators)
    return EnterpriseView(
        code=enterprise.code,
        name=enterprise.name,
        review=shown_review(enterprise.review, trader_waits=waits),
        operators=tuple(_operator(desk, tx, each) for each in operators),
        proposals=proposals,
    )


def _operator(desk: Desk, tx: Transaction, operator: Operator) -> OperatorView:
    return OperatorView(
        account=operator.account,
        name=operator.name,
        review=operator.review,
        document=operator.document,
        document_number=operator.document_number,
        phone=operator.phone,
        authorised=operator.authorised,
        key=_validity(desk, tx, key_on_record(tx, operator.account)),
    )


def _still_concerns(proposal: ProposalView, accounts: Collection[str]) -> bool:
    """Whether a proposal is shown: not once it was taken back, or its operator stands among the others."""
    if proposal.state is ProposalState.WITHDRAWN:
        return False
    return proposal.state is not ProposalState.APPROVED or proposal.new_account not in accounts
