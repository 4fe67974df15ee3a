"""The nightly run over real processes: it begins by itself, once a night, and is caught up after whatever ended it."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from kiosk.domain.nights import DAY, HOUR, USUAL_AT, NightReport, NightState, NightStep, begin_of, night_at
from kiosk.store.occupancy import nights_turn
from sync.agent.night.running import NightExit
from tests.support.processes import KioskProcess
from tests.support.values import present
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("central")


def reports(kiosk: KioskProcess) -> tuple[NightReport, ...]:
    with kiosk.database.read() as tx:
        return tx.nights.all()


def state(kiosk: KioskProcess) -> NightState | None:
    with kiosk.database.read() as tx:
        return tx.nights.state()


def to_the_next_night(kiosk: KioskProcess, nights: int = 1) -> None:
    """Set the clock to the morning after so many nights, at four o'clock."""
    night = night_at(kiosk.clock.wall(), USUAL_AT) + nights
    kiosk.set_clock(kiosk.clock.shifted() + begin_of(night, USUAL_AT) + 3 * HOUR // 2 - kiosk.clock.wall())


def owes_from_now(kiosk: KioskProcess) -> None:
    kiosk.start()
    wait_until(lambda: state(kiosk) is not None)


def by_the_clock(kiosk: KioskProcess) -> int:
    """What the agent's child ends with, begun as the agent begins it."""
    with kiosk.begin("nightly", "--scheduled") as child:
        return child.wait()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_the_agent_makes_the_run_when_its_time_has_come_and_not_again(kiosk: KioskProcess) -> None:
    owes_from_now(kiosk)
    to_the_next_night(kiosk)
    wait_until(lambda: len(reports(kiosk)) == 1)
    (report,) = reports(kiosk)
    assert report.well, report
    assert not report.by_hand
    assert [each.step for each in report.steps] == list(NightStep)
    kiosk.stop()
    for back in (0, HOUR, 20 * HOUR):  # another process, later that night or with the clock set back
        kiosk.set_clock(kiosk.clock.shifted() - back)
        assert by_the_clock(kiosk) == NightExit.WELL
    assert reports(kiosk) == (report,)


def test_nights_slept_through_are_caught_up_by_one_run_after_the_start(kiosk: KioskProcess) -> None:
    owes_from_now(kiosk)
    kiosk.stop()
    to_the_next_night(kiosk, nights=5)
    kiosk.start()
    wait_until(lambda: len(reports(kiosk)) == 1)
    assert present(next(iter(reports(kiosk)))).night == night_at(kiosk.clock.wall(), USUAL_AT)


def test_a_run_that_was_killed_is_caught_up_at_the_next_start(kiosk: KioskProcess, silent: str) -> None:
    owes_from_now(kiosk)
    kiosk.stop()
    to_the_next_night(kiosk)
    kiosk.front = silent
    killed = kiosk.begin("nightly")
    wait_until(lambda: (kept := present(state(kiosk)).attempt) is not None and kept.step == NightStep.DRAIN)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not reports(kiosk)
    kiosk.front = ""
    kiosk.start()
    wait_until(lambda: len(reports(kiosk)) == 1)
    (report,) = reports(kiosk)
    assert (report.broken_off, report.well) == (1, True)


def test_an_agent_that_is_killed_takes_its_run_with_it_and_the_next_one_makes_it(
    kiosk: KioskProcess,
) -> None:
    owes_from_now(kiosk)
    to_the_next_night(kiosk)
    wait_until(lambda: present(state(kiosk)).attempt is not None or reports(kiosk))
    kiosk.stop(signal.SIGKILL)
    kiosk.start()
    wait_until(lambda: len(reports(kiosk)) >= 1)
    assert len(reports(kiosk)) == 1


def test_a_run_by_hand_counts_for_its_night(kiosk: KioskProcess) -> None:
    owes_from_now(kiosk)
    kiosk.stop()
    to_the_next_night(kiosk)
    done = kiosk.sync("nightly", "--json")
    assert done.returncode == NightExit.WELL, done.stdout
    assert json.loads(done.stdout)["report_kept"]
    assert by_the_clock(kiosk) == NightExit.WELL
    (report,) = reports(kiosk)
    assert report.by_hand


def test_two_processes_do_not_make_it_at_once(kiosk: KioskProcess) -> None:
    with nights_turn(kiosk.directory) as ours:
        assert ours
        busy = kiosk.sync("nightly")
    assert busy.returncode == NightExit.UNDER_WAY
    assert "另一个程序正在做夜间检查" in busy.stderr
    assert kiosk.sync("nightly").returncode == NightExit.WELL


def test_without_the_centre_all_else_is_done_kept_and_said(kiosk: KioskProcess) -> None:
    kiosk.sync("nightly")
    kiosk.switch.touch()
    kiosk.place("11000001")
    done = kiosk.sync("nightly")
    assert done.returncode == NightExit.STEP_FAILED
    assert "没有连上中心" in done.stdout
    report = reports(kiosk)[0]
    assert [each.kind for each in report.findings] == ["centre-not-reached", "backlog"]
    assert {"pages", "verify", "expiring"} <= {each.step for each in report.steps if each.outcome == "done"}


def test_two_missed_nights_are_an_alarm_at_the_centre_that_the_next_one_ends(kiosk: KioskProcess) -> None:
    kiosk.sync("nightly")

    def alarms() -> list[tuple[object, ...]]:
        return kiosk.centre.rows(
            "SELECT cleared_by FROM journal_alarm WHERE kind = 'nights-missed' AND kiosk = ?", kiosk.number
        )

    ((ended,),) = kiosk.centre.rows("SELECT night_ended FROM fleet_kiosk WHERE number = ?", kiosk.number)
    assert ended is not None, "the report went up with the run itself"
    kiosk.centre.django(
        "from sync.central.fleet.models import Kiosk\n"
        f"Kiosk.objects.filter(number={kiosk.number}).update(night_ended=now - 5 * 86400)"
    )
    kiosk.centre.kill()
    kiosk.centre.start()  # it looks as it starts, and every minute
    wait_until(lambda: alarms() == [("",)])
    kiosk.sync("nightly")
    assert alarms() == [("夜间检查已做",)]


@pytest.mark.parametrize("ahead", [300_000_000_000, 99_999_999_999_999])
def test_a_clock_beyond_the_calendar_leaves_nothing_that_stays(kiosk: KioskProcess, ahead: int) -> None:
    kiosk.set_clock(ahead)
    for command in ("nightly", "status"):
        wild = kiosk.sync(command)
        assert (wild.returncode in set(NightExit), wild.stderr) == (True, "")
    kiosk.set_clock(0)
    assert kiosk.sync("status").returncode == 0
    done = kiosk.sync("nightly")
    assert done.returncode == NightExit.WELL, done.stdout


def test_nights_are_missed_while_no_agent_runs(kiosk: KioskProcess) -> None:
    owes_from_now(kiosk)
    kiosk.stop()
    kiosk.set_clock(3 * DAY)
    with kiosk.database.read() as tx:
        assert tx.nights.missed(kiosk.clock.wall()) >= 2
