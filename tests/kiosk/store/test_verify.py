from __future__ import annotations

import base64
import errno
import io
import json
import tempfile
from collections.abc import Callable

import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.journal import check_chain, seal, unseal
from kiosk.domain.ledger import PaidHow
from kiosk.store import scratch
from kiosk.store import verify as verification
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.scratch import scratch_ledger
from kiosk.store.transaction import Transaction
from kiosk.store.verify import export, verify

Place = Callable[[Transaction, str], str]


@pytest.fixture
def history(database: Database, place: Place, clock: FixedClock) -> Database:
    with database.write() as tx:
        for account in ("11000001", "11000002"):
            clock.advance(30)
            tx.append(OrderPaid(place(tx, account), PaidHow.CODE, 35_000, clock.wall()), clock)
            key = KeyOnRecord(f"4000{account:>012}", f"E{account}", clock.wall() - 1, clock.wall())
            tx.append(LossReported(account, key), clock)
    return database


def spoil(database: Database, statement: str) -> None:
    with database.write() as tx:
        tx.ledger._connection.execute(statement)


def test_a_whole_store_is_sound(history: Database) -> None:
    report = verify(history)
    assert report.sound
    assert (report.entries, report.differences, report.broken, report.damaged_pages) == (7, (), None, ())
    with history.read() as tx:
        assert report.tip == tx.journal.tip()


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE orders SET status = 'bound' WHERE account = '11000001'", "orders 3-0002-6.000000000000"),
        ("UPDATE orders SET row = x'00' WHERE account = '11000001'", "orders 3-0002-6.000000000000"),
        ("DELETE FROM orders WHERE account = '11000001'", "orders 3-0002-6.000000000000"),
        ("DELETE FROM payments WHERE sequence = 3", "payments 3-0002-6.000000000000 3"),
        ("UPDATE accounts SET row = x'81A0' WHERE account = '11000001'", "accounts 11000001"),
        ("DELETE FROM accounts WHERE account = '11000002'", "accounts 11000002"),
        ("INSERT INTO accounts (account, row) VALUES ('11000009', x'00')", "accounts 11000009"),
        (
            "INSERT INTO certificates (number, account, status, sequence, row) VALUES ('7', '1', 'valid', 9, x'00')",
            "certificates 7",
        ),
    ],
)
def test_a_table_that_differs_from_the_journal_is_found_and_rebuilt(
    history: Database, statement: str, difference: str
) -> None:
    with history.read() as tx:
        before = (tx.ledger.orders(), tx.ledger.registers(), tx.ledger.unsynced_amount(0))
    spoil(history, statement)
    found = verify(history)
    assert found.differences == (difference,)
    assert not found.sound
    rebuilt = verify(history, rebuild=True)
    assert (rebuilt.differences, rebuilt.rebuilt, rebuilt.sound) == ((difference,), True, True)
    assert verify(history).differences == ()
    with history.read() as tx:
        assert (tx.ledger.orders(), tx.ledger.registers(), tx.ledger.unsynced_amount(0)) == before


def test_a_missing_entry_is_named_and_nothing_is_rebuilt(history: Database) -> None:
    spoil(history, "DELETE FROM journal WHERE sequence = 3")
    report = verify(history, rebuild=True)
    assert report.broken is not None
    assert report.broken.sequence == 3
    assert (report.entries, report.rebuilt, report.sound) == (2, False, False)
    with history.read() as tx:
        assert len(tx.ledger.orders()) == 2


def test_an_entry_that_was_written_over_is_named_by_the_one_after_it(history: Database) -> None:
    with history.write() as tx:
        paid = tx.journal.entries(after=2, limit=1)[0]
        body = OrderPaid("3-0002-6.000000000000", PaidHow.CODE, 1, 1_800_000_000)
        forged = seal(type(paid.entry)(2, 3, 1, 1, 3, 1, 1, "b", paid.entry.previous, body))
        tx.journal._connection.execute(
            "UPDATE journal SET data = ?, hash = ? WHERE sequence = 3", (forged.data, forged.hash)
        )
    report = verify(history)
    assert report.broken is not None
    assert report.broken.sequence == 4


def test_bytes_that_are_no_entry_are_named(history: Database) -> None:
    spoil(history, "UPDATE journal SET data = x'99A1E2' WHERE sequence = 2")
    report = verify(history)
    assert report.broken is not None
    assert report.broken.sequence == 2


def test_an_export_holds_the_exact_bytes_of_every_entry(history: Database) -> None:
    stream = io.StringIO()
    assert export(history, stream) == 7
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    entries = [unseal(base64.b64decode(line["data"])) for line in lines]
    with history.read() as tx:
        assert check_chain(None, entries) == tx.journal.tip()
    assert [line["hash"] for line in lines] == [sealed.hash.hex() for sealed in entries]
    assert [line["body"]["kind"] for line in lines] == [
        "epoch-began",
        "order-placed",
        "order-paid",
        "loss-reported",
        "order-placed",
        "order-paid",
        "loss-reported",
    ]
    assert (lines[1]["kiosk"], lines[1]["sequence"], lines[1]["wall"]) == (3, 2, 1_800_000_030)


def test_a_journal_larger_than_what_is_kept_in_memory_is_checked_and_rebuilt(
    history: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "_CHANGES_IN_MEMORY", 1)
    assert verify(history).sound
    spoil(history, "DELETE FROM orders")
    found = verify(history, rebuild=True)
    assert (found.different, found.rebuilt) == (2, True)
    assert verify(history).sound


def test_of_many_differences_the_first_are_named_and_all_are_counted(
    history: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_NAMED", 1)
    spoil(history, "DELETE FROM accounts")
    found = verify(history)
    assert (found.differences, found.different, found.sound) == (("accounts 11000001",), 2, False)


def test_nothing_of_a_check_stays_beside_the_database(history: Database) -> None:
    before = set(history.path.parent.iterdir())
    with history.read() as tx, scratch_ledger(history.path, tx.ledger):
        assert set(history.path.parent.iterdir()) <= before
    verify(history)
    assert set(history.path.parent.iterdir()) <= before


def test_a_check_without_room_for_its_file_says_that_the_store_cannot_be_used(
    history: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> tuple[int, str]:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(DiskFull):
        verify(history)
