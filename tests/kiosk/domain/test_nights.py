"""Which night it is and whether its work is due, at every moment and however the clock is set."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.nights import (
    DAY,
    DESK_PATIENCE,
    HOUR,
    LATE,
    OFFLINE_PATIENCE,
    SPREAD,
    USUAL_AT,
    Nights,
    Verdict,
    begin_of,
    judged,
    missed,
    night_at,
    night_due,
    pause_after,
    postponed,
    spread,
)
from kiosk.domain.validity import CHINA_TIME

KIOSK = 3


def at(day: int, clock: str) -> int:
    """A time in December 2026, by the clock in China (UTC seconds)."""
    hours, minutes = clock.split(":")
    return int(dt.datetime(2026, 12, day, int(hours), int(minutes), tzinfo=CHINA_TIME).timestamp())


SINCE = at(1, "11:00")
MOMENTS = st.integers(min_value=at(1, "00:00"), max_value=at(28, "23:59"))


def nights(*days: int, ended: int | None = None) -> Nights:
    return Nights(SINCE, USUAL_AT, {night_at(at(day, "03:00"), USUAL_AT) for day in days}, ended)


@pytest.mark.parametrize("minute", [0, USUAL_AT, 23 * 60 + 59])
def test_a_night_begins_at_its_time_of_day_in_china(minute: int) -> None:
    night = night_at(at(2, "12:00"), minute)
    begin = dt.datetime.fromtimestamp(begin_of(night, minute), CHINA_TIME)
    assert (begin.hour, begin.minute) == divmod(minute, 60)
    assert night_at(begin_of(night, minute), minute) == night
    assert night_at(begin_of(night, minute) - 1, minute) == night - 1


def test_each_kiosk_begins_at_another_time_each_night_within_the_half_hour() -> None:
    drawn = {spread(kiosk, night) for kiosk in range(1, 40) for night in range(20_000, 20_010)}
    assert len(drawn) > 300
    assert 0 <= min(drawn) < max(drawn) < SPREAD
    assert spread(3, 20_000) == spread(3, 20_000)


def test_a_new_kiosk_owes_no_night_before_it() -> None:
    assert judged(nights(), at(1, "11:00"), KIOSK) is Verdict.WAIT
    assert judged(nights(), at(2, "02:29"), KIOSK) is Verdict.WAIT
    assert judged(nights(), at(2, "03:00"), KIOSK) is Verdict.RUN


def test_a_night_begins_once_its_kiosks_moment_has_come() -> None:
    night = night_at(at(2, "03:00"), USUAL_AT)
    moment = begin_of(night, USUAL_AT) + spread(KIOSK, night)
    assert judged(nights(), moment - 1, KIOSK) is Verdict.WAIT
    assert judged(nights(), moment, KIOSK) is Verdict.RUN


def test_a_night_that_was_slept_through_is_caught_up_and_only_the_latest() -> None:
    assert judged(nights(2), at(5, "09:10"), KIOSK) is Verdict.RUN
    assert judged(nights(2, 5), at(5, "09:10"), KIOSK) is Verdict.WAIT


def test_a_night_with_a_report_is_not_due_again_when_the_clock_is_set_back() -> None:
    done = nights(2, 3, ended=at(3, "02:50"))
    for moment in (at(3, "02:00"), at(3, "02:45"), at(2, "14:00"), at(2, "03:00")):
        assert judged(done, moment, KIOSK) is Verdict.WAIT
    assert judged(done, at(4, "03:00"), KIOSK) is Verdict.RUN


def test_a_run_made_in_a_future_that_never_came_holds_up_no_night() -> None:
    ahead = Nights(
        SINCE, USUAL_AT, {night_at(at(2, "03:00") + 3650 * DAY, USUAL_AT)}, at(2, "03:00") + 3650 * DAY
    )
    assert judged(ahead, at(2, "03:00"), KIOSK) is Verdict.RUN


def test_a_clock_that_was_far_ahead_at_the_first_start_counts_anew() -> None:
    far = Nights(SINCE + 3650 * DAY)
    assert judged(far, SINCE, KIOSK) is Verdict.COUNT_ANEW
    assert judged(Nights(SINCE), at(2, "03:00"), KIOSK) is Verdict.RUN


def test_a_run_between_the_nights_beginning_and_the_kiosks_moment_is_that_nights() -> None:
    night = night_at(at(5, "03:00"), USUAL_AT)
    begin, moment = begin_of(night, USUAL_AT), begin_of(night, USUAL_AT) + spread(KIOSK, night)
    done = Nights(SINCE, USUAL_AT, {night})  # the night before it has none
    assert spread(KIOSK, night) > 1
    assert all(
        judged(done, when, KIOSK) is Verdict.WAIT for when in (begin, moment - 1, moment, moment + HOUR)
    )


@given(st.lists(MOMENTS, min_size=1, max_size=60), st.integers(1, 60))
def test_no_night_runs_twice_whatever_the_clock_does(moments: list[int], kiosk: int) -> None:
    reported: set[int] = set()
    ran = []
    for now in moments:
        verdict = judged(Nights(SINCE, USUAL_AT, reported), now, kiosk)
        if verdict is Verdict.RUN:
            night = night_at(now, USUAL_AT)
            ran.append(night)
            reported.add(night)
    assert len(ran) == len(set(ran))


@given(st.integers(1, 60), st.integers(0, 1439))
def test_while_the_clock_goes_on_every_night_runs_within_the_hour(kiosk: int, minute: int) -> None:
    reported: set[int] = set()
    for now in range(SINCE, SINCE + 7 * DAY, 600):
        if judged(Nights(SINCE, minute, reported), now, kiosk) is Verdict.RUN:
            assert now - begin_of(night_at(now, minute), minute) <= SPREAD + 600
            reported.add(night_at(now, minute))
    first = night_at(SINCE, minute) + 1
    assert reported == set(range(first, first + len(reported)))
    assert len(reported) in {6, 7}


def test_two_nights_without_a_report_are_missed_once_the_second_is_late() -> None:
    ended = at(2, "02:50")
    assert missed(SINCE, ended, at(4, "02:29"), USUAL_AT) == 1
    assert (
        missed(SINCE, ended, begin_of(night_at(at(4, "03:00"), USUAL_AT), USUAL_AT) + LATE - 1, USUAL_AT) == 1
    )
    assert missed(SINCE, ended, begin_of(night_at(at(4, "03:00"), USUAL_AT), USUAL_AT) + LATE, USUAL_AT) == 2
    assert missed(SINCE, None, at(2, "12:00"), USUAL_AT) == 1
    assert missed(SINCE, ended, at(1, "12:00"), USUAL_AT) == 0
    assert missed(SINCE, at(2, "15:00"), at(3, "05:00"), USUAL_AT) == 0


def test_a_run_waits_a_while_for_the_centre_and_longer_for_the_members() -> None:
    assert not postponed(0, offline=False, busy=False)
    assert postponed(0, offline=True, busy=False)
    assert not postponed(OFFLINE_PATIENCE, offline=True, busy=False)
    assert postponed(OFFLINE_PATIENCE, offline=True, busy=True)
    assert not postponed(DESK_PATIENCE, offline=True, busy=True)


def test_what_breaks_off_is_begun_again_less_and_less_often_but_always() -> None:
    pauses = [pause_after(failures) for failures in range(1, 12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (600, 4 * HOUR)


def test_the_due_night_is_at_most_one_behind_the_one_that_began() -> None:
    for minute in range(0, DAY, 60):
        now = at(5, "00:00") + minute
        assert night_at(now, USUAL_AT) - night_due(now, KIOSK, USUAL_AT) in {0, 1}
