from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.text import times

ISSUED = 1753176181
ENDS = 1784712181


def test_times_are_shown_in_china_time() -> None:
    assert times.moment(ISSUED) == "2025-07-22 17:23:01"
    assert times.minute(ISSUED) == "07-22 17:23"
    assert times.day(ISSUED) == "2025-07-22"
    assert times.period(ISSUED, ENDS) == "2025-07-22 17:23:01 ~ 2026-07-22 17:23:01"


@given(st.integers(min_value=1_000_000_000, max_value=4_000_000_000))
def test_the_zone_database_agrees(seconds: int) -> None:
    shanghai = dt.datetime.fromtimestamp(seconds, ZoneInfo("Asia/Shanghai"))
    assert times.moment(seconds) == shanghai.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(872, "14:32"), (0, "00:00"), (-3, "00:00"), (3599, "59:59"), (3600, "1:00:00"), (7954, "2:12:34")],
)
def test_durations(seconds: int, shown: str) -> None:
    assert times.duration(seconds) == shown


@given(st.integers())
def test_no_number_keeps_a_time_from_being_worded(seconds: int) -> None:
    worded = (times.moment(seconds), times.day(seconds), times.minute(seconds), times.hour(seconds))
    assert all(worded)
    assert times.duration(seconds)


@pytest.mark.parametrize("seconds", [300_000_000_000, 99_999_999_999_999, -(10**14), 1 << 63, 1 << 200])
def test_a_time_that_no_calendar_has_is_shown_as_such(seconds: int) -> None:
    assert times.moment(seconds) == "????-??-?? ??:??:??"
    assert times.day(seconds) == "????-??-??"
    assert times.minute(seconds) == "??-?? ??:??"
    assert times.hour(seconds) == "??:??"
