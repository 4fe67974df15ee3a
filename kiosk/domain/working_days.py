"""Working days in China: weekdays, but for holidays and the weekend days that are worked in exchange.

The State Council announces each year's in the autumn before; the years that are known stand below. A file names those of further years,
or corrects one (a TOML table for each, `read_calendar`). Of a year that nobody named, weekends alone are known to be free.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

from kiosk.domain.errors import DomainError

_SATURDAY = 5
_LONGEST_HOLIDAY = timedelta(days=31)
_DAY = timedelta(days=1)


class CalendarMalformed(DomainError):
    """A file that is no calendar."""


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is announced for a year: first and last day of each holiday, and the weekend days that are worked.

    A New Year's holiday may begin in the year before.
    """

    holidays: tuple[tuple[date, date], ...]
    working: tuple[date, ...]


class Calendar(msgspec.Struct, frozen=True):
    """Announcements by their year."""

    years: Mapping[int, Announcement]

    def knows(self, first: date, last: date) -> bool:
        """Whether every year from one day to another was announced."""
        return all(year in self.years for year in range(first.year, last.year + 1))

    def is_working(self, day: date) -> bool:
        """Whether people work on that day."""
        said = self.years.values()
        if any(day in each.working for each in said):
            return True
        free = any(first <= day <= last for each in said for first, last in each.holidays)
        return not free and day.weekday() < _SATURDAY

    def after(self, day: date, count: int) -> date:
        """Return the count-th working day after a day, which itself does not count."""
        for _ in range(count):
            day = self.from_day(day + _DAY)
        return day

    def from_day(self, day: date) -> date:
        """Return the first working day from a day on, itself included."""
        while not self.is_working(day):
            day += _DAY
        return day


def _announced(
    year: int, *holidays: tuple[int, int, int, int], working: tuple[tuple[int, int], ...]
) -> Announcement:
    """Month and day of each holiday's first and last day, and of each working weekend day."""
    return Announcement(
        tuple((date(year, *each[:2]), date(year, *each[2:])) for each in holidays),
        tuple(date(year, *each) for each in working),
    )


USUAL = Calendar(
    {
        2025: _announced(  # 国办发明电〔2024〕12号
            2025,
            (1, 1, 1, 1),
            (1, 28, 2, 4),
            (4, 4, 4, 6),
            (5, 1, 5, 5),
            (5, 31, 6, 2),
            (10, 1, 10, 8),
            working=((1, 26), (2, 8), (4, 27), (9, 28), (10, 11)),
        ),
        2026: _announced(  # 国办发明电〔2025〕7号
            2026,
            (1, 1, 1, 3),
            (2, 15, 2, 23),
            (4, 4, 4, 6),
            (5, 1, 5, 5),
            (6, 19, 6, 21),
            (9, 25, 9, 27),
            (10, 1, 10, 7),
            working=((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)),
        ),
    }
)
"""What was announced when this was written."""


def read_calendar(text: str) -> Calendar:
    """Return the usual calendar with the years of a file in place of its own. Raises CalendarMalformed.

    A table for each year: `[2027]`, `holidays = [[2027-01-01, 2027-01-03]]`, `working = [2027-01-09]`.
    """
    try:
        read = tomllib.loads(text)
        named = msgspec.convert(read, dict[int, Announcement], str_keys=True, builtin_types=(date,))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CalendarMalformed(str(error)) from error
    for year, said in named.items():
        _require_sense(year, said)
    return Calendar({**USUAL.years, **named})


def _require_sense(year: int, said: Announcement) -> None:
    for first, last in said.holidays:
        if not first <= last <= first + _LONGEST_HOLIDAY or last.year != year:
            raise CalendarMalformed(f"{year}: no holiday from {first} to {last}")
    for day in said.working:
        free = any(first <= day <= last for first, last in said.holidays)
        if day.weekday() < _SATURDAY or free or day.year not in {year, year - 1}:
            raise CalendarMalformed(f"{year}: {day} is no weekend day of the year that is worked")
