from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session, StaffSession, StaffSignedIn, WrongCredentials
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.clock import FixedClock
from kiosk.domain.feed import MatterPublished
from kiosk.domain.feed_rows import FeedRow, UnappliedRow
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.policy import Policy
from kiosk.domain.versions import NO_VERSION, Version
from kiosk.store.database import Database
from tests.support.desk import answered

SUPERVISOR = StaffSession("林涛", supervisor=True)
CLERK = StaffSession("张华", supervisor=False)


def test_the_role_comes_with_the_password(service: DeskService) -> None:
    assert service.staff_sign_in("林涛", "Super-1") == StaffSignedIn(SUPERVISOR)
    assert service.staff_sign_in("张华", "Staff-1") == StaffSignedIn(CLERK)


def test_initials_are_taken_where_one_of_the_staff_is_meant(service: DeskService, database: Database) -> None:
    assert service.staff_sign_in("lt", "Super-1") == StaffSignedIn(SUPERVISOR)
    with database.write() as tx:
        tx.members.put_staff(StaffMember("刘涛", Role.STAFF, "$argon2id$unused"))
    assert isinstance(service.staff_sign_in("lt", "Super-1"), WrongCredentials)
    assert isinstance(service.staff_sign_in("nobody", "Super-1"), WrongCredentials)
    assert service.staff_sign_in("林涛", "Super-1") == StaffSignedIn(SUPERVISOR)


@pytest.mark.parametrize(
    "who", [CLERK, StaffSession("张华", supervisor=True), StaffSession("谁", supervisor=True)]
)
def test_only_who_is_a_supervisor_on_record_vouches_abandons_and_refunds(
    service: DeskService, session: Session, placed: Callable[[Session, OrderKind], str], who: StaffSession
) -> None:
    number = placed(session, OrderKind.NEW)
    refused = Refused(Refusal.NOT_ALLOWED)
    assert service.vouch(who, number) == refused
    assert service.abandon(who, number, "坏了") == refused
    assert service.grant_refund(who, number, "不要了") == refused


def test_a_supervisor_vouches_for_a_payment_under_her_name(
    service: DeskService, session: Session, database: Database, placed: Callable[[Session, OrderKind], str]
) -> None:
    number = placed(session, OrderKind.NEW)
    paid = service.vouch(SUPERVISOR, number)
    assert isinstance(paid, OrderView)
    assert paid.status is OrderStatus.PAID
    with database.read() as tx:
        order = tx.ledger.order(number)
    assert order is not None
    assert [(each.how, each.supervisor) for each in order.payments] == [(PaidHow.DESK, "林涛")]
    assert service.vouch(SUPERVISOR, number) == Refused(Refusal.ORDER_PAID_ALREADY)


def test_a_supervisor_vouches_for_no_more_than_the_policy_lets_the_kiosk_take(
    service: DeskService,
    session: Session,
    database: Database,
    give_policy: Callable[[Database, Policy], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    give_policy(database, Policy(2, 3, 2_000_000_000, unsynced_amount=33_999))
    assert service.vouch(SUPERVISOR, number) == Refused(Refusal.POLICY_AMOUNT_REACHED)


def test_a_refund_locks_the_binding(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert service.grant_refund(SUPERVISOR, number, "不要了") == Refused(Refusal.ORDER_UNPAID)
    pay(number)
    refunding = service.grant_refund(SUPERVISOR, number, "不要了")
    assert isinstance(refunding, OrderView)
    assert refunding.status is OrderStatus.REFUNDING
    assert service.bindable(session) == Refused(Refusal.ORDER_REFUNDING)
    assert [order.reference for order in answered(service.staff_orders())] == [number]


def test_staff_see_the_orders_that_go_on_or_owe_money_back_newest_first(
    service: DeskService,
    session_of: Callable[[str], Session],
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    gives_up = session_of("11000003")
    service.cancel(gives_up, placed(gives_up, OrderKind.NEW))
    accounts = ("11000001", "11000002", "11000003")
    unpaid, paid, refunding = (placed(session_of(each), OrderKind.NEW) for each in accounts)
    pay(paid)
    pay(refunding)
    service.grant_refund(SUPERVISOR, refunding, "不要了")
    assert [order.reference for order in answered(service.staff_orders())] == [refunding, paid, unpaid]


def test_there_is_nothing_to_abandon_before_a_binding_began(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert service.abandon(SUPERVISOR, number, "坏了") == Refused(Refusal.ORDER_UNPAID)
    pay(number)
    assert service.abandon(SUPERVISOR, number, "坏了") == Refused(Refusal.NOT_ALLOWED)


def test_matters_and_kept_rows_are_shown(service: DeskService, database: Database) -> None:
    matter = MatterPublished("amount-differs", "3-0007-1", "11000001", 7)
    with database.write() as tx:
        tx.feed.put_matter(matter)
        row = FeedRow(0, "new-thing/1", Version(1, 9), NO_VERSION, "new-thing", msgspec.Raw(b"{}"))
        tx.feed.rows.keep(row, "unknown-kind: new-thing")
    assert service.matters() == (matter,)
    assert service.unapplied_rows() == (UnappliedRow(row, "unknown-kind: new-thing"),)
    status = answered(service.status())
    assert (status.matters, status.unapplied_rows) == (1, 1)


def test_money_that_a_supervisor_saw_for_an_order_that_had_ended_goes_back(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    expired = placed(session, OrderKind.NEW)
    clock.advance(1200)
    contact()
    assert service.expire_due() == 1
    cancelled = placed(session, OrderKind.NEW)
    service.cancel(session, cancelled)
    for number in (expired, cancelled):
        vouched = service.vouch(SUPERVISOR, number)
        assert isinstance(vouched, OrderView), vouched
        assert vouched.status is OrderStatus.REFUNDING
        assert service.vouch(SUPERVISOR, number) == Refused(Refusal.ORDER_REFUNDING)
