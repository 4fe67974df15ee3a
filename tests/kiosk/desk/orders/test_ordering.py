from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from msgspec.structs import replace

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import require_paid, require_unpaid
from kiosk.desk.service import DeskService
from kiosk.desk.views import (
    BindingProgress,
    CodeAccepted,
    OrderOpen,
    OrderView,
    PaidElsewhere,
    Placed,
    PrintOutcome,
    Refusal,
    Refused,
    SecondAllowed,
    Session,
    StaffSession,
    Verified,
    WrongKind,
)
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyState
from kiosk.domain.entries import LossReported, OrderCancelled, OrderPlaced, OrderReleased, SecondOrder
from kiosk.domain.feed import OpenOrder, OpenOrdersPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import parse_order_number
from kiosk.domain.ledger import BindingStep, Delivery, Order, OrderStatus
from kiosk.domain.payment_codes import order_code_key, parse_link, verify_order_code
from kiosk.domain.policy import Policy, is_due
from kiosk.domain.validity import add_years
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull, StoreBusy
from tests.support.desk import STAFF, SUPERVISOR, answered

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
WINDOW = 15 * 60


def told_open(database: Database, *orders: OpenOrder) -> None:
    """Let the feed tell of the account's open orders."""
    body = OpenOrdersPublished("11000001", orders)
    with database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


def test_nothing_is_sold_before_the_feed_was_read_through(
    service: DeskService, session: Session, database: Database
) -> None:
    with database.write() as tx:
        tx.feed.rows.begin(MEMBERS, Version(1, 9))
    refused = Refused(Refusal.FEED_INCOMPLETE)
    assert service.quote(session, OrderKind.NEW) == refused
    assert service.place_order(session, OrderKind.NEW) == refused
    with database.write() as tx:
        tx.feed.rows.put_cursor(MEMBERS, Version(1, 9))
    assert isinstance(service.place_order(session, OrderKind.NEW), Placed)


def test_an_unpaid_order_elsewhere_is_told_and_one_the_centre_has_money_for_refuses_another(
    service: DeskService, session: Session, database: Database
) -> None:
    unpaid = OpenOrder("5-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 5, NOW + 900)
    own = OpenOrder("3-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 3, NOW + 900, centre_holds_money=True)
    renewal = OpenOrder("5-0003-9.a1b2c3d4e5f6", OrderKind.RENEWAL, 5, NOW + 900, centre_holds_money=True)
    told_open(database, unpaid, own, renewal)
    offered = service.quote(session, OrderKind.NEW)
    assert isinstance(offered, Verified)
    assert offered.quote.open_elsewhere == (unpaid,)
    paid = replace(unpaid, centre_holds_money=True)
    told_open(database, paid)
    assert service.quote(session, OrderKind.NEW) == PaidElsewhere(session, paid)
    assert service.place_order(session, OrderKind.NEW) == PaidElsewhere(session, paid)
    told_open(database)
    assert isinstance(service.place_order(session, OrderKind.NEW), Placed)


def test_of_orders_elsewhere_the_paid_come_first_and_the_long_overdue_are_not_told(
    service: DeskService, session: Session, database: Database
) -> None:
    unpaid = OpenOrder("5-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 5, NOW - DAY + 1)
    dead = OpenOrder("6-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 6, NOW - DAY)
    vouched = OpenOrder("7-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 7, NOW - 9 * DAY, paid=True)
    told_open(database, dead, unpaid, vouched)
    offered = service.quote(session, OrderKind.NEW)
    assert isinstance(offered, Verified)
    assert offered.quote.open_elsewhere == (vouched, unpaid)


def test_a_supervisor_allows_a_second_order_and_the_entry_tells_who_and_why(
    service: DeskService, session: Session, database: Database
) -> None:
    told_open(
        database, OpenOrder("5-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 5, NOW + 900, centre_holds_money=True)
    )
    reason = "五号机坏了，会员等不及"
    clerk = SecondAllowed(STAFF, reason)
    pretender = SecondAllowed(replace(STAFF, supervisor=True), reason)
    stranger = SecondAllowed(StaffSession("没有这个人", supervisor=True), reason)
    for other in (clerk, pretender, stranger):
        assert service.quote(session, OrderKind.NEW, other) == Refused(Refusal.NOT_ALLOWED)
        assert service.place_order(session, OrderKind.NEW, other) == Refused(Refusal.NOT_ALLOWED)
    allowed = SecondAllowed(SUPERVISOR, reason)
    assert isinstance(service.quote(session, OrderKind.NEW, allowed), Verified)
    placed = service.place_order(session, OrderKind.NEW, allowed)
    assert isinstance(placed, Placed)
    assert _placed_entry(database, placed).second == SecondOrder(SUPERVISOR.name, reason)


def test_what_a_supervisor_allowed_is_told_of_no_order_that_needed_no_consent(
    service: DeskService, session: Session, database: Database
) -> None:
    allowed = SecondAllowed(SUPERVISOR, "多余")
    placed = service.place_order(session, OrderKind.NEW, allowed)
    assert isinstance(placed, Placed)
    assert _placed_entry(database, placed).second is None


def _placed_entry(database: Database, placed: Placed) -> OrderPlaced:
    number = parse_order_number(placed.order.order_number)
    with database.read() as tx:
        entry = tx.journal.entry(number.sequence)
    assert entry is not None
    assert isinstance(entry.entry.body, OrderPlaced)
    return entry.entry.body


def test_the_number_and_the_link_name_the_entry_that_placed_the_order(
    service: DeskService, session: Session, database: Database
) -> None:
    placed = service.place_order(session, OrderKind.NEW)
    assert isinstance(placed, Placed)
    token = verify_order_code(parse_link(placed.order.link), order_code_key(bytes(range(32))))
    assert str(token.reference) == placed.order.reference
    assert parse_order_number(placed.order.order_number) == token.order
    assert (token.account, token.kind, token.fee_schedule) == ("11000001", OrderKind.NEW, 1)
    with database.read() as tx:
        entry = tx.journal.entry(token.order.sequence)
    assert entry is not None
    assert isinstance(entry.entry.body, OrderPlaced)
    assert entry.entry.body.order == placed.order.reference
    assert placed.order.deadline == NOW + WINDOW


def test_a_second_order_of_the_kind_leads_to_the_first(
    service: DeskService, session: Session, placed: Callable[[Session, OrderKind], str]
) -> None:
    number = placed(session, OrderKind.NEW)
    assert service.place_order(session, OrderKind.NEW) == OrderOpen(session, number)


def test_a_replacement_of_a_valid_key_reports_its_loss(
    service: DeskService,
    session: Session,
    database: Database,
    bound_elsewhere: Callable[[str, str, int, int], object],
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - 100 * DAY, NOW + 265 * DAY)
    placed = service.place_order(session, OrderKind.REPLACEMENT)
    assert isinstance(placed, Placed)
    with database.read() as tx:
        bodies = [sealed.entry.body for sealed in tx.journal.entries()]
    assert isinstance(bodies[-2], OrderPlaced)
    assert isinstance(bodies[-1], LossReported)
    account = answered(service.account(session))
    assert account.key_state is KeyState.LOST
    offered = service.quote(session, OrderKind.RENEWAL)
    assert isinstance(offered, WrongKind)
    assert (offered.offered, offered.because) == (OrderKind.REPLACEMENT, KeyState.LOST)


def test_a_kind_that_no_longer_fits_when_the_order_is_placed_is_refused(
    service: DeskService, session: Session, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - 100 * DAY, NOW + 265 * DAY)
    assert service.place_order(session, OrderKind.NEW) == Refused(Refusal.KEY_STATE_CHANGED)


def test_an_unpaid_order_can_be_given_up_and_another_placed(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert service.cancel(session_of("11000003"), number) == Refused(Refusal.NO_ORDER)
    cancelled = service.cancel(session, number)
    assert isinstance(cancelled, OrderView)
    assert cancelled.status is OrderStatus.CANCELLED
    assert service.cancel(session, number) == Refused(Refusal.ORDER_CANCELLED)
    assert placed(session, OrderKind.NEW) != number


def test_a_paid_order_cannot_be_given_up(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    pay(number)
    assert service.cancel(session, number) == Refused(Refusal.ORDER_PAID_ALREADY)


@pytest.mark.parametrize(
    ("after_deadline", "contact_after", "due"),
    [
        (299, 10, False),
        (300, 10, True),
        (300, 0, False),
        (300, None, False),
        (DAY - 1, None, False),
        (DAY, None, True),
        (DAY, -50, True),
    ],
)
def test_an_order_is_due_five_minutes_after_its_deadline_or_a_day_without_contact(
    after_deadline: int,
    contact_after: int | None,
    due: bool,  # noqa: FBT001 - a table's column
) -> None:
    contact = None if contact_after is None else NOW + contact_after
    assert is_due(NOW, NOW + after_deadline, contact) is due


def test_expiring_waits_for_the_centre_to_be_heard_after_the_deadline(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    clock.advance(WINDOW + 300)
    assert service.expire_due() == 0
    contact()
    assert service.expire_due() == 1
    assert service.expire_due() == 0
    view = answered(service.order(number))
    assert view is not None
    assert view.status is OrderStatus.EXPIRED
    assert service.bindable(session, OrderKind.NEW) == Refused(Refusal.ORDER_EXPIRED)


def test_nothing_expires_while_the_clock_cannot_be_believed(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
) -> None:
    placed(session, OrderKind.NEW)
    clock.now += 2 * DAY
    assert service.expire_due() == 0


def test_bindable_says_why_there_is_nothing_to_bind(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    database: Database,
) -> None:
    assert service.bindable(session, OrderKind.NEW) == Refused(Refusal.NO_ORDER)
    number = placed(session, OrderKind.NEW)
    assert service.bindable(session, OrderKind.NEW) == Refused(Refusal.ORDER_UNPAID)
    pay(number)
    found = service.bindable(session, OrderKind.NEW)
    assert isinstance(found, OrderView)
    assert found.reference == number
    with database.write() as tx:
        tx.append(OrderReleased(number, new_owner=9, handover=1, feed="order-moved/1"), clock)
    assert service.bindable(session, OrderKind.NEW) == Refused(Refusal.ORDER_ELSEWHERE)
    clock.advance(200)
    outcome = service.bindable(session, OrderKind.RENEWAL)
    assert outcome == Refused(Refusal.NO_ORDER, feed_as_of=NOW)


def test_taking_the_token_later_prints_a_slip_and_keeps_the_order_open(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert service.choose_delivery(session, number, Delivery.MAIL) == Refused(Refusal.ORDER_UNPAID)
    pay(number)
    assert service.choose_delivery(session, number, Delivery.MAIL) is PrintOutcome.PRINTED
    view = service.bindable(session, OrderKind.NEW)
    assert isinstance(view, OrderView)
    assert view.delivery is Delivery.MAIL


@pytest.mark.parametrize(
    ("error", "reason"), [(DiskFull, Refusal.DISK_FULL), (StoreBusy, Refusal.STORE_BUSY)]
)
def test_a_full_disk_or_another_writer_fails_the_verb_whole_and_stands_in_the_log(
    service: DeskService,
    session: Session,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    error: type[DiskFull | StoreBusy],
    reason: Refusal,
) -> None:
    with database.read() as tx:
        before = tx.journal.count()

    def full(*_arguments: object) -> None:
        raise error(database.path)

    with monkeypatch.context() as patch:
        patch.setattr("kiosk.store.ledger.LedgerTables.put", full)
        with structlog.testing.capture_logs() as logs:
            assert service.place_order(session, OrderKind.NEW) == Refused(reason)
    assert [(each["event"], each["reason"]) for each in logs] == [("refused", reason.value)]
    with database.read() as tx:
        assert tx.journal.count() == before
    assert isinstance(service.place_order(session, OrderKind.NEW), Placed)


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


@pytest.mark.parametrize(
    ("status", "bound", "paid"),
    [
        (OrderStatus.PLACED, Refusal.ORDER_UNPAID, None),
        (OrderStatus.PAID, None, Refusal.ORDER_PAID_ALREADY),
        (OrderStatus.BOUND, Refusal.ORDER_BOUND, Refusal.ORDER_BOUND),
        (OrderStatus.CANCELLED, Refusal.ORDER_CANCELLED, Refusal.ORDER_CANCELLED),
        (OrderStatus.EXPIRED, Refusal.ORDER_EXPIRED, Refusal.ORDER_EXPIRED),
        (OrderStatus.REFUNDING, Refusal.ORDER_REFUNDING, Refusal.ORDER_REFUNDING),
        (OrderStatus.REFUNDED, Refusal.ORDER_REFUNDING, Refusal.ORDER_REFUNDING),
    ],
)
def test_an_order_that_cannot_be_bound_or_paid_says_why(
    status: OrderStatus, bound: Refusal | None, paid: Refusal | None
) -> None:
    order = Order("1", 3, OrderKind.NEW, "11000001", "", "", (), 1, 0, 1, 1, status=status)

    def refused(require: Callable[[Order], object]) -> Refusal | None:
        try:
            require(order)
        except DeskRefused as error:
            return error.reason
        return None

    assert (refused(require_paid), refused(require_unpaid)) == (bound, paid)


def test_an_order_that_moved_away_expires_at_its_new_kiosk_alone(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    clock: FixedClock,
    database: Database,
    contact: Callable[[], None],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    placed(session_of("11000003"), OrderKind.NEW)
    with database.write() as tx:
        tx.append(OrderReleased(number, new_owner=9, handover=1, feed="order-moved/1"), clock)
    clock.advance(2 * DAY)
    contact()
    assert service.expire_due() == 1


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


def test_a_renewal_reports_no_loss(
    service: DeskService,
    session: Session,
    database: Database,
    bound_elsewhere: Callable[[str, str, int, int], object],
    placed: Callable[[Session, OrderKind], str],
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - 100 * DAY, NOW + 20 * DAY)
    placed(session, OrderKind.RENEWAL)
    with database.read() as tx:
        told = [sealed.entry.body for sealed in tx.journal.entries()]
    assert not [body for body in told if isinstance(body, LossReported)]
    assert answered(service.account(session)).key_state is KeyState.EXPIRING


def test_a_renewal_has_its_token_and_no_delivery_to_choose(
    service: DeskService,
    session: Session,
    bound_elsewhere: Callable[[str, str, int, int], object],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - 100 * DAY, NOW + 20 * DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert service.choose_delivery(session, number, Delivery.MAIL) == Refused(Refusal.NOT_ALLOWED)
    view = answered(service.order(number))
    assert view is not None
    assert view.delivery is None


def test_an_order_that_was_given_up_or_moved_away_is_not_among_the_open_ones(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    database: Database,
    placed: Callable[[Session, OrderKind], str],
) -> None:
    given_up = placed(session, OrderKind.NEW)
    service.cancel(session, given_up)
    second = placed(session, OrderKind.NEW)
    assert [order.reference for order in answered(service.open_orders(session))] == [second]
    with database.write() as tx:
        tx.append(OrderReleased(second, new_owner=9, handover=1, feed="order-moved/1"), clock)
    assert answered(service.open_orders(session)) == ()


def test_an_order_of_a_renewal_shows_an_end_counted_from_the_old_one(
    service: DeskService, session: Session, bound_elsewhere: Callable[[str, str, int, int], object]
) -> None:
    old_end = NOW + 20 * DAY
    bound_elsewhere("11000001", "A0001", NOW - 100 * DAY, old_end)
    placed = service.place_order(session, OrderKind.RENEWAL)
    assert isinstance(placed, Placed)
    assert placed.order.ends_at == add_years(old_end, 1)


def test_where_no_order_is_due_nothing_is_written(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed(session, OrderKind.NEW)

    def busy(database: Database) -> None:
        raise StoreBusy(database.path)

    monkeypatch.setattr(Database, "write", busy)
    assert service.expire_due() == 0
