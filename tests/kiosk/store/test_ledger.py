from __future__ import annotations

from collections.abc import Callable

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.bindings import BindingStarted, CertificateIssued, KeyPairMade
from kiosk.domain.entries.orders import OrderCancelled, OrderPaid, RefundGranted
from kiosk.domain.ledger import CertificateStatus, OrderStatus, PaidHow
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction

Place = Callable[[Transaction, str], str]


def pay(tx: Transaction, order: str, how: PaidHow, clock: FixedClock) -> int:
    transaction = "t1" if how is PaidHow.FEED else None
    return tx.append(OrderPaid(order, how, 35_000, clock.wall(), transaction), clock).entry.sequence


def issue(tx: Transaction, order: str, clock: FixedClock) -> str:
    number = f"0003{tx.journal.count():012X}"
    now = clock.wall()
    tx.append(BindingStarted(order, 1, f"T{number}", "gmt", "sm2"), clock)
    tx.append(KeyPairMade(order, 1, b"\x04" + bytes(64)), clock)
    tx.append(CertificateIssued(order, 1, number, b"DER", now, now + 31_536_000, 1), clock)
    return number


def test_orders_are_found_by_status_and_account_newest_first(
    database: Database, place: Place, clock: FixedClock
) -> None:
    with database.write() as tx:
        first, second, third = (place(tx, f"1100000{number}") for number in (1, 2, 3))
        tx.append(OrderCancelled(first, "member"), clock)
        again = place(tx, "11000001")
    with database.read() as tx:
        found = tx.ledger.orders
        assert [order.reference for order in found()] == [again, third, second, first]
        assert [order.reference for order in found(status=OrderStatus.PLACED)] == [again, third, second]
        assert [order.reference for order in found(account="11000001")] == [again, first]
        assert [order.reference for order in found(OrderStatus.CANCELLED, "11000001")] == [first]
        assert [order.reference for order in found(limit=1)] == [again]
        assert found(account="1") == ()
        assert [order.reference for order in tx.ledger.each_open_order()] == [again, third, second]
        assert tx.ledger.count(OrderStatus.PLACED) == 3
        assert tx.ledger.count(OrderStatus.PAID) == 0
        assert [order.reference for order in tx.ledger.open_orders_of("11000001")] == [again]


def test_orders_are_overdue_after_their_deadline(database: Database, place: Place, clock: FixedClock) -> None:
    with database.write() as tx:
        first = place(tx, "11000001")
        paid = place(tx, "11000002")
        pay(tx, paid, PaidHow.FEED, clock)
    with database.read() as tx:
        assert tx.ledger.overdue(clock.wall() + 900) == ()
        assert [order.reference for order in tx.ledger.overdue(clock.wall() + 901)] == [first]


def test_certificates_are_found_and_counted_past_a_sequence(
    database: Database, place: Place, clock: FixedClock
) -> None:
    numbers = []
    with database.write() as tx:
        for account in ("11000001", "11000002"):
            order = place(tx, account)
            pay(tx, order, PaidHow.FEED, clock)
            numbers.append(issue(tx, order, clock))
        tx.append(RefundGranted(order, "林涛", ""), clock)
    with database.read() as tx:
        ledger = tx.ledger
        assert [row.number for row in ledger.certificates()] == numbers[::-1]
        assert [row.number for row in ledger.certificates(CertificateStatus.VOID)] == [numbers[1]]
        assert [row.number for row in ledger.certificates(account="11000001")] == [numbers[0]]
        first = ledger.certificate(numbers[0])
        assert first is not None
        counts = [
            ledger.unsynced_certificates(after) for after in (0, first.sequence - 1, first.sequence, 99)
        ]
        assert counts == [2, 2, 1, 0]


@pytest.mark.parametrize("how", [PaidHow.CODE, PaidHow.SCAN, PaidHow.DESK])
def test_money_that_only_the_desk_saw_counts_until_it_went_up(
    database: Database, place: Place, clock: FixedClock, how: PaidHow
) -> None:
    with database.write() as tx:
        assert tx.ledger.unsynced_amount(0) == 0
        first = pay(tx, place(tx, "11000001"), how, clock)
        second = pay(tx, place(tx, "11000002"), how, clock)
        pay(tx, place(tx, "11000003"), PaidHow.FEED, clock)
        place(tx, "11000004")
        amounts = [tx.ledger.unsynced_amount(after) for after in (0, first - 1, first, second)]
    assert amounts == [70_000, 70_000, 35_000, 0]


def test_money_counts_once_an_order_and_not_when_the_centre_confirmed_it(
    database: Database, place: Place, clock: FixedClock
) -> None:
    with database.write() as tx:
        order = place(tx, "11000001")
        first = pay(tx, order, PaidHow.CODE, clock)
        pay(tx, order, PaidHow.DESK, clock)
        assert tx.ledger.unsynced_amount(0) == 35_000
        assert tx.ledger.unsynced_amount(first) == 0
        pay(tx, order, PaidHow.FEED, clock)
        assert tx.ledger.unsynced_amount(0) == 0
