from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.orders import OrderCancelled, OrderExpired, OrderPaid
from kiosk.domain.errors import ChainBroken, EntryRefused
from kiosk.domain.identifiers import IdentifierOutOfRange
from kiosk.domain.journal import SealedEntry, check_chain, seal
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.remarks import RemarkReason
from kiosk.store.database import Database
from kiosk.store.errors import EnrolledAlready, EpochUsed, NotEnrolled
from kiosk.store.transaction import Identity, Place, Transaction
from kiosk.store.verify import verify

PlaceOrder = Callable[[Transaction, str], str]


def entries_of(database: Database) -> list[SealedEntry]:
    with database.read() as tx:
        return tx.journal.entries()


def test_enrolling_begins_the_first_epoch(database: Database) -> None:
    with database.read() as tx:
        assert tx.identity == Identity(3, 1)
        assert tx.next_tip() == Place(3, 1, 2)
    (first,) = entries_of(database)
    assert first.entry.body == EpochBegan(given_by_centre=True, continues=None)


def test_a_store_is_enrolled_once(database: Database, clock: FixedClock) -> None:
    with pytest.raises(EnrolledAlready), database.write() as tx:
        tx.enrol(4, 1, clock)


@pytest.mark.parametrize(("kiosk", "epoch"), [(0, 1), (0x8000, 1), (3, 0), (3, 0x1000000)])
def test_numbers_that_no_identifier_can_carry_are_refused(
    path: Path, key: bytes, clock: FixedClock, kiosk: int, epoch: int
) -> None:
    database = Database.create(path, key)
    with pytest.raises(IdentifierOutOfRange), database.write() as tx:
        tx.enrol(kiosk, epoch, clock)
    with database.read() as tx:
        assert tx.identity is None


def test_nothing_is_appended_before_the_kiosk_is_enrolled(path: Path, key: bytes, clock: FixedClock) -> None:
    database = Database.create(path, key)
    with pytest.raises(NotEnrolled), database.write() as tx:
        tx.append(OrderExpired("3-0002-1"), clock)


def test_an_entry_is_chained_and_its_rows_are_written(
    database: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    with database.write() as tx:
        number = place(tx, "11000001")
        clock.advance(60)
        paid = tx.append(OrderPaid(number, PaidHow.CODE, 35_000, clock.wall()), clock)
        assert tx.next_tip() == Place(3, 1, 4)
    with database.read() as tx:
        order = tx.ledger.order(number)
        tip = tx.journal.tip()
        assert tx.journal.latest_wall(0) == clock.wall()
    assert order is not None
    assert order.status is OrderStatus.PAID
    assert check_chain(None, entries_of(database)) == tip
    assert tip is not None
    assert tip.hash == paid.hash


def test_the_latest_wall_time_is_that_of_the_last_entry_or_of_one_past_a_sequence(
    database: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    start = clock.wall()
    with database.write() as tx:
        assert tx.journal.latest_wall(0) == start
        for moment in (start + 900, start + 100, start + 50):
            clock.now = moment
            place(tx, str(moment))
        assert [tx.journal.latest_wall(after) for after in (0, 1, 2, 3, 4, 9)] == [
            start + late for late in (900, 900, 100, 50, 50, 50)
        ]


def test_a_store_without_entries_has_no_wall_time(tmp_path: Path) -> None:
    with Database.create(tmp_path / "new.db", bytes(32)).read() as tx:
        assert tx.journal.latest_wall(0) is None


def test_an_entry_that_is_refused_leaves_no_trace(
    database: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    with database.write() as tx:
        number = place(tx, "11000001")
        tx.append(OrderCancelled(number, "member"), clock)
    with pytest.raises(EntryRefused) as caught, database.write() as tx:
        tx.append(OrderExpired(number), clock)
    assert caught.value.reason is RemarkReason.ORDER_IN_ANOTHER_STATE
    with pytest.raises(EntryRefused) as caught, database.write() as tx:
        tx.append(OrderExpired("3-9999-1"), clock)
    assert caught.value.reason is RemarkReason.ORDER_UNKNOWN
    assert len(entries_of(database)) == 3
    assert verify(database).sound


def test_the_start_of_an_epoch_is_not_appended_like_another_entry(
    database: Database, clock: FixedClock
) -> None:
    with pytest.raises(ChainBroken), database.write() as tx:
        tx.append(EpochBegan(given_by_centre=True, continues=tx.journal.tip()), clock)


def test_a_new_epoch_names_the_tip_and_begins_once(
    database: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    with database.read() as tx:
        tip = tx.journal.tip()
    with database.write() as tx:
        begun = tx.begin_epoch(9, clock, given_by_centre=False)
        assert place(tx, "11000001").startswith("3-9-0003-")
    assert begun.entry.body == EpochBegan(given_by_centre=False, continues=tip)
    for epoch in (1, 9):
        with pytest.raises(EpochUsed), database.write() as tx:
            tx.begin_epoch(epoch, clock, given_by_centre=True)
    with database.read() as tx:
        assert tx.identity == Identity(3, 9)


@pytest.fixture
def centre_has(database: Database, clock: FixedClock, place: PlaceOrder) -> list[SealedEntry]:
    """What the centre holds of a kiosk with three orders in two epochs."""
    with database.write() as tx:
        first = place(tx, "11000001")
        tx.append(OrderPaid(first, PaidHow.CODE, 35_000, clock.wall()), clock)
        place(tx, "11000002")
        tx.begin_epoch(2, clock, given_by_centre=True)
        place(tx, "11000003")
    return entries_of(database)


@pytest.fixture
def restored(path: Path, key: bytes) -> Database:
    """The store of the same kiosk on a new disk."""
    database = Database.create(path.with_name("restored.db"), key)
    with database.write() as tx:
        tx.adopt(3)
    return database


@pytest.mark.parametrize("backup", [0, 1, 3, 6])
def test_a_restored_backup_takes_its_own_entries_back_and_goes_on_in_a_new_epoch(
    centre_has: list[SealedEntry], restored: Database, database: Database, clock: FixedClock, backup: int
) -> None:
    with restored.write() as tx:
        assert tx.import_entries(centre_has[:backup]) == backup
    with restored.write() as tx:
        assert tx.import_entries(centre_has) == len(centre_has) - backup
        begun = tx.begin_epoch(3, clock, given_by_centre=True)
    assert isinstance(begun.entry.body, EpochBegan)
    assert begun.entry.body.continues is not None
    assert begun.entry.body.continues.hash == centre_has[-1].hash
    with database.read() as before, restored.read() as after:
        assert after.ledger.orders() == before.ledger.orders()
        assert after.ledger.registers() == before.ledger.registers()
        assert after.identity == Identity(3, 3)
    assert verify(restored).sound


def test_an_adopted_store_writes_nothing_until_its_epoch_begins(
    restored: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    with pytest.raises(NotEnrolled), restored.write() as tx:
        place(tx, "11000001")


def test_a_gap_in_what_comes_back_is_refused(centre_has: list[SealedEntry], restored: Database) -> None:
    with pytest.raises(ChainBroken) as caught, restored.write() as tx:
        tx.import_entries([*centre_has[:2], *centre_has[3:]])
    assert caught.value.sequence == 4
    assert entries_of(restored) == []


def test_another_kiosks_entries_are_refused(
    centre_has: list[SealedEntry], path: Path, key: bytes, clock: FixedClock
) -> None:
    stranger = Database.create(path.with_name("stranger.db"), key)
    with stranger.write() as tx:
        tx.adopt(4)
    with pytest.raises(ChainBroken), stranger.write() as tx:
        tx.import_entries(centre_has)


def test_a_fork_is_not_written_over(
    centre_has: list[SealedEntry], restored: Database, clock: FixedClock, place: PlaceOrder
) -> None:
    with restored.write() as tx:
        tx.import_entries(centre_has[:3])
        clock.advance(1)
        place(tx, "11000009")
    with pytest.raises(ChainBroken) as caught, restored.write() as tx:
        tx.import_entries(centre_has)
    assert caught.value.sequence == 4
    with restored.read() as tx:
        assert [order.account for order in tx.ledger.orders()] == ["11000009", "11000001"]


def test_an_entry_whose_bytes_say_otherwise_counts_by_its_bytes(
    centre_has: list[SealedEntry], restored: Database
) -> None:
    lying = SealedEntry(centre_has[1].entry, centre_has[0].data, centre_has[1].hash)
    with restored.write() as tx:
        assert tx.import_entries([lying]) == 1
    assert entries_of(restored) == [seal(centre_has[0].entry)]
