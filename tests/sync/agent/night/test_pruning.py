"""What is old, acknowledged and not needed any more leaves the kiosk, and nothing else does."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from kiosk.domain.entries.orders import OrderCancelled
from kiosk.domain.feed import MISSING_RULE
from kiosk.domain.nights import Finding, NightlyFinding, NightStep, StepOutcome, StepReason, StepRecord
from kiosk.domain.policy import DAY
from kiosk.store.course import SnapshotFlaw
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from kiosk.store.verify import verify
from sync.agent.context import Agent
from sync.agent.errors import CentreUnreachable
from sync.agent.heartbeat import heartbeat
from sync.agent.night import pruning
from sync.agent.night.pruning import PruningOutcome, prune_journal
from sync.agent.night.running import nightly
from sync.agent.opening import agent_over
from sync.agent.push import push
from sync.protocol.records import SnapshotState
from tests.support.memory_centre import NOW
from tests.support.memory_desk import Desk
from tests.support.snapshots import shown
from tests.support.values import present

AGE = 431


def _no_pause(_seconds: float) -> None:
    """The centre answers at once."""


def _prune(
    agent: Agent, portions: int = 1000, stopped: Callable[[], bool] = lambda: False
) -> pruning.PruningReport:
    return prune_journal(agent, portions, stopped, _no_pause)


def _later(desk: Desk, days: int) -> None:
    desk.clock.advance(days * DAY)
    desk.centre.now += days * DAY


def _live(desk: Desk, orders: int = 3) -> None:
    for _ in range(orders):
        desk.append(OrderCancelled(desk.place(), "member"))


def _exchanged(desk: Desk, agent: Agent) -> None:
    heartbeat(agent)
    push(agent)
    heartbeat(agent)


@pytest.fixture
def aged(desk: Desk) -> Agent:
    """Seven entries, AGE days old and at the centre, and six of today."""
    agent = desk.agent()
    _live(desk)
    _exchanged(desk, agent)
    _later(desk, AGE)
    _live(desk)
    _exchanged(desk, agent)
    return agent


def _left(desk: Desk) -> list[int]:
    with desk.database.read() as tx:
        return [each.entry.sequence for each in tx.journal.entries()]


def test_what_is_old_and_acknowledged_goes_and_nothing_else(desk: Desk, aged: Agent) -> None:
    before = shown(desk.database)
    report = _prune(aged)
    assert (report.outcome, report.snapshot, report.deleted, report.well) == (PruningOutcome.DONE, 7, 6, True)
    assert _left(desk) == [*range(7, 14)]
    assert shown(desk.database) == before
    assert verify(desk.database).sound
    assert _prune(aged).outcome is PruningOutcome.NOT_DUE
    assert len(desk.centre.snapshots) == 1


@pytest.mark.parametrize("days", [0, 399, 429])
def test_what_is_younger_stays(desk: Desk, days: int) -> None:
    agent = desk.agent()
    _live(desk)
    _exchanged(desk, agent)
    _later(desk, days)
    _live(desk)
    _exchanged(desk, agent)
    assert _prune(agent) == pruning.PruningReport(PruningOutcome.NOT_DUE)
    assert desk.centre.snapshots == []


@pytest.mark.parametrize("which", ["kiosk", "centre"])
def test_one_wrong_clock_deletes_nothing(desk: Desk, which: str) -> None:
    agent = desk.agent()
    _live(desk)
    _exchanged(desk, agent)
    if which == "kiosk":
        desk.clock.advance(AGE * DAY)
    else:
        desk.centre.now += AGE * DAY
    _live(desk)
    _exchanged(desk, agent)
    assert _prune(agent).outcome is PruningOutcome.NOT_DUE


def test_what_the_centre_does_not_have_stays(desk: Desk, aged: Agent) -> None:
    with desk.database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), high_water=3))
    assert _prune(aged).snapshot == 3
    assert _left(desk)[0] == 3


@pytest.mark.parametrize("barred", ["quarantined", "retired", "unconfirmed"])
def test_a_machine_that_may_only_upload_prunes_nothing(desk: Desk, aged: Agent, barred: str) -> None:
    with desk.database.write() as tx:
        tx.agent.put(replace(tx.agent.get(), **{barred: True}))
    assert _prune(aged).outcome is PruningOutcome.NOT_DUE
    assert desk.centre.snapshots == []


def test_entries_are_kept_for_ever_where_that_is_configured(desk: Desk, aged: Agent) -> None:
    assert _prune(dataclasses.replace(aged, keep_days=0)).outcome is PruningOutcome.OFF
    assert _left(desk)[0] == 1


def test_an_open_order_holds_what_it_came_with_and_is_named(desk: Desk) -> None:
    agent = desk.agent()
    _live(desk)
    open_order = desk.place()
    _live(desk)
    _exchanged(desk, agent)
    _later(desk, AGE)
    _live(desk)
    _exchanged(desk, agent)
    assert _prune(agent).snapshot == 7
    held = _prune(agent)
    assert (held.outcome, held.held_by, held.well) == (PruningOutcome.HELD, open_order, False)
    desk.append(OrderCancelled(open_order, "member"))
    _exchanged(desk, agent)
    assert _prune(agent).snapshot == 14


@pytest.mark.parametrize("state", [SnapshotState.WAITING, SnapshotState.EARLY, SnapshotState.REFUSED])
def test_nothing_goes_before_the_centre_acknowledged(desk: Desk, aged: Agent, state: SnapshotState) -> None:
    desk.centre.snapshot_state = state
    report = _prune(aged)
    refused = state is SnapshotState.REFUSED
    assert report.outcome is (PruningOutcome.REFUSED if refused else PruningOutcome.WAITING)
    assert (report.deleted, report.reason, report.well) == (0, "told", not refused)
    assert _left(desk)[0] == 1
    desk.centre.snapshot_state = SnapshotState.ACKNOWLEDGED
    assert _prune(aged).deleted == 6
    assert len({each.snapshot.snapshot for each in desk.centre.snapshots}) == 1


@pytest.mark.parametrize("fault", ["cut", "lost", "garbage"])
def test_a_line_that_fails_is_reported_and_the_next_night_goes_on(
    desk: Desk, aged: Agent, fault: str
) -> None:
    desk.faulty.faults = [fault]
    report = _prune(aged)
    assert (report.outcome, report.deleted, report.well) == (PruningOutcome.FAILED, 0, False)
    assert report.error is not None
    assert _prune(aged).deleted == 6


def test_an_acknowledgement_of_another_key_is_none(desk: Desk, aged: Agent) -> None:
    right, desk.centre.key = desk.centre.key, bytes(32)
    assert _prune(aged).outcome is PruningOutcome.FAILED
    desk.centre.key = right
    assert _left(desk)[0] == 1
    assert _prune(aged).deleted == 6


def test_a_budget_of_portions_is_used_and_the_next_call_goes_on(
    desk: Desk, aged: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PORTION", 2)
    before = shown(desk.database)
    assert (_prune(aged, 1).outcome, _left(desk)[0]) == (PruningOutcome.UNFINISHED, 3)
    assert shown(desk.database) == before
    assert verify(desk.database).sound
    assert (_prune(aged, 1).deleted, _left(desk)[0]) == (2, 5)
    assert (_prune(aged).outcome, _left(desk)[0]) == (PruningOutcome.DONE, 7)


def test_it_can_be_stopped_at_every_look(desk: Desk, aged: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PORTION", 2)
    for looks in range(6):
        asked = iter([False] * looks)
        _prune(aged, stopped=lambda asked=asked: next(asked, True))  # type: ignore[misc]
        assert verify(desk.database).sound
    _prune(aged)
    assert _left(desk)[0] == 7


def test_a_snapshot_that_was_changed_stops_deleting(desk: Desk, aged: Agent) -> None:
    _prune(aged, 0)
    with desk.database.write() as tx:
        tx.ledger._connection.execute("UPDATE snapshot_rows SET data = x'00'")
    report = _prune(aged)
    assert (report.outcome, report.reason, report.deleted) == (
        PruningOutcome.UNSOUND,
        SnapshotFlaw.ROWS.value,
        0,
    )
    assert _left(desk)[0] == 1


def test_a_centre_that_was_put_back_is_shown_its_acknowledgement(desk: Desk, aged: Agent) -> None:
    _prune(aged)
    desk.centre.incarnation = 2
    _exchanged(desk, aged)
    assert _prune(aged).outcome is PruningOutcome.NOT_DUE
    assert desk.centre.snapshots[-1].acknowledgement is not None
    asked = len(desk.centre.snapshots)
    assert _prune(aged).outcome is PruningOutcome.NOT_DUE
    assert len(desk.centre.snapshots) == asked
    assert verify(desk.database).sound


def test_a_centre_that_lost_what_was_deleted_is_an_alarm_and_no_endless_retry(
    desk: Desk, aged: Agent
) -> None:
    _prune(aged)
    whole = list(desk.memory.chain)
    del desk.memory.chain[3:]
    desk.place()
    for _ in range(3):
        heartbeat(aged)
        assert push(aged).sent == 0
    uploads = desk.centre.requests.count("POST /device/v1/journal")
    heartbeat(aged)
    push(aged)
    assert desk.centre.requests.count("POST /device/v1/journal") == uploads
    assert desk.centre.snapshots[-1].acknowledgement is not None
    with desk.database.read() as tx:
        (matter,) = tx.feed.matters()
        assert (matter.rule, matter.subject, tx.agent.get().lacks_until) == (MISSING_RULE, "4-6", 6)
    assert _prune(aged).deleted == 0
    desk.memory.chain[3:] = whole[3:]  # an older copy of this kiosk brought them
    _exchanged(desk, aged)
    assert desk.centre_hashes()[-1] == present(desk.hashes()[-1:][0])
    with desk.database.read() as tx:
        assert (tx.feed.matters(), tx.agent.get().lacks_until) == ((), 0)


def test_a_centre_that_lost_only_what_is_here_gets_it_again(desk: Desk, aged: Agent) -> None:
    _prune(aged)
    del desk.memory.chain[8:]
    _exchanged(desk, aged)
    assert len(desk.centre_hashes()) == 13
    with desk.database.read() as tx:
        assert tx.feed.matters() == ()


def test_the_line_is_cut_while_the_proof_is_shown(desk: Desk, aged: Agent) -> None:
    _prune(aged)
    del desk.memory.chain[3:]
    desk.place()
    heartbeat(aged)
    desk.faulty.faults = ["", "cut"]
    with pytest.raises(CentreUnreachable):
        push(aged)
    assert push(aged).sent == 0
    assert desk.clock.wall() > NOW


def test_what_a_kill_left_of_a_snapshot_is_in_nobodys_way(desk: Desk, aged: Agent) -> None:
    with desk.database.write() as tx:
        tx.snapshots.put_portion(7, 0, [b"half"])
        tx.snapshots.put_portion(7, 1, [b"of it"])
        tx.snapshots.put_portion(5, 0, [b"another"])
    assert _prune(aged).deleted == 6
    assert verify(desk.database).sound
    with desk.database.read() as tx:
        assert list(tx.snapshots.rows(5)) == []


@pytest.mark.parametrize("step", range(12))
def test_a_kill_after_any_commit_leaves_a_store_that_goes_on(
    desk: Desk, aged: Agent, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process is gone."""

    monkeypatch.setattr(pruning, "PORTION", 2)
    before, commits = shown(desk.database), 0
    write = Database.write

    @contextmanager
    def dying(database: Database) -> Iterator[Transaction]:
        nonlocal commits
        if commits == step:
            raise Killed
        with write(database) as tx:
            yield tx
        commits += 1

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", dying)
        with contextlib.suppress(Killed):
            _prune(aged)
    assert verify(desk.database).sound
    assert shown(desk.database) == before
    _prune(aged)
    assert _left(desk)[0] == 7
    assert verify(desk.database).sound


@pytest.mark.parametrize("when", ["before the snapshot", "half pruned", "pruned"])
def test_a_kiosk_put_back_to_a_copy_goes_on_and_is_pruned_again(
    desk: Desk, aged: Agent, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PORTION", 2)
    copy = tmp_path / "copy.db"
    if when != "before the snapshot":
        _prune(aged, 1 if when == "half pruned" else 1000)
    desk.database.copy_to(copy)
    _prune(aged)
    _live(desk)
    _exchanged(desk, aged)
    with closing(Database.open(copy, bytes(range(32)))) as restored:
        with restored.write() as tx:
            tx.note_put_back()
        with agent_over(desk.settings, restored, desk.line, desk.clock) as agent:
            for _ in range(2):
                heartbeat(agent)
                push(agent)
            assert verify(restored).sound
            _later(desk, AGE)
            desk.database, desk.memory.retired = restored, False
            _live(desk)
            _exchanged(desk, agent)
            assert _prune(agent).outcome is PruningOutcome.DONE
            assert verify(restored).sound
            with restored.read() as tx:
                assert tx.journal.first() > 13


def _night(agent: Agent) -> tuple[StepRecord, tuple[Finding, ...]]:
    report = nightly(agent).report
    return next(each for each in report.steps if each.step == NightStep.PRUNE), report.findings


def test_the_night_prunes_a_store_that_it_found_sound(desk: Desk, aged: Agent) -> None:
    step, findings = _night(aged)
    assert (step.outcome, step.count, findings) == (StepOutcome.DONE, 6, ())
    assert desk.database.give_back(1) == 0, "what is free was given back"
    assert _night(aged)[0].count == 0


def test_the_night_prunes_nothing_that_is_unsound_or_kept_for_ever(desk: Desk, aged: Agent) -> None:
    assert _night(dataclasses.replace(aged, keep_days=0))[0].reason == StepReason.NOT_CONFIGURED
    with desk.database.write() as tx:
        tx.ledger._connection.execute("UPDATE orders SET deadline = 0")
    step, _ = _night(aged)
    assert (step.outcome, step.reason) == (StepOutcome.SKIPPED, StepReason.NOT_SOUND)
    assert _left(desk)[0] == 1


def test_whoever_waits_to_write_gets_its_turn_between_two_portions(
    aged: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PORTION", 2)
    rests: list[float] = []
    prune_journal(aged, pause=rests.append)
    assert len(rests) >= 3
    assert all(each >= 0 for each in rests)


def test_the_night_says_what_keeps_it_from_pruning(desk: Desk, aged: Agent) -> None:
    desk.centre.snapshot_state = SnapshotState.REFUSED
    step, findings = _night(aged)
    assert (step.outcome, step.count) == (StepOutcome.DONE, 0)
    assert [(each.kind, each.detail) for each in findings] == [(NightlyFinding.PRUNING_REFUSED, "told")]
