"""Entries of another strand of this kiosk: folded as they come, and again when the tables are rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.errors import ChainBroken
from kiosk.domain.journal import SealedEntry
from kiosk.domain.ledger import OrderStatus
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify
from tests.support.values import present

Place = Callable[[Transaction, str], str]


@pytest.fixture
def branch(tmp_path: Path, database: Database, place: Place, clock: FixedClock) -> list[SealedEntry]:
    """What a clone of the store wrote: an order, and that it was cancelled."""
    with database.read() as tx:
        shared = tx.journal.entries()
    clone = Database.create(tmp_path / "clone.db", bytes(32))
    with clone.write() as tx:
        tx.adopt(3)
        tx.import_entries(shared)
        tx.begin_epoch(9, clock, given_by_centre=False)
        tx.append(OrderCancelled(place(tx, "11000007"), "member"), clock)
        written = tx.journal.entries()
    clone.close()
    return written


def test_what_another_strand_says_is_in_the_tables_and_not_in_the_journal(
    database: Database, branch: list[SealedEntry], place: Place
) -> None:
    with database.write() as tx:
        own = place(tx, "11000001")
        assert tx.import_other(2, branch) == len(branch) - 1
        assert tx.import_other(2, branch) == 0
        later = place(tx, "11000003")
    with database.read() as tx:
        statuses = {each.account: each.status for each in tx.ledger.orders()}
        assert statuses == {
            "11000001": OrderStatus.PLACED,
            "11000007": OrderStatus.CANCELLED,
            "11000003": OrderStatus.PLACED,
        }
        assert [each.entry.sequence for each in tx.journal.entries()] == [1, 2, 3]
        assert tx.other_strands.last_sequence(2) == branch[-1].entry.sequence
        assert {tx.ledger.order(each) is not None for each in (own, later)} == {True}
    assert verify(database).sound


def test_the_tables_are_rebuilt_with_what_other_strands_say(
    database: Database, branch: list[SealedEntry], place: Place
) -> None:
    with database.write() as tx:
        place(tx, "11000001")
        tx.import_other(2, branch)
        before = tuple(tx.ledger.orders())
        tx.ledger.put(
            [
                type(before[0])(
                    **{name: getattr(before[0], name) for name in before[0].__struct_fields__}
                    | {"deadline": 1}
                )
            ]
        )
    assert verify(database, rebuild=True).rebuilt
    with database.read() as tx:
        assert tuple(tx.ledger.orders()) == before


def test_what_continues_nothing_that_is_here_is_refused(
    database: Database, branch: list[SealedEntry]
) -> None:
    with pytest.raises(ChainBroken), database.write() as tx:
        tx.import_other(2, branch[2:])
    with database.read() as tx:
        assert tx.other_strands.last_sequence(2) == 0


def test_an_entry_that_does_not_follow_from_the_state_is_kept_and_changes_nothing(
    database: Database, branch: list[SealedEntry], place: Place, clock: FixedClock
) -> None:
    with database.write() as tx:
        own = place(tx, "11000007")
        tx.import_other(2, branch)
        assert present(tx.ledger.order(own)).status is OrderStatus.PLACED
        assert tx.other_strands.last_sequence(2) == branch[-1].entry.sequence
        tx.append(OrderCancelled(own, "member"), clock)
    assert verify(database).sound
