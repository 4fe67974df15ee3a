"""What the policy leaves for another order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.orders.confirming import CodeAccepted
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindingProgress
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, Delivery
from kiosk.domain.policy import Policy
from kiosk.store.database import Database
from tests.support.desk import answered

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY


def test_the_waiting_orders_count_towards_the_amount_of_the_policy(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 3, NOW + YEAR, unsynced_amount=68000))
    placed(session, OrderKind.NEW)
    placed(session_of("11000003"), OrderKind.NEW)
    refused = service.place_order(session_of("11000002"), OrderKind.NEW)
    assert refused == Refused(Refusal.POLICY_AMOUNT_REACHED)


def test_nobody_pays_for_a_certificate_that_the_orders_before_may_take(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    contact: Callable[[], None],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 3, NOW + YEAR, unsynced_certificates=1))
    first = placed(session, OrderKind.NEW)
    reached = Refused(Refusal.POLICY_CERTIFICATES_REACHED)
    other = session_of("11000003")
    assert service.place_order(other, OrderKind.NEW) == reached
    pay(first)
    assert service.place_order(other, OrderKind.NEW) == reached
    assert service.choose_delivery(session, first, Delivery.MAIL) is PrintOutcome.PRINTED
    second = placed(other, OrderKind.NEW)
    assert service.place_order(session_of("11000002"), OrderKind.NEW) == reached
    with database.write() as tx:
        tx.append(OrderCancelled(second, "member"), clock)
    third = placed(session_of("11000002"), OrderKind.NEW)
    assert service.place_order(other, OrderKind.NEW) == reached
    contact()
    assert third != placed(other, OrderKind.NEW)


def test_an_order_that_has_its_certificate_takes_no_second_one_of_the_policy(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    def interrupt(progress: BindingProgress) -> None:
        if progress == BindingProgress(3, done=True):
            raise KeyboardInterrupt

    give_policy(database, Policy(2, 3, NOW + YEAR, unsynced_certificates=2))
    first = placed(session, OrderKind.NEW)
    pay(first)
    source.insert(blank("A"))
    with pytest.raises(KeyboardInterrupt):
        service.bind(session, first, None, False, interrupt)  # noqa: FBT003 - the contract
    view = answered(service.order(first))
    assert view is not None
    assert (view.binding_step, view.binding_serial) == (BindingStep.ISSUED, "A")
    placed(session_of("11000003"), OrderKind.NEW)
    reached = Refused(Refusal.POLICY_CERTIFICATES_REACHED)
    assert service.place_order(session_of("11000002"), OrderKind.NEW) == reached


def test_the_money_that_was_taken_since_the_upload_counts_towards_the_amount_of_the_policy(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
    give_policy: Callable[[Database, Policy], None],
) -> None:
    give_policy(database, Policy(2, 3, NOW + YEAR, unsynced_amount=34_000))
    number = placed(session, OrderKind.NEW)
    assert isinstance(service.confirm_typed(number, digits_for(number)), CodeAccepted)
    reached = Refused(Refusal.POLICY_AMOUNT_REACHED)
    assert service.place_order(session_of("11000003"), OrderKind.NEW) == reached
    contact()
    placed(session_of("11000003"), OrderKind.NEW)
