"""Databases of former versions: opened, brought up to date and filled."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.bindings import BindingAbandoned
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.journal import FORM, Entry, seal
from kiosk.domain.scanned_confirmations import order_code_identity
from kiosk.domain.versions import NO_VERSION
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify

FORMER = Path(__file__).parent / "data"


@pytest.fixture
def former(path: Path, key: bytes) -> Path:
    """A database as the first version of the tables held it."""
    with closing(connect(path, key)) as connection:
        connection.executescript((FORMER / "tables_1.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def _told(tx: Transaction) -> dict[str, tuple[tuple[str, ...], tuple[str, ...], str | None]]:
    """For each serial the accounts by journal and by feed, and the account whose binding goes on on it."""
    told = {}
    for serial in ("BOUND", "BEGUN", "ABANDONED", "ELSEWHERE"):
        order = tx.ledger.binding_on(serial)
        told[serial] = (
            tx.ledger.accounts_of_token(serial),
            tx.feed.accounts_of_token(serial),
            order.account if order else None,
        )
    return told


def test_serials_are_found_after_an_upgrade(former: Path, key: bytes) -> None:
    database = Database.open(former, key)
    with database.read() as tx:
        told = _told(tx)
    assert told["BOUND"] == (("11000001",), (), None)
    assert told["BEGUN"] == ((), (), "11000002")
    assert told["ABANDONED"] == ((), (), None)
    assert told["ELSEWHERE"] == ((), ("11000004",), None)
    assert verify(database).sound
    database.close()


def test_serials_follow_their_rows_after_an_upgrade(former: Path, key: bytes, clock: FixedClock) -> None:
    database = Database.open(former, key)
    with database.write() as tx:
        begun = tx.ledger.binding_on("BEGUN")
        assert begun is not None
        tx.append(BindingAbandoned(begun.reference, 1, "林涛", "换一把"), clock)
        tx.feed.put_key_elsewhere(KeyBoundElsewhere("11000004", "0002000001000002", "NEXT", 1, 2))
    with database.read() as tx:
        told = _told(tx)
        assert tx.feed.accounts_of_token("NEXT") == ("11000004",)
    assert (told["BEGUN"], told["ELSEWHERE"]) == (((), (), None), ((), (), None))
    assert verify(database).sound
    database.close()


@pytest.mark.parametrize("table", ["accounts", "orders"])
def test_a_wrong_serial_is_found_and_rebuilt_from_the_journal(former: Path, key: bytes, table: str) -> None:
    Database.open(former, key).close()
    with closing(connect(former, key)) as connection:
        connection.execute(f"UPDATE {table} SET token_serial = 'WRONG' WHERE token_serial <> ''")  # noqa: S608 - a table of ours
    database = Database.open(former, key)
    found = verify(database, rebuild=True)
    assert found.rebuilt
    assert {name.split()[0] for name in found.differences} == {table}
    assert verify(database).sound
    with database.read() as tx:
        assert (_told(tx)["BOUND"][0], _told(tx)["BEGUN"][2]) == (("11000001",), "11000002")
    database.close()


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("accounts", "SELECT account FROM accounts WHERE token_serial = 'A'"),
        ("keys_elsewhere", "SELECT account FROM keys_elsewhere WHERE token_serial = 'A'"),
        ("orders", "SELECT row FROM orders WHERE token_serial = 'A' AND status = 'paid'"),
    ],
)
def test_a_serial_is_looked_up_by_an_index(
    database: Database, path: Path, key: bytes, table: str, query: str
) -> None:
    database.close()
    with closing(connect(path, key)) as connection:
        plan = " ".join(str(row[-1]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert f"idx_{table}_token_serial" in plan


def test_what_a_former_agent_still_writes_after_the_upgrade_is_found_at_the_next_start(
    former: Path, key: bytes
) -> None:
    with closing(connect(former, key)) as agent:
        Database.open(former, key).close()
        row = msgspec.msgpack.encode(KeyBoundElsewhere("11000009", "0005000001000009", "LATE", 1, 2))
        # the statement of the former version
        agent.execute("INSERT OR REPLACE INTO keys_elsewhere (account, row) VALUES (?, ?)", ("11000009", row))
    database = Database.open(former, key)
    with database.read() as tx:
        assert tx.feed.accounts_of_token("LATE") == ("11000009",)
    database.close()


def test_an_order_code_is_found_after_an_upgrade(former: Path, key: bytes) -> None:
    code = bytes(range(38))
    body = OrderPlaced(
        "3-0014-2", "11000009", "企业", "经办人", OrderKind.NEW, (), 1, bytes(8), 1, NO_VERSION, 1, code
    )
    data = seal(Entry(FORM, 3, 1, 1, 14, 0, 0, "", b"", body)).data
    with closing(connect(former, key)) as connection:
        insert = "INSERT INTO journal (sequence, epoch, wall, hash, data) VALUES (14, 1, 0, x'', ?)"
        connection.execute(insert, (data,))
    database = Database.open(former, key)
    with database.read() as tx:
        assert tx.ledger.has_code(order_code_identity(code))
        assert not tx.ledger.has_code(order_code_identity(b""))
    database.close()


@pytest.mark.parametrize("kind", ["loss-reported", "hold-lifted", "key-found", "pin-changed"])
def test_a_hold_that_the_centre_has_not_heard_of_is_found_after_an_upgrade(
    former: Path, key: bytes, kind: str
) -> None:
    entry = [1, 3, 1, 14, 0, 0, "", b"", {"kind": kind, "account": "11000001"}]
    with closing(connect(former, key)) as connection:
        insert = "INSERT INTO journal (sequence, epoch, wall, hash, data) VALUES (?, 1, 0, x'', ?)"
        connection.execute(insert, (14, msgspec.msgpack.encode(entry)))
        connection.execute(insert, (15, b"damaged"))
    database = Database.open(former, key)
    with database.read() as tx:
        assert tx.journal.concerns_hold("11000001", after=13) is (kind != "pin-changed")
        assert not tx.journal.concerns_hold("11000001", after=14)
        assert not tx.journal.concerns_hold("11000002", after=0)
    database.close()


def test_receipts_are_counted_and_the_feed_is_read_from_zero_after_an_upgrade(
    former: Path, key: bytes
) -> None:
    with closing(connect(former, key)) as connection:
        for sequence, outcome in ((1, None), (2, "accepted"), (3, None)):
            values = ("11000001", sequence, msgspec.msgpack.encode({"outcome": outcome}))
            connection.execute("INSERT INTO disputes (account, sequence, row) VALUES (?, ?, ?)", values)
            connection.execute("INSERT INTO print_queue (order_number, receipt) VALUES ('1-0001-7', x'00')")
    database = Database.open(former, key)
    with database.write() as tx:
        assert tx.feed.matters(settled=True) == ()
        assert tx.feed.rows.cursors() == {}
        assert not tx.feed.rows.is_whole()
        assert tx.print_queue.count() == 3
        tx.print_queue.done(2)
        assert tx.print_queue.count() == 2
    database.close()
