from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.orders.confirming import CodeAccepted
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderOpen, Placed
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.fees import OrderKind


def test_a_confirmation_that_arrives_four_times_at_once_counts_once(
    open_desk: Callable[[], Desk],
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    services, digits = [DeskService(open_desk()) for _ in range(4)], digits_for(number)
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda service: service.confirm_typed(number, digits), services))
    assert sum(isinstance(outcome, CodeAccepted) for outcome in outcomes) == 1
    assert outcomes.count(Refused(Refusal.ORDER_PAID_ALREADY)) == 3


def test_two_orders_placed_at_once_are_one(open_desk: Callable[[], Desk], session: Session) -> None:
    services = [DeskService(open_desk()) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda each: each.place_order(session, OrderKind.NEW), services))
    first = next(outcome for outcome in outcomes if isinstance(outcome, Placed))
    assert outcomes.count(OrderOpen(session, first.order.reference)) == 3


def test_binding_twice_at_once_binds_once(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("A"))

    def bind(_turn: int) -> object:
        return service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(bind, range(2)))
    assert sum(isinstance(outcome, BoundView) for outcome in outcomes) == 1
    assert Refused(Refusal.ORDER_BOUND) in outcomes
