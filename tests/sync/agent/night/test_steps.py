"""The steps of a night: whatever one of them does, the others are taken, and the report says how each went."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.backup.errors import BackupFault
from kiosk.backup.records import BackupSettings
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.nights import (
    BACKUP_REASON,
    DAY,
    Attempt,
    ExpiringKey,
    Finding,
    NightlyFinding,
    NightReport,
    NightStep,
    StepOutcome,
    StepReason,
)
from kiosk.domain.register import Register, Registered, Standing
from kiosk.store.agent_state import AgentState, ContactFault
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull, StoreBusy, StoreCorrupt, StoreUnavailable
from kiosk.store.nights import NightTable
from kiosk.store.occupancy import nights_turn
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.nights import finding_sentence
from sync.agent.night import steps as steps_module
from sync.agent.night.running import NightExit, NightRun, nightly, run, run_alone
from sync.agent.night.steps import (
    Night,
    StepResult,
    Steps,
    backing_up,
    list_expiring,
    not_configured,
    usual_steps,
)
from tests.support.memory_desk import Desk
from tests.support.values import present

PLACE = Path("keydesk.db")


def outcomes(report: NightReport) -> dict[str, StepOutcome]:
    return {each.step: each.outcome for each in report.steps}


def newest(desk: Desk) -> NightReport:
    with desk.database.read() as tx:
        return present(tx.nights.newest())


def failing(step: NightStep, error: BaseException) -> Steps:
    def work(_night: Night) -> StepResult:
        raise error

    return tuple((name, work if name is step else made) for name, made in usual_steps())


@pytest.mark.parametrize("step", NightStep)
def test_a_step_that_raises_stops_no_other(desk: Desk, step: NightStep) -> None:
    night = nightly(desk.agent(), failing(step, ZeroDivisionError("by zero")))
    took = outcomes(night.report)
    assert list(took) == list(NightStep)
    assert took[step] is StepOutcome.FAILED
    assert [each for each in took if took[each] is StepOutcome.FAILED] == [step]
    assert night.report.findings[0] == Finding(
        NightlyFinding.STEP_FAILED, step=step, reason=StepReason.UNEXPECTED, detail="by zero"
    )
    assert night.exit_status is NightExit.STEP_FAILED
    assert newest(desk) == night.report
    assert "ZeroDivisionError" in (desk.directory / "log" / "sync.log").read_text()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DiskFull(PLACE), StepReason.DISK_FULL),
        (OSError(errno.ENOSPC, "No space left on device"), StepReason.DISK_FULL),
        (OSError(errno.EIO, "Input/output error"), StepReason.UNREADABLE),
        (StoreBusy(PLACE), StepReason.STORE_BUSY),
        (StoreCorrupt(PLACE, "a page"), StepReason.STORE_DAMAGED),
        (StoreUnavailable(PLACE, "read-only"), StepReason.UNREADABLE),
    ],
)
def test_why_a_step_failed_is_on_record(desk: Desk, error: Exception, reason: StepReason) -> None:
    report = nightly(desk.agent(), failing(NightStep.BACKUP, error)).report
    assert [each.reason for each in report.findings] == [reason]


def test_a_backup_that_is_not_set_up_is_passed_over(desk: Desk) -> None:
    night = nightly(desk.agent())
    skipped = {each.step: each.reason for each in night.report.steps if each.outcome is StepOutcome.SKIPPED}
    assert skipped == {NightStep.BACKUP: StepReason.NOT_CONFIGURED}
    assert night.well
    assert night.exit_status is NightExit.WELL


def test_a_backup_that_does_not_arrive_is_a_finding_with_its_place(desk: Desk) -> None:
    settings = BackupSettings(recipients=("nobody's key",), destinations=("/nowhere",))
    night = nightly(desk.agent(), usual_steps(backup=backing_up(settings)))
    (found,) = night.report.findings
    assert (found.step, found.reason) == (NightStep.BACKUP, f"{BACKUP_REASON}{BackupFault.RECIPIENT_INVALID}")
    assert found.place == "nobody's key"
    assert outcomes(night.report)[NightStep.BACKUP] is StepOutcome.FAILED
    said = finding_sentence(found, Catalogue(Language.CHINESE).text)
    assert said.startswith("「备份」没有做成：nobody's key 不是备份的公钥")
    assert backing_up(BackupSettings()) is not_configured


def test_later_steps_know_what_earlier_ones_found(desk: Desk) -> None:
    seen: list[tuple[bool | None, bool | None, bool]] = []

    def prune(night: Night) -> StepResult:
        seen.append((night.pages_sound, night.sound, night.drained is not None))
        return StepResult(count=3)

    nightly(desk.agent(), usual_steps(prune=prune))
    desk.faulty.faults = ["cut"]
    nightly(desk.agent(), usual_steps(prune=prune))
    assert seen == [(True, True, True), (True, True, False)]


def test_a_centre_that_is_down_is_told_and_the_rest_is_done(desk: Desk) -> None:
    desk.place()
    desk.faulty.faults = ["cut"]
    night = nightly(desk.agent())
    assert outcomes(night.report)[NightStep.VERIFY] is StepOutcome.DONE
    found = present(next(iter(night.report.findings)))
    assert (found.kind, found.reason) == (NightlyFinding.CENTRE_NOT_REACHED, ContactFault.UNREACHABLE)


def test_damaged_pages_are_found_and_the_rest_is_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "page_damage", lambda _: ("HMAC verification failed for page 7",))
    night = nightly(desk.agent())
    took = {each.step: (each.outcome, each.reason) for each in night.report.steps}
    assert took[NightStep.VERIFY] == (StepOutcome.SKIPPED, StepReason.PAGES_DAMAGED)
    assert took[NightStep.EXPIRING][0] is StepOutcome.DONE
    assert not night.journal_sound
    assert [each.kind for each in night.report.findings] == [NightlyFinding.PAGES_DAMAGED]
    assert night.exit_status is NightExit.FOR_A_PERSON


def test_a_report_that_cannot_be_kept_is_said_and_the_night_is_owed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_table: NightTable, _report: NightReport) -> None:
        raise DiskFull(PLACE)

    monkeypatch.setattr(NightTable, "add", full)
    night = nightly(desk.agent())
    assert not night.kept
    assert night.exit_status is NightExit.STEP_FAILED
    with desk.database.read() as tx:
        assert present(tx.nights.judged_by()).reported == frozenset()


def test_a_status_that_cannot_be_read_is_a_finding(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_tx: object) -> None:
        raise StoreCorrupt(PLACE, "a page")

    monkeypatch.setattr("sync.agent.night.running.status", damaged)
    night = nightly(desk.agent())
    assert [(each.kind, each.reason) for each in night.report.findings] == [
        (NightlyFinding.STEP_FAILED, StepReason.STORE_DAMAGED)
    ]
    assert newest(desk) == night.report


def breaks_off(desk: Desk, step: NightStep) -> None:
    """Leave what a power cut in a step leaves."""
    with desk.database.write() as tx:
        state = present(tx.nights.state())
        before = state.attempt or Attempt(night_of(desk))
        tx.nights.put_attempt(Attempt(before.night, step, before.broke_in))


def night_of(desk: Desk) -> int:
    with desk.database.read() as tx:
        newest = tx.nights.newest()
    return present(newest).night


def test_a_step_in_which_the_run_broke_off_twice_is_passed_over_that_night(desk: Desk) -> None:
    agent = desk.agent()
    nightly(agent)
    killed: list[NightStep] = []

    def kills(_night: Night) -> StepResult:
        killed.append(NightStep.BACKUP)
        raise SystemExit  # a kill leaves the note of the step behind; an orderly end does not

    for _ in range(2):
        with pytest.raises(SystemExit):
            nightly(agent, usual_steps(backup=kills))
    assert len(killed) == 2
    assert nightly(agent).report.broken_off == 0, "somebody ended it: that is no fault of the step"
    breaks_off(desk, NightStep.BACKUP)
    assert nightly(agent).report.broken_off == 1, "one power cut is no fault of the step either"
    breaks_off(desk, NightStep.BACKUP)
    with desk.database.write() as tx:
        tx.nights.put_attempt(Attempt(night_of(desk), NightStep.BACKUP, (NightStep.BACKUP,)))
    report = nightly(agent, usual_steps(backup=kills)).report
    assert len(killed) == 2
    assert Finding(NightlyFinding.STEP_FAILED, step="backup", reason=StepReason.BROKE_OFF) in report.findings
    desk.clock.advance(DAY)
    assert nightly(agent).well, "another night, another try"


def test_two_at_once_make_one_run(desk: Desk) -> None:
    with nights_turn(desk.directory) as ours:
        assert ours
        assert run_alone(Night(desk.agent()), usual_steps()) is NightExit.UNDER_WAY
    assert isinstance(run_alone(Night(desk.agent()), usual_steps()), NightRun)


def test_by_the_clock_nothing_is_done_where_the_night_has_its_report(desk: Desk) -> None:
    agent = desk.agent()
    with desk.database.write() as tx:
        tx.nights.owe(desk.clock.now, 150)
    assert run_alone(Night(agent, by_hand=False), usual_steps()) is NightExit.WELL
    desk.clock.advance(DAY)
    assert isinstance(run_alone(Night(agent, by_hand=False), usual_steps()), NightRun)
    assert run_alone(Night(agent, by_hand=False), usual_steps()) is NightExit.WELL
    with desk.database.read() as tx:
        assert len(tx.nights.all()) == 1


@pytest.mark.parametrize("by_hand", [True, False])
def test_by_the_clock_a_centre_that_wants_to_be_left_alone_is(desk: Desk, *, by_hand: bool) -> None:
    with desk.database.write() as tx:
        tx.agent.put(AgentState(retry_at=desk.clock.now + 200))
    asked = len(desk.centre.requests)
    night = run(Night(desk.agent(), by_hand=by_hand), usual_steps())
    drained = night.report.steps[0]
    assert drained.outcome is (StepOutcome.DONE if by_hand else StepOutcome.SKIPPED)
    assert drained.reason == ("" if by_hand else ContactFault.BUSY)
    assert (len(desk.centre.requests) > asked) is by_hand


def test_keys_that_end_soon_are_listed_by_their_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, keys: Callable[[dict[str, int]], None]
) -> None:
    now = desk.clock.now
    keys(
        {
            "11000001": 40 * DAY,
            "11000002": 20 * DAY,
            "11000003": 10 * DAY,
            "11000004": -1,
            "11000005": 30 * DAY,
        }
    )
    night = Night(desk.agent())
    assert list_expiring(night).count == 3
    assert night.expiring == tuple(
        ExpiringKey(account, f"SERIAL-{account}", now + days * DAY)
        for account, days in (("11000003", 10), ("11000002", 20), ("11000005", 30))
    )
    monkeypatch.setattr(steps_module, "LISTED_KEYS", 1)
    assert list_expiring(night).count == 3
    assert [each.account for each in night.expiring] == ["11000003"]
    assert list_expiring(Night(desk.agent(), expiring_days=5)).count == 0


@pytest.fixture
def keys(desk: Desk) -> Callable[[dict[str, int]], None]:
    """Have accounts with keys that end so many seconds from now."""

    def give(ends: dict[str, int]) -> None:
        with desk.database.write() as tx:
            for account, left in ends.items():
                key = KeyOnRecord(f"00030000{account}", f"SERIAL-{account}", 1, desk.clock.now + left)
                tx.ledger.put([Register(account, (Registered(key, Standing.LISTED),))])

    return give
