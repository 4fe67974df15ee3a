"""Every statement to the database reads no more than its answer, however large the tables are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere, MatterPublished
from kiosk.domain.feed_keys import schedule_digest
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import FeeSchedule
from kiosk.domain.journal import seal
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.nights import NightReport
from kiosk.domain.personal import DeliveryAddress
from kiosk.domain.retention import PersonalRetention
from kiosk.domain.versions import ALL, NO_VERSION, Version
from kiosk.store.connections import connect
from kiosk.store.database import Database
from kiosk.store.feed_rows import FeedRowTable
from kiosk.store.transaction import Transaction
from kiosk.store.vault import VaultItem
from kiosk.store.verify import verify
from tests.support import statements
from tests.support.snapshots import prune, snapshot, trust

Place = Callable[[Transaction, str], str]

SMALL = {
    "sqlite_master": "the tables themselves",
    "staff": "the people of one desk",
    "schedules": "prices change a few times a year",
    "mailbox": "questions of the last hour: each answer deletes the older ones",
    "unapplied_rows": "each waits for a person, and the centre is told of it",
    "left_audiences": "the same, and seldom one",
    "cursors": "three audiences at most",
    "snapshots": "the one in force, the next one, and one that is being deleted",
    "pruned_epochs": "an epoch is a machine, or a copy that was put back",
    "nights": "thirty reports",
}
"""The tables that may be read whole, and why they stay small."""

WHOLE = {
    r"SELECT row FROM (orders|certificates) ORDER BY sequence DESC": "a listing, one row at a time",
    r"SELECT row FROM accounts ORDER BY account": "no program asks it",
    r"SELECT row FROM (enterprises|operators) ORDER BY (code|account)": "the night judges every name, one at a time",
    r"SELECT count\(\*\) FROM (enterprises|operators)": "`keydesk status` counts the entries of an index",
    r"SELECT count\(\*\) FROM \w+$": "`keydesk support-bundle` counts the rows of each table",
    r"SELECT [a-z_, ]+ FROM (\w+) ORDER BY [a-z_, ]+": "checking the store compares row by row",
}
"""The statements that are there to read a table whole."""

LATER = KeyBoundElsewhere("11000004", "0002000001000002", "NEXT", 1, 2)
KEY_ON_RECORD = KeyOnRecord("0003000001000006", "E8AD652202221F03", 1, 2)


@pytest.fixture
def sent(database: Database, path: Path, key: bytes, place: Place, clock: FixedClock) -> Iterator[set[str]]:
    """Every statement that was sent while each part of the store did all that it can."""
    database.close()
    with pytest.MonkeyPatch.context() as patched:
        sent = statements.watch(patched)
        opened = Database.open(path, key)
        with opened.write() as tx:
            _history(tx, place, clock)
            _ledger(tx)
            _feed(tx)
            _members(tx)
            _local(tx)
        verify(opened)
        _pruned(opened)
        _spoil(path, key)
        verify(opened, rebuild=True)
        opened.copy_to(path.with_name("copy.db"))
        opened.forget()
        opened.close()
        yield sent


def _history(tx: Transaction, place: Place, clock: FixedClock) -> None:
    tx.append(OrderPaid(place(tx, "11000001"), PaidHow.CODE, 35_000, clock.wall()), clock)
    told = place(tx, "11000005")
    tx.append(OrderPaid(told, PaidHow.FEED, 35_000, clock.wall(), "T1", f"payment/{told}/T1"), clock)
    tx.append(LossReported("11000001", KEY_ON_RECORD), clock)
    tx.begin_epoch(2, clock, given_by_centre=True)
    tx.journal.count()
    last = tx.journal.entries()[-1].entry
    began = EpochBegan(given_by_centre=False, continues=tx.journal.tip_at(last.sequence - 1))
    tx.import_other(2, [seal(replace(last, epoch=7, body=began))])
    tx.other_strands.last_sequence(2)
    tx.other_strands.has_epoch(7)
    tx.other_strands.go_past(7)
    tx.other_strands.held_after(0, 500)
    tx.other_strands.put_strand(2, 7, bytes(32))
    tx.other_strands.forget_strands(2)
    tx.echo("payment/3-0002-6/T1")
    with tx.attempt():
        tx.journal.tip()
    tx.journal.latest_wall(0)
    tx.journal.concerns_hold("11000001", 0)
    tx.row_counts()
    tx.agent.put(tx.agent.get())


def _ledger(tx: Transaction) -> None:
    ledger = tx.ledger
    for status in (None, OrderStatus.PAID):
        for account in (None, "11000001"):
            ledger.orders(status, account)
    ledger.numbered("3-0002-6")
    for order in ledger.each_open_order():
        ledger.order(order.reference)
    ledger.count(OrderStatus.PAID)
    ledger.has_code(bytes(8))
    ledger.binding_on("E8AD652202221F03")
    ledger.bound_on("E8AD652202221F03")
    ledger.opened_after(0)
    ledger.overdue(0)
    ledger.certificate("7")
    ledger.certificates()
    ledger.certificates(account="11000001")
    ledger.registers()
    list(ledger.each_account())
    ledger.accounts_of_token("E8AD652202221F03")
    ledger.unsynced_certificates(0)
    ledger.unsynced_amount(0)
    ledger.taken_after(0)
    ledger.issued_after(0)
    ledger.requests("3-0002-6")
    ledger.requests_of("11000001")
    ledger.proposal("0123456789abcdef")
    ledger.proposals_of("11000001")


def _feed(tx: Transaction) -> None:
    feed = tx.feed
    _rows(feed.rows)
    feed.put_schedule(FeeSchedule(1, 0, 1, 1, 1))
    feed.schedules()
    feed.signed_policy()
    feed.put_key_elsewhere(LATER)
    feed.key_elsewhere("11000004")
    feed.accounts_of_token("NEXT")
    feed.drop_key_elsewhere("11000004")
    feed.drop_schedule(1, schedule_digest(FeeSchedule(1, 0, 1, 1, 1)))
    feed.registered("0003000001000006")
    feed.open_orders("11000001")
    feed.delivery("11000001", "3-0002-6")
    feed.invoice("11000001", "3-0002-6")
    feed.proposals("11000001")
    feed.put_matter(MatterPublished("price-differs", "3-0001-1", "11000001", 1))
    feed.close_forks()
    feed.matters(settled=True)
    feed.drop_matter("price-differs", "3-0001-1")
    feed.count_matters()


def _rows(rows: FeedRowTable) -> None:
    row = unsigned_row(ALL, "key/11000004", Version(1, 1), NO_VERSION, LATER)
    rows.begin(ALL, Version(1, 2))
    rows.put_cursor(ALL, Version(1, 1))
    rows.is_whole()
    rows.put(row)
    rows.row(ALL, row.key)
    rows.told_past(ALL, 1)
    rows.shown(row.key)
    rows.keep(row, "malformed")
    rows.unapplied()
    rows.unapplied_of_order("3-0002-6")
    rows.count_unapplied()
    rows.kept_beside(ALL, row.key)
    rows.drop_kept(row)
    rows.drop_dismissed(ALL, row.version)
    rows.come_to_end(ALL)
    rows.leave(())
    rows.left()
    rows.drop_left(ALL, 2)


def _members(tx: Transaction) -> None:
    members = tx.members
    members.put_enterprise(Enterprise("A", "企业", "法人", Review.APPROVED))
    members.put_operator(Operator("11000001", "A", "经办人", Review.APPROVED, ""))
    members.put_staff(StaffMember("林涛", Role.STAFF, ""))
    members.enterprise("A")
    members.operator("11000001")
    members.operators_of("A")
    members.staff("林涛")
    members.all_staff()
    list(members.each_name())
    members.counts()
    members.drop_enterprise("A")
    members.drop_operator("11000001")
    members.drop_staff("林涛")


def _local(tx: Transaction) -> None:
    tx.vault.put(VaultItem.DEVICE_KEY, bytes(32))
    tx.vault.get(VaultItem.DEVICE_KEY)
    tx.vault.drop(VaultItem.DEVICE_KEY)
    tx.lockouts.record("members", 1)
    tx.lockouts.failures("members")
    tx.lockouts.clear("members")
    tx.lockouts.prune(1)
    question = tx.mailbox.submit("login", b"", 1)
    tx.mailbox.waiting()
    tx.mailbox.answer(question, b"")
    tx.mailbox.answer_of(question)
    tx.mailbox.prune(1)
    receipt = tx.print_queue.put(b"", "3-0002-6")
    tx.print_queue.count()
    tx.print_queue.next_after(0)
    tx.print_queue.next_after(0, "3-0002-6")
    tx.print_queue.change(receipt, b"")
    tx.print_queue.leave_unconfirmed(receipt)
    tx.print_queue.done(receipt)
    commitment = tx.personal.put(DeliveryAddress("张", "河南省", "路"), "11000001", 1)
    tx.personal.get(commitment)
    tx.personal.of_account("11000001")
    tx.personal.latest_of("11000001")
    tx.personal.unsent(5)
    tx.personal.broken()
    tx.personal.note_sent([commitment], 1)
    tx.personal.send_again()
    tx.personal.ask_again("11000001")
    tx.personal.erase_account("11000001", 1)
    tx.personal.erase_due(PersonalRetention(), 1)
    tx.nights.owe(1, 150)
    tx.nights.add(NightReport(1, 1, 2))
    tx.nights.all()
    tx.nights.judged_by()
    tx.nights.missed(1)


def _pruned(database: Database) -> None:
    trust(database)
    with database.read() as tx:
        tx.journal.older_than(1)
        tx.journal.wall_at(1)
        tx.ledger.oldest_open()
        last = tx.journal.count() - 1
    snapshot(database, last)
    prune(database)
    with database.write() as tx:
        tx.snapshots.waiting()
        tx.journal.hash_at(1)
        tx.journal.has_epoch(1)
        tx.snapshots.put_portion(last + 1, 0, [b"row"])
        tx.snapshots.drop_others({last}, 5)
        list(tx.ledger.certificates_by_key())
        list(tx.ledger.orders_by_key())
        list(tx.ledger.proposals_by_key())
        list(tx.ledger.requests_by_key())
        tx.feed.close_missing()
    verify(database)


def _spoil(path: Path, key: bytes) -> None:
    with closing(connect(path, key)) as connection:
        connection.execute("UPDATE orders SET deadline = 0")
        connection.execute("INSERT INTO pruned_echoes VALUES ('spoilt', 1, x'00')")


def test_every_statement_that_stands_in_the_source_was_sent(sent: set[str]) -> None:
    # The tables of `scratch.py` are gone after each use.
    own = [file for file in statements.senders() if file.name not in {"migrations.py", "scratch.py"}]
    missed = [
        f"{file.name}: {pattern.pattern}"
        for file in own
        for pattern in statements.written(file)
        if not any(pattern.fullmatch(statement) for statement in sent)
    ]
    assert {file.parent.name for file in own} == {"store"}
    assert missed == []


def test_no_statement_reads_a_table_that_grows_from_end_to_end(
    sent: set[str], path: Path, key: bytes
) -> None:
    with closing(connect(path, key)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchall()
        found = {}
        for statement in sent:
            values = (None,) * statement.count("?")
            plan = [str(step[-1]) for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            if faults := list(_faults(statement, plan)):
                found[statement] = faults
    assert found == {}


def _faults(statement: str, plan: list[str]) -> Iterator[str]:
    """The steps of a plan that read a table from end to end, or sort one in memory, without leave."""
    whole = any(re.fullmatch(pattern, statement) for pattern in WHOLE)
    for step in plan:
        scanned = re.match(r"SCAN (?!CONSTANT ROW)(\w+)", step)
        if scanned and scanned[1] not in SMALL and not whole:
            yield step
        if whole and "TEMP B-TREE" in step:
            yield step


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT row FROM orders WHERE (?1 IS NULL OR status = ?1)",
        "SELECT amount, min(sequence) FROM payments GROUP BY order_reference HAVING min(sequence) > ?1",
        "DELETE FROM failures WHERE time < ?1 AND substr(scope, 1, 4) <> 'kept'",
    ],
)
def test_a_statement_that_reads_a_table_that_grows_is_found(
    database: Database, path: Path, key: bytes, statement: str
) -> None:
    database.close()
    with closing(connect(path, key)) as connection:
        plan = [str(step[-1]) for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", (1,))]
    assert list(_faults(statement, plan))
