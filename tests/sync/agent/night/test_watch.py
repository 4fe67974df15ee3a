"""The clock of the nightly run: what is due begins, once, and a run that breaks off is begun again."""

from __future__ import annotations

import pytest

from kiosk.domain.nights import (
    DAY,
    DESK_PATIENCE,
    HOUR,
    OFFLINE_PATIENCE,
    USUAL_AT,
    Attempt,
    NightReport,
    night_at,
    pause_after,
)
from kiosk.store.agent_state import AgentState
from sync.agent.night import watch as watch_module
from sync.agent.night.watch import NightWatch
from tests.support.memory_desk import Desk
from tests.support.values import present


class Child:
    """A run that ends when the test says so."""

    def __init__(self) -> None:
        self.over = False
        self.stopped = 0

    def ended(self) -> bool:
        return self.over

    def stop(self) -> None:
        self.stopped += 1


class Watched:
    """A watch over a desk, and the runs that it began."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.runs: list[Child] = []
        self.restart()
        self.look()  # the nights are owed from here on
        desk.clock.advance(DAY)

    def restart(self) -> None:
        """Another agent over the same database."""
        self.watch = NightWatch(self.desk.agent(), USUAL_AT, self._begin)

    def _begin(self) -> Child:
        self.runs.append(Child())
        return self.runs[-1]

    def look(self, seconds: int = 0, *, heard: bool = True) -> int:
        """Let time pass and look once; how many runs were begun by then."""
        self.desk.clock.advance(seconds)
        self.watch.look(heard=heard)
        return len(self.runs)

    def end(self, *, report: bool = True) -> None:
        """End the run under way, with its report or without."""
        now = self.desk.clock.now
        if report:
            with self.desk.database.write() as tx:
                tx.nights.add(NightReport(night_at(now, USUAL_AT), now, now))
        self.runs[-1].over = True
        self.look()


@pytest.fixture
def watched(desk: Desk) -> Watched:
    return Watched(desk)


def test_a_first_start_owes_nothing_and_the_next_night_runs_once(watched: Watched) -> None:
    assert watched.look() == 1
    assert watched.look(60) == 1, "it is under way"
    watched.end()
    assert watched.look(8 * HOUR) == 1
    assert watched.look(DAY) == 2


def test_a_restart_does_not_repeat_a_night_and_catches_one_up(watched: Watched) -> None:
    watched.look()
    watched.end()
    watched.restart()
    assert watched.look(60) == 1
    watched.desk.clock.advance(5 * DAY)  # switched off
    watched.restart()
    assert watched.look() == 2
    watched.end()
    assert watched.look(60) == 2


def test_a_night_is_not_repeated_when_the_clock_is_set_back(watched: Watched) -> None:
    watched.look()
    watched.end()
    for back in (HOUR, 10 * HOUR, 20 * HOUR):
        watched.desk.clock.now -= back
        assert watched.look(60) == 1
    watched.desk.clock.now += 31 * HOUR
    watched.look()
    assert watched.look(DAY) == 2


def test_a_clock_that_was_years_ahead_at_the_first_start_does_not_end_the_nights(desk: Desk) -> None:
    desk.clock.now += 3650 * DAY
    watched = Watched(desk)
    desk.clock.now -= 3651 * DAY
    assert watched.look() == 0
    assert watched.look(DAY) == 1


def test_a_run_that_breaks_off_is_begun_again_after_a_pause_and_after_a_restart_at_once(
    watched: Watched,
) -> None:
    watched.look()
    watched.end(report=False)
    assert watched.look(int(pause_after(1)) - 1) == 1
    assert watched.look(1) == 2
    watched.end(report=False)
    assert watched.look(int(pause_after(2)) - 1) == 2
    watched.restart()
    assert watched.look() == 3


def test_a_run_that_does_not_end_is_ended(watched: Watched) -> None:
    watched.look()
    watched.look(int(watch_module.LONGEST_RUN) - 1)
    assert watched.runs[0].stopped == 0
    watched.look(1)
    assert watched.runs[0].stopped == 1
    assert watched.look(int(pause_after(1))) == 2


def test_it_waits_a_while_for_a_centre_that_was_not_heard_yet(watched: Watched) -> None:
    assert watched.look(heard=False) == 0
    assert watched.look(OFFLINE_PATIENCE - 1, heard=False) == 0
    assert watched.look(1, heard=False) == 1


def test_it_waits_a_while_for_a_centre_that_was_not_reached_last(watched: Watched) -> None:
    with watched.desk.database.write() as tx:
        tx.agent.put(AgentState(error="cut"))
    assert watched.look() == 0
    assert watched.look(OFFLINE_PATIENCE) == 1


def test_it_waits_while_a_member_is_served_but_not_for_ever(watched: Watched) -> None:
    for _ in range(DESK_PATIENCE // 240):
        watched.desk.place()
        assert watched.look() == 0
        watched.desk.clock.advance(240)
    watched.desk.place()
    assert watched.look() == 1


def test_it_begins_once_the_desk_is_quiet(watched: Watched) -> None:
    watched.desk.place()
    assert watched.look() == 0
    assert watched.look(299) == 0
    assert watched.look(1) == 1


def test_a_member_who_waits_for_the_centres_answer_is_served(watched: Watched) -> None:
    with watched.desk.database.write() as tx:
        tx.mailbox.submit("login", b"", watched.desk.clock.now + 10)
    assert watched.look() == 0
    assert watched.look(11) == 1


def test_an_agent_that_is_stopped_ends_its_run_which_is_no_fault_of_the_step(watched: Watched) -> None:
    watched.look()
    with watched.desk.database.write() as tx:
        tx.nights.put_attempt(Attempt(1, "verify"))
    watched.watch.stop()
    assert watched.runs[0].stopped == 1
    with watched.desk.database.read() as tx:
        assert present(tx.nights.state()).attempt == Attempt(1, "")


def test_another_time_of_day_is_taken_over(watched: Watched) -> None:
    watched.look()
    watched.end()
    watched.watch = NightWatch(watched.desk.agent(), 0, watched._begin)
    watched.look()
    with watched.desk.database.read() as tx:
        assert present(tx.nights.state()).at == 0
