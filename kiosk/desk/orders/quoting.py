"""Which service fits a member who chose one, and what it costs and gives. Inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.desk.authority import (
    identity_of,
    policy_of,
    require_amount_allowed,
    require_certificate_foreseen,
    require_clock,
    require_feed_whole,
    require_in_use,
    require_issuer_outlives,
    require_policy_holds,
    require_supervisor,
    schedule_of,
)
from kiosk.desk.errors import DeskRefused
from kiosk.desk.status import feed_age
from kiosk.desk.views.orders import OrderOpen, PaidElsewhere, Quote, Verified, WrongKind
from kiosk.desk.views.people import SecondAllowed, Session
from kiosk.desk.views.refusals import Refusal
from kiosk.domain.decisions import ContinueOrder, OfferKind, Proceed, decide, key_state
from kiosk.domain.fees import OrderKind, total
from kiosk.domain.guard import open_order
from kiosk.domain.members import Review
from kiosk.domain.policy import is_due
from kiosk.domain.validity import validity
from kiosk.pki.errors import NameInvalid
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName, member_name
from kiosk.store.keys_on_record import key_on_record

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.feed import OpenOrder
    from kiosk.store.transaction import Transaction


Judged = Verified | WrongKind | OrderOpen | PaidElsewhere


def judge(
    desk: Desk, tx: Transaction, session: Session, kind: OrderKind, allowed: SecondAllowed | None = None
) -> Judged:
    """The quote for that kind, or what leads on instead: the kind that fits, or the order that is open or paid already.

    With `allowed` a paid order elsewhere does not stand in the way. Raises DeskRefused.
    """
    identity_of(tx)
    require_approved(tx, session.account)
    now = desk.clock.wall()
    state = key_state(key_on_record(tx, session.account), now)
    pending = open_order(tx.ledger, session.account, kind)
    decision = decide(kind, state, pending.reference if pending else None)
    match decision:
        case ContinueOrder():
            return OrderOpen(session, decision.order)
        case OfferKind():
            return WrongKind(session, decision.kind, decision.because, feed_age(tx, now))
        case Proceed():
            require_in_use(tx)
            require_feed_whole(tx)
            elsewhere = _open_elsewhere(tx, session.account, kind, now)
            paid = next((each for each in elsewhere if each.centre_holds_money), None)
            if paid is not None and allowed is None:
                here = paid.kiosk == identity_of(tx).kiosk
                return PaidElsewhere(session, paid, feed_age(tx, now), here=here)
            if allowed is not None:
                require_supervisor(tx, allowed.staff)
            quote = _quote(desk, tx, session, kind, declares_loss=decision.declares_loss)
            return Verified(session, replace(quote, open_elsewhere=elsewhere))


def require_approved(tx: Transaction, account: str) -> None:
    """Refuse an operator who is under review (审核中) or was refused; the enterprise's own review does not matter here."""
    operator = tx.members.operator(account)
    if operator is None or operator.review is Review.REFUSED:
        raise DeskRefused(Refusal.OPERATOR_REFUSED, rests_on_feed=True)
    if operator.review is Review.UNDER_REVIEW:
        raise DeskRefused(Refusal.OPERATOR_UNDER_REVIEW, rests_on_feed=True)


def _require_nameable(session: Session) -> None:
    """Refuse before payment what no certificate could be issued for: a name that none can hold."""
    try:
        member_name(DEFAULT_ORGANISATION, MemberName(session.account, session.enterprise))
    except NameInvalid as error:
        raise DeskRefused(Refusal.NAME_UNUSABLE, rests_on_feed=True) from error


def _quote(desk: Desk, tx: Transaction, session: Session, kind: OrderKind, *, declares_loss: bool) -> Quote:
    """The price and the new end, once nothing speaks against taking the money. Raises DeskRefused."""
    now = desk.clock.wall()
    policy = policy_of(tx)
    require_clock(tx, desk.clock, policy)
    lines = schedule_of(tx, now).lines(kind)
    require_policy_holds(tx, policy, now)
    require_certificate_foreseen(tx, policy)
    require_amount_allowed(tx, policy, total(lines))
    _require_nameable(session)
    previous = key_on_record(tx, session.account)
    old_end = previous.not_after if previous else None
    # whoever pays in the last second of the window, and binds the orders of other kinds first, must still get one
    years = policy.certificate_years * (1 + len(tx.ledger.open_orders_of(session.account)))
    require_issuer_outlives(tx, validity(now + policy.payment_window, old_end, years).end)
    return Quote(
        kind=kind,
        lines=lines,
        total=total(lines),
        previous=previous,
        ends_at=validity(now, old_end, policy.certificate_years).end,
        declares_loss=declares_loss,
    )


def _open_elsewhere(tx: Transaction, account: str, kind: OrderKind, now: int) -> tuple[OpenOrder, ...]:
    """The account's open orders of that kind at other kiosks, paid ones first; of unpaid ones those not long overdue.

    A kiosk that is gone never ends its orders. Elsewhere is also one of this kiosk that was lost with its data, or that
    a copy of it took, as far as the centre has money for it.
    """
    kiosk = identity_of(tx).kiosk

    def is_here(each: OpenOrder) -> bool:
        lost = each.centre_holds_money and tx.ledger.order(each.order) is None
        return each.kiosk == kiosk and not lost

    orders = [each for each in tx.feed.open_orders(account) if each.order_kind is kind and not is_here(each)]
    paid = tuple(each for each in orders if each.paid or each.centre_holds_money)
    unpaid = (each for each in orders if each not in paid)
    return paid + tuple(each for each in unpaid if not is_due(each.deadline, now, None))
