from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kiosk.domain.feed import FORK_RULE
from kiosk.store.vault import VaultItem
from kiosk.store.verify import verify
from sync.agent.errors import AnswerUnusable, CentreBusy, CentreUnreachable, HistoryForked
from sync.agent.heartbeat import heartbeat
from sync.agent.push import push
from sync.protocol.errors import Problem, ProblemCode
from tests.support.memory_centre import Refusal
from tests.support.memory_desk import Desk, NewDesk
from tests.support.values import present


def state(desk: Desk) -> Any:
    with desk.database.read() as tx:
        return tx.agent.get()


def test_entries_arrive_once_and_in_order(desk: Desk) -> None:
    agent = desk.agent()
    for _ in range(3):
        desk.place()
    assert push(agent).sent == 4
    assert push(agent).sent == 0
    assert desk.centre_hashes() == desk.hashes()
    assert state(desk).high_water == 4
    assert state(desk).last_contact == desk.clock.wall()


@pytest.mark.parametrize("fault", ["cut", "lost", "slow", "broken", "garbage", "truncated", "busy"])
def test_after_any_failure_a_repeat_sends_the_rest(desk: Desk, fault: str) -> None:
    agent = desk.agent()
    desk.place()
    desk.faulty.faults = [fault]
    with pytest.raises((CentreUnreachable, AnswerUnusable, CentreBusy)):
        push(agent)
    desk.place()
    push(agent)
    assert desk.centre_hashes() == desk.hashes()
    assert state(desk).high_water == 3


def test_a_hole_moves_the_mark_back_to_what_the_centre_has(desk: Desk) -> None:
    agent = desk.agent()
    for _ in range(4):
        desk.place()
    push(agent)
    del desk.memory.chain[2:]  # the centre was restored from a copy
    desk.place()
    push(agent)
    assert desk.centre_hashes() == desk.hashes()


def test_a_heartbeat_shows_that_the_centre_lost_entries(desk: Desk) -> None:
    agent = desk.agent()
    for _ in range(4):
        desk.place()
    push(agent)
    del desk.memory.chain[2:]
    heartbeat(agent)
    assert state(desk).high_water == 2
    push(agent)
    assert desk.centre_hashes() == desk.hashes()


def test_a_branch_becomes_a_strand_begins_an_epoch_and_raises_one_alarm(
    desk: Desk, new_desk: NewDesk
) -> None:
    desk.place()
    push(desk.agent())
    clone = new_desk(3)
    clone.database.close()
    with desk.database.read() as tx:
        keys = {name: present(tx.vault.get(name)) for name in (VaultItem.DEVICE_KEY, VaultItem.CENTRE_KEY)}
        entries = tx.journal.entries()
    with clone.database.write() as tx:
        tx.adopt(3)
        for name, key in keys.items():
            tx.vault.put(name, key)
        tx.import_entries(entries)
    theirs = desk.place("50000001")
    push(desk.agent())
    ours = clone.place("50000002")
    agent = clone.agent()
    push(agent)
    heartbeat(agent)
    push(agent)
    for account in ("50000003", "50000004", "50000005"):
        clone.place(account)
        push(agent)
    with clone.database.read() as tx:
        (alarm,) = tx.feed.matters()
    assert alarm.rule == FORK_RULE
    assert [each.hash for each in clone.memory.lines[1]] == clone.hashes()
    assert (state(clone).strand, state(clone).high_water) == (2, 7)
    with clone.database.read() as tx:
        assert [each.entry.epoch for each in tx.journal.entries()] == [1, 1, 1, 3, 3, 3, 3]
        assert tx.ledger.order(theirs) is not None
    heartbeat(desk.agent())
    push(desk.agent())
    assert desk.centre_hashes() == desk.hashes()
    with desk.database.read() as tx:
        assert [each.entry.epoch for each in tx.journal.entries()] == [1, 1, 1, 2]
        assert tx.ledger.order(ours) is not None
    for each in (desk, clone):
        assert verify(each.database).sound


def test_what_a_revoked_kiosk_sends_is_taken_in_quarantine(desk: Desk) -> None:
    agent = desk.agent()
    push(agent)
    desk.memory.revoked = True
    desk.place()
    push(agent)
    heartbeat(agent)
    assert push(agent).sent == 0
    assert state(desk).quarantined
    assert set(desk.memory.stray) == {desk.hashes()[-1]}


def test_a_clock_that_is_wrong_learns_the_centres_time_and_signs_again(desk: Desk) -> None:
    agent = desk.agent()
    desk.clock.advance(7 * 86_400)
    desk.clock._boot = "another boot"
    desk.place()
    push(agent)
    assert desk.centre_hashes() == desk.hashes()
    assert state(desk).signed_time.time == desk.centre.now
    assert state(desk).signed_time_boot == "another boot"


def test_an_answer_that_claims_less_than_it_took_is_not_believed(desk: Desk) -> None:
    desk.place()
    desk.memory.__class__ = type(
        "Forgetful", (type(desk.memory),), {"tip": lambda *_: None, "marks": lambda _: ()}
    )
    with pytest.raises(AnswerUnusable):
        push(desk.agent())


def test_what_the_centre_has_otherwise_is_sent_from_the_start_and_branches(desk: Desk) -> None:
    desk.place()
    push(desk.agent())
    first = desk.memory.chain[-1]
    desk.memory.chain[-1] = replace(first, hash=bytes(32))
    desk.place()
    push(desk.agent())
    assert [each.hash for each in desk.memory.lines[1]] == desk.hashes()


def test_a_broken_chain_is_an_alarm(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_entries: object) -> None:
        raise Refusal(409, Problem(ProblemCode.CHAIN_BROKEN, "The batch breaks at sequence 2."))

    monkeypatch.setattr(desk.memory, "extend", broken)
    desk.place()
    with pytest.raises(HistoryForked):
        push(desk.agent())
    with desk.database.read() as tx:
        assert [each.rule for each in tx.feed.matters()] == [FORK_RULE]
