"""An order beside one that is open at another kiosk."""

from __future__ import annotations

from msgspec.structs import replace

from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import PaidElsewhere, Placed, Verified
from kiosk.desk.views.people import SecondAllowed, Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.entries.orders import OrderPlaced, SecondOrder
from kiosk.domain.feed import OpenOrder, OpenOrdersPublished
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import parse_order_number
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from kiosk.store.database import Database
from tests.support.desk import STAFF, SUPERVISOR

NOW = 1_795_327_500
DAY = 86_400


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
    own = OpenOrder("3-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 3, NOW + 900)
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


def test_an_order_of_this_kiosk_that_was_paid_and_lost_with_its_data_refuses_another(
    service: DeskService, session: Session, database: Database
) -> None:
    lost = OpenOrder("3-0002-1.a1b2c3d4e5f6", OrderKind.NEW, 3, NOW + 900, centre_holds_money=True)
    told_open(database, lost)
    assert service.place_order(session, OrderKind.NEW) == PaidElsewhere(session, lost, here=True)
    allowed = service.place_order(session, OrderKind.NEW, SecondAllowed(SUPERVISOR, "数据恢复过"))
    assert isinstance(allowed, Placed)
    assert _placed_entry(database, allowed).second is not None


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
