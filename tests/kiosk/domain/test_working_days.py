"""The days that the State Council announced, and those that a file names."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.working_days import USUAL, CalendarMalformed, read_calendar

NEXT_YEAR = """
[2027]
holidays = [[2027-01-01, 2027-01-03], [2027-02-05, 2027-02-11]]
working = [2027-02-13]
"""
# How many days of each year people work, and the weekend days among them.
ANNOUNCED = {
    2025: (248, "01-26 02-08 04-27 09-28 10-11"),
    2026: (248, "01-04 02-14 02-28 05-09 09-20 10-10"),
}


def days(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [day for each in range(366) if (day := first + timedelta(days=each)).year == year]


@pytest.mark.parametrize("year", ANNOUNCED)
def test_the_years_are_as_they_were_announced(year: int) -> None:
    count, weekend = ANNOUNCED[year]
    working = [day for day in days(year) if USUAL.is_working(day)]
    assert len(working) == count
    assert [f"{day:%m-%d}" for day in working if day.weekday() >= 5] == weekend.split()


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-02-14", "works"),  # a Saturday
        ("2026-02-15", "free"),
        ("2026-02-23", "free"),  # a Monday
        ("2026-02-24", "works"),
        ("2026-02-28", "works"),  # a Saturday
        ("2026-03-01", "free"),
        ("2026-09-30", "works"),
        ("2026-10-01", "free"),
        ("2026-10-08", "works"),
        ("2026-11-28", "free"),
        ("2026-11-30", "works"),
    ],
)
def test_holidays_and_the_days_worked_in_exchange(day: str, works: str) -> None:
    assert USUAL.is_working(date.fromisoformat(day)) is (works == "works")


def test_of_a_year_that_nobody_named_weekends_alone_are_free() -> None:
    assert USUAL.is_working(date(2030, 1, 1))
    assert not USUAL.is_working(date(2030, 1, 5))
    assert not USUAL.is_working(date(2030, 1, 6))
    assert USUAL.knows(date(2025, 1, 1), date(2026, 12, 31))
    assert not USUAL.knows(date(2026, 12, 31), date(2027, 1, 1))
    assert not USUAL.knows(date(2024, 12, 31), date(2025, 1, 1))


def test_days_are_counted_over_a_holiday() -> None:
    assert USUAL.after(date(2026, 2, 13), 1) == date(2026, 2, 14)
    assert USUAL.after(date(2026, 2, 14), 1) == date(2026, 2, 24)
    assert USUAL.after(date(2026, 2, 15), 0) == date(2026, 2, 15)
    assert USUAL.from_day(date(2026, 2, 15)) == date(2026, 2, 24)
    assert USUAL.from_day(date(2026, 2, 24)) == date(2026, 2, 24)


@given(st.dates(date(2025, 1, 1), date(2026, 12, 1)), st.integers(1, 10))
def test_so_many_days_are_worked_after_a_day(day: date, count: int) -> None:
    last = USUAL.after(day, count)
    between = [day + timedelta(days=each) for each in range(1, (last - day).days + 1)]
    assert sum(map(USUAL.is_working, between)) == count
    assert USUAL.is_working(last)


def test_a_file_names_a_further_year_and_keeps_the_others() -> None:
    calendar = read_calendar(NEXT_YEAR)
    assert calendar.knows(date(2025, 1, 1), date(2027, 12, 31))
    assert not calendar.is_working(date(2027, 2, 5))
    assert not calendar.is_working(date(2027, 2, 11))
    assert calendar.is_working(date(2027, 2, 12))
    assert calendar.is_working(date(2027, 2, 13))
    assert not calendar.is_working(date(2027, 2, 14))
    assert calendar.is_working(date(2026, 10, 10))


def test_a_file_corrects_a_year() -> None:
    calendar = read_calendar("[2026]\nholidays = [[2026-11-30, 2026-11-30]]\nworking = []\n")
    assert not calendar.is_working(date(2026, 11, 30))
    assert calendar.is_working(date(2026, 10, 1))


def test_a_new_years_holiday_may_begin_in_the_year_before() -> None:
    calendar = read_calendar("[2027]\nholidays = [[2026-12-31, 2027-01-02]]\nworking = [2026-12-27]\n")
    assert not calendar.is_working(date(2026, 12, 31))
    assert calendar.is_working(date(2026, 12, 27))


def test_an_empty_file_changes_nothing() -> None:
    assert read_calendar("# nothing yet\n") == USUAL


def test_a_holiday_may_last_a_month_and_no_longer() -> None:
    assert read_calendar("[2027]\nholidays = [[2027-01-01, 2027-02-01]]\nworking = []\n")
    with pytest.raises(CalendarMalformed):
        read_calendar("[2027]\nholidays = [[2027-01-01, 2027-02-02]]\nworking = []\n")


@pytest.mark.parametrize(
    "text",
    [
        "[2027",
        "year = 2027",
        "[next]\nholidays = []\nworking = []",
        "[2027]\nholidays = []",
        "[2027]\nholidays = [2027-01-01]\nworking = []",
        '[2027]\nholidays = [["2027-01-01", "soon"]]\nworking = []',
        "[2027]\nholidays = []\nworking = []\nfree = []",
        "[2027]\nholidays = [[2027-01-03, 2027-01-01]]\nworking = []",
        "[2027]\nholidays = [[2028-01-01, 2028-01-03]]\nworking = []",
        "[2027]\nholidays = []\nworking = [2027-02-12]",  # a Friday
        "[2027]\nholidays = []\nworking = [2025-12-27]",
        "[2027]\nholidays = []\nworking = [2028-01-01]",
        "[2027]\nholidays = [[2027-01-01, 2027-01-03]]\nworking = [2027-01-02]",
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(CalendarMalformed):
        read_calendar(text)
