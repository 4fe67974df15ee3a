"""Placing an order, giving it up, and what it shows until it is paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import require_paid, require_unpaid
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderOpen, OrderView, Placed, PrintOutcome, WrongKind
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyState
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderPlaced, OrderReleased
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import parse_order_number
from kiosk.domain.ledger import Delivery, Order, OrderStatus
from kiosk.domain.payment_codes import order_code_key, parse_link, verify_order_code
from kiosk.domain.validity import add_years
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull, StoreBusy
from tests.support.desk import answered

NOW = 1_795_327_500
DAY = 86_400
WINDOW = 15 * 60


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


def test_the_first_order_of_a_store_that_was_put_back_has_a_number_of_the_new_epoch(
    service: DeskService, session: Session, database: Database
) -> None:
    with database.write() as tx:
        tx.note_put_back()
    placed = service.place_order(session, OrderKind.NEW)
    assert isinstance(placed, Placed)
    number = parse_order_number(placed.order.order_number)
    with database.read() as tx:
        entry = tx.journal.entry(number.sequence)
    assert entry is not None
    assert isinstance(entry.entry.body, OrderPlaced)
    assert (entry.entry.body.order, entry.entry.epoch) == (placed.order.reference, number.epoch)


def test_an_order_that_nobody_placed_is_none(service: DeskService) -> None:
    assert answered(service.order("3-9999-0.a1b2c3d4e5f6")) is None


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


def test_bindable_says_why_there_is_nothing_to_bind(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    database: Database,
) -> None:
    assert service.bindable(session) == Refused(Refusal.NO_ORDER)
    clock.advance(200)
    assert service.bindable(session) == Refused(Refusal.NO_ORDER, feed_as_of=NOW)
    clock.advance(-200)
    number = placed(session, OrderKind.NEW)
    assert service.bindable(session) == Refused(Refusal.ORDER_UNPAID)
    pay(number)
    assert [each.reference for each in answered(service.bindable(session))] == [number]
    with database.write() as tx:
        tx.append(OrderReleased(number, new_owner=9, handover=1, feed="order-moved/1"), clock)
    assert service.bindable(session) == Refused(Refusal.ORDER_ELSEWHERE)


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
    (view,) = answered(service.bindable(session))
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
