"""Entries are deleted behind a snapshot that the centre acknowledged, and the store says the same as before."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.errors import EntryRefused
from kiosk.domain.journal import check_chain, seal, unseal
from kiosk.domain.ledger import PaidHow
from kiosk.domain.snapshots import (
    SignedAcknowledgement,
    SignedSnapshot,
    StateDigest,
    read_snapshot,
)
from kiosk.pki.device_keys import device_public_key
from kiosk.pki.snapshots import acknowledged, sign_snapshot, signed_snapshot
from kiosk.store import migrations
from kiosk.store.course import SnapshotFlaw, SnapshotFlawed
from kiosk.store.database import Database
from kiosk.store.taking import take_snapshot
from kiosk.store.transaction import Transaction
from kiosk.store.verify import export, verify
from tests.support.snapshots import (
    CENTRE_KEY,
    DEVICE_KEY,
    NOW,
    acknowledge,
    prune,
    shown,
    snapshot,
    trust,
)
from tests.support.values import present

Place = Callable[[Transaction, str], str]
PAYMENT = "payment/{}/T"


@pytest.fixture
def history(database: Database, place: Place, clock: FixedClock) -> Database:
    """Twelve accounts in two epochs, each with a payment that the feed told of, and a loss."""
    trust(database)
    with database.write() as tx:
        _live(tx, place, clock, range(6))
        tx.begin_epoch(2, clock, given_by_centre=True)
        _live(tx, place, clock, range(6, 12))
    return database


def _live(tx: Transaction, place: Place, clock: FixedClock, accounts: range) -> None:
    for number in accounts:
        clock.advance(30)
        account = f"{11000001 + number}"
        order = place(tx, account)
        said = PAYMENT.format(order)
        tx.append(OrderPaid(order, PaidHow.FEED, 35_000, clock.wall(), "T", said), clock)
        key = KeyOnRecord(f"4000{account:>012}", f"E{account}", clock.wall() - 1, clock.wall())
        tx.append(LossReported(account, key), clock)


def _spoil(database: Database, *statements: str) -> None:
    with database.write() as tx:
        for statement in statements:
            tx.ledger._connection.execute(statement)


@pytest.mark.parametrize("position", [1, 2, 19, 20, 21, 37])
def test_a_pruned_store_shows_verifies_and_rebuilds_what_it_did_before(
    history: Database, position: int
) -> None:
    before = shown(history)
    snapshot(history, position)
    assert shown(history) == before
    assert prune(history) == position - 1
    assert shown(history) == before
    found = verify(history)
    assert (found.sound, found.entries, found.start.sequence) == (True, 38, position)
    _spoil(history, "DELETE FROM orders", "UPDATE accounts SET row = x'00'", "DELETE FROM pruned_echoes")
    assert verify(history).different
    rebuilt = verify(history, rebuild=True)
    assert (rebuilt.rebuilt, rebuilt.sound) == (True, True)
    assert verify(history).different == 0
    assert shown(history) == before
    with history.read() as tx:
        assert len(tx.journal.entries()) == 38 - position + 1
        assert all(tx.journal.has_epoch(epoch) for epoch in (1, 2))


def test_a_pruned_store_goes_on_and_is_pruned_again(
    history: Database, place: Place, clock: FixedClock
) -> None:
    snapshot(history, 10)
    prune(history)
    with history.write() as tx:
        _live(tx, place, clock, range(20, 23))
    before = shown(history)
    snapshot(history, 30)
    with history.write() as tx:
        dropped = tx.snapshots.drop_others({30}, 100)
        first, second = tx.snapshots.rows(10), tx.snapshots.in_force()
        assert (dropped, list(first), present(second).sequence) == (1, [], 30)
        assert read_snapshot(present(second).signed.snapshot).previous != bytes(32)
    assert prune(history) == 20
    assert shown(history) == before
    assert verify(history).sound


def test_what_a_deleted_entry_repeats_is_not_entered_again(history: Database) -> None:
    with history.read() as tx:
        orders = {each.sequence: each.reference for each in tx.ledger.orders()}
        before = {order: tx.echo(PAYMENT.format(order)) for order in orders.values()}
    snapshot(history, 15)
    prune(history)
    with history.read() as tx:
        assert {order: tx.echo(PAYMENT.format(order)) for order in orders.values()} == before
        assert None not in before.values()
        assert tx.echo("payment/never/T") is None


def test_no_epoch_of_a_deleted_entry_is_given_again(history: Database, clock: FixedClock) -> None:
    snapshot(history, 37)
    prune(history)
    with history.write() as tx, pytest.raises(Exception, match="epoch"):
        tx.begin_epoch(1, clock, given_by_centre=True)


def test_entries_of_another_strand_that_branched_off_among_deleted_ones_are_folded(
    history: Database, place: Place, clock: FixedClock
) -> None:
    with history.read() as tx:
        fork = present(tx.journal.entry(9))
        tip = tx.journal.tip_at(8)
    began = EpochBegan(given_by_centre=False, continues=tip)
    branch = seal(replace(fork.entry, epoch=7, body=began))
    snapshot(history, 20)
    prune(history)
    with history.write() as tx:
        assert tx.import_other(2, [fork, branch]) == 1
        _live(tx, place, clock, range(30, 31))
    assert verify(history).sound
    with history.read() as tx:
        last = present(tx.journal.tip()).sequence
    snapshot(history, last)
    prune(history)
    assert verify(history).sound
    with history.read() as tx:
        made = read_snapshot(present(tx.snapshots.in_force()).signed.snapshot)
        assert [(run.hash, run.first, run.last, run.after) for run in made.others] == [
            (branch.hash, 9, 9, 38)
        ]


def test_entries_that_came_back_and_were_deleted_are_no_break(history: Database) -> None:
    with history.read() as tx:
        entries = tx.journal.entries()
    snapshot(history, 20)
    prune(history)
    with history.write() as tx:
        assert tx.import_entries(entries) == 0


FLAWS = [
    ("DELETE FROM snapshots", SnapshotFlaw.MISSING),
    ("UPDATE snapshots SET snapshot = x'93'", SnapshotFlaw.UNREADABLE),
    ("UPDATE snapshots SET signature = zeroblob(64)", SnapshotFlaw.SIGNATURE),
    ("UPDATE snapshots SET acknowledged_by = zeroblob(64)", SnapshotFlaw.ACKNOWLEDGEMENT),
    ("DELETE FROM snapshot_rows", SnapshotFlaw.ROWS),
    ("UPDATE snapshot_rows SET data = x'00'", SnapshotFlaw.ROWS),
    ("DELETE FROM journal WHERE sequence = 20", SnapshotFlaw.HEAD),
    ("DELETE FROM pruned_links WHERE first = 4", SnapshotFlaw.LINKS),
    ("UPDATE pruned_links SET hashes = zeroblob(96) WHERE first = 4", SnapshotFlaw.LINKS),
    ("UPDATE snapshots SET sequence = 21", SnapshotFlaw.HEAD),
]


@pytest.mark.parametrize(("statement", "flaw"), FLAWS)
def test_a_snapshot_that_stands_for_nothing_is_named_and_nothing_rebuilt(
    history: Database, statement: str, flaw: SnapshotFlaw
) -> None:
    snapshot(history, 20)
    prune(history)
    before = shown(history)["orders"]
    _spoil(history, statement)
    for rebuild in (False, True):
        found = verify(history, rebuild=rebuild)
        assert (found.unsound_start, found.sound, found.rebuilt) == (flaw, False, False)
        assert flaw.value in found.flaw
    assert shown(history)["orders"] == before


def test_a_snapshot_of_another_kiosk_or_of_another_state_is_none(history: Database) -> None:
    snapshot(history, 20)
    prune(history)
    with history.read() as tx:
        kept = present(tx.snapshots.in_force())
    made = read_snapshot(kept.signed.snapshot)
    for changed, flaw in (
        (replace(made, kiosk=4), SnapshotFlaw.ANOTHER_KIOSK),
        (replace(made, rows=made.rows + 1), SnapshotFlaw.ROWS),
        (replace(made, state=bytes(32)), SnapshotFlaw.ROWS),
        (replace(made, links=bytes(32)), SnapshotFlaw.LINKS),
        (replace(made, head=replace(made.head, hash=bytes(32))), SnapshotFlaw.HEAD),
    ):
        _spoil(history, "DELETE FROM snapshots")
        with history.write() as tx:
            tx.snapshots.put(20, sign_snapshot(changed, DEVICE_KEY))
        acknowledge(history)
        assert verify(history).unsound_start is flaw, flaw


def test_a_gap_behind_the_snapshot_breaks_the_chain(history: Database) -> None:
    snapshot(history, 20)
    prune(history)
    _spoil(history, "DELETE FROM journal WHERE sequence = 25")
    broken = present(verify(history).broken)
    assert broken.sequence == 25


def test_no_snapshot_is_taken_on_an_unsound_one(history: Database) -> None:
    snapshot(history, 20)
    prune(history)
    _spoil(history, "UPDATE snapshot_rows SET data = x'00'")
    with pytest.raises(SnapshotFlawed, match="rows"):
        take_snapshot(history, 30, device_key=DEVICE_KEY, strand=1, now=NOW)


def test_taking_a_snapshot_can_be_stopped_and_leaves_nothing(history: Database) -> None:
    assert not take_snapshot(history, 37, device_key=DEVICE_KEY, strand=1, now=NOW, stopped=lambda: True)
    with history.read() as tx:
        assert (tx.snapshots.waiting(), list(tx.snapshots.rows(37))) == (None, [])


def test_a_copy_from_any_step_verifies_and_goes_on(
    history: Database, place: Place, clock: FixedClock, key: bytes, tmp_path: Path
) -> None:
    """A copy is what a kill leaves: the store as it was between two transactions."""
    before = shown(history)
    copies: list[Path] = []

    def copy() -> None:
        copies.append(tmp_path / f"copy-{len(copies)}.db")
        history.copy_to(copies[-1])

    copy()
    assert take_snapshot(history, 20, device_key=DEVICE_KEY, strand=1, now=NOW)
    copy()
    acknowledge(history)
    copy()
    for _ in range(7):
        with history.write() as tx:
            tx.prune(3)
        copy()
    for file in copies:
        with closing(Database.open(file, key)) as copied:
            assert verify(copied).sound
            assert shown(copied) == before
            with copied.write() as tx:
                _live(tx, place, clock, range(40, 42))
            _spoil(copied, "DELETE FROM certificates", "DELETE FROM orders")
            assert verify(copied, rebuild=True).sound
            if (waiting := _waiting(copied)) is not None:
                assert waiting == 20
                acknowledge(copied)
            prune(copied)
            assert verify(copied).sound


def _waiting(database: Database) -> int | None:
    with database.read() as tx:
        kept = tx.snapshots.waiting()
        return None if kept is None else kept.sequence


def test_a_foreign_reader_verifies_an_export_from_the_snapshot_on(history: Database) -> None:
    snapshot(history, 20)
    prune(history)
    stream = io.StringIO()
    assert export(history, stream) == 19
    first, *lines = map(json.loads, stream.getvalue().splitlines())
    data = b64decode(first["data"])
    made = present(signed_snapshot(SignedSnapshot(data, b64decode(first["signature"]))))
    said = SignedAcknowledgement(b64decode(first["acknowledgement"]), b64decode(first["acknowledged_by"]))
    assert acknowledged(said, data, 3, device_public_key(CENTRE_KEY)) is not None
    assert (first["begins_at"], first["snapshot"]["kiosk"]) == (20, 3)
    digest = StateDigest()
    for each in lines:
        if "row" in each:
            digest.add(b64decode(each["data"]))
    assert (digest.rows, digest.digest()) == (made.rows, made.state)
    head, *after = [unseal(b64decode(each["data"])) for each in lines if "hash" in each]
    assert head.hash == made.head.hash
    with history.read() as tx:
        assert check_chain(made.head, after) == tx.journal.tip()


def test_tables_that_are_made_anew_by_other_rules_begin_with_the_snapshot(history: Database) -> None:
    snapshot(history, 20)
    prune(history)
    before = shown(history)
    _spoil(history, "DELETE FROM orders")
    with history.write() as tx:
        migrations.fold_anew(tx.ledger._connection)
    assert shown(history) == before


def test_a_member_orders_and_pays_after_pruning_as_before(
    history: Database, place: Place, clock: FixedClock
) -> None:
    snapshot(history, 37)
    prune(history)
    with history.write() as tx, pytest.raises(EntryRefused):
        place(tx, "11000001")  # the paid order of the account is open
    with history.write() as tx:
        tx.append(OrderPaid(place(tx, "11000099"), PaidHow.CODE, 35_000, clock.wall()), clock)
    assert verify(history).sound


def test_a_store_put_beside_its_pruned_copy_has_the_same_beginning(
    history: Database, key: bytes, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.db"
    history.copy_to(whole)
    snapshot(history, 20)
    prune(history)
    with closing(Database.open(whole, key)) as other, other.read() as theirs, history.read() as ours:
        assert all(ours.journal.hash_at(each) == theirs.journal.hash_at(each) for each in range(40))
