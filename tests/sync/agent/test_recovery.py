from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from kiosk.domain.entries.body import EpochBegan
from kiosk.domain.feed import FORK_RULE, OrderMoved, PaymentConfirmed
from kiosk.domain.journal import check_chain
from kiosk.store.database import Database
from kiosk.store.verify import verify
from sync.agent.errors import CentreUnreachable
from sync.agent.feed.pull import pull
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.protocol.records import EpochAnswer, EpochRequest
from tests.support.memory_desk import Desk


class Restored(NamedTuple):
    """A kiosk restored from a copy; the orders that the copy lacks, and the journal before."""

    desk: Desk
    lost: list[str]
    before: list[bytes]


@pytest.fixture
def restored(desk: Desk, tmp_path: Path) -> Restored:
    """A kiosk restored from a copy that is three orders old; the centre has them."""
    desk.place()
    push(desk.agent())
    desk.database.close()
    copy = tmp_path / "copy.db"
    shutil.copy(desk.database.path, copy)
    desk.database = Database.open(desk.database.path, bytes(range(32)))
    lost = [desk.place() for _ in range(3)]
    push(desk.agent())
    before = desk.hashes()
    desk.database.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.database.path}{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, desk.database.path)
    desk.database = Database.open(desk.database.path, bytes(range(32)))
    desk.stack.callback(desk.database.close)
    return Restored(desk, lost, before)


def test_a_restored_kiosk_gets_its_entries_back_and_begins_a_new_epoch(restored: Restored) -> None:
    agent = restored.desk.agent()
    heartbeat(agent)
    assert restored.desk.hashes()[:-1] == restored.before
    with restored.desk.database.read() as tx:
        entries = tx.journal.entries()
        assert tx.next_tip().epoch == 2
    assert isinstance(entries[-1].entry.body, EpochBegan)
    assert check_chain(None, entries) is not None
    assert all(restored.desk.order(number) is not None for number in restored.lost)
    assert verify(restored.desk.database).sound
    restored.desk.place()
    push(agent)
    assert restored.desk.centre_hashes() == restored.desk.hashes()


def test_rows_about_a_lost_order_apply_in_the_step_that_brings_it_back(restored: Restored) -> None:
    desk, lost = restored.desk, restored.lost[0]
    agent = desk.agent()
    desk.centre.publish(3, PaymentConfirmed(lost, 50_000, "T1", 1_795_327_600))
    desk.centre.publish(3, OrderMoved(lost, 8, 1))
    pull(agent)
    assert desk.order(lost) is None
    heartbeat(agent)
    order = desk.order(lost)
    assert (order.owner, [each.transaction for each in order.payments]) == (8, ["T1"])
    with desk.database.read() as tx:
        assert tx.feed.rows.unapplied() == ()


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("fault", ["cut", "lost"])
def test_a_recovery_that_is_cut_short_changes_nothing_and_is_repeated(
    restored: Restored, at: int, fault: str
) -> None:
    agent = restored.desk.agent()
    before = restored.desk.hashes()
    restored.desk.faulty.faults = [""] * at + [fault]
    with pytest.raises(CentreUnreachable):
        heartbeat(agent)
    assert restored.desk.hashes() == before
    heartbeat(agent)
    assert restored.desk.hashes()[:-1] == restored.before


def test_what_a_restored_kiosk_wrote_goes_up_though_it_was_revoked_meanwhile(restored: Restored) -> None:
    restored.desk.place("39999999")
    restored.desk.memory.revoked = True
    agent = restored.desk.agent()
    heartbeat(agent)
    push(agent)
    assert set(restored.desk.memory.stray) == {restored.desk.hashes()[-1]}


def test_a_restored_kiosk_that_went_on_before_it_was_online_goes_on_as_a_strand_of_its_own(
    restored: Restored,
) -> None:
    desk = restored.desk
    placed = desk.place("39999999")
    agent = desk.agent()
    heartbeat(agent)
    push(agent)
    assert desk.centre_hashes() == restored.before
    assert [each.hash for each in desk.memory.lines[1]] == desk.hashes()
    with desk.database.read() as tx:
        assert [each.rule for each in tx.feed.matters()] == [FORK_RULE]
        assert [each.entry.epoch for each in tx.journal.entries()][-2:] == [1, 3]
    assert desk.order(placed) is not None
    heartbeat(agent)
    assert verify(desk.database).sound


def test_an_entry_written_during_the_recovery_is_left_for_a_strand_of_its_own(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = restored.desk
    agent = desk.agent()
    given = agent.centre.epoch

    def meanwhile(asked: EpochRequest) -> EpochAnswer:
        desk.place("39999999")
        return given(asked)

    monkeypatch.setattr(agent.centre, "epoch", meanwhile)
    heartbeat(agent)
    push(agent)
    assert [each.hash for each in desk.memory.lines[1]] == desk.hashes()
