"""How long a certificate is valid: whole years in China time, added to what was left of the one before."""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, datetime, timedelta, timezone

import msgspec

CHINA_TIME = timezone(timedelta(hours=8), "CST")


class Validity(msgspec.Struct, frozen=True):
    """A period in UTC seconds since 1970; both ends belong to it."""

    start: int
    end: int

    def contains(self, now: int) -> bool:
        """Whether that second is within the period."""
        return self.start <= now <= self.end


LAST_MOMENT = 250_000_000_000
"""A time in UTC seconds to which the calendar can still add years; it is in the year 9892."""


def is_moment(instant: int) -> bool:
    """Whether years can be added to a time (UTC seconds)."""
    return 0 <= instant <= LAST_MOMENT


def add_years(instant: int, years: int) -> int:
    """Return the same date and time of day in China, years later (UTC seconds); 29 February becomes the 28th."""
    local = datetime.fromtimestamp(instant, UTC).astimezone(CHINA_TIME)
    day = 28 if (local.month, local.day) == (2, 29) and not isleap(local.year + years) else local.day
    return int(local.replace(year=local.year + years, day=day).timestamp())


def validity(now: int, old_end: int | None, years: int = 1) -> Validity:
    """Return the validity of a certificate issued now: from now to max(now, old end) and `years` more.

    All in UTC seconds; `old_end` is the predecessor's end, None without one.
    """
    begin = now if old_end is None else max(now, old_end)
    return Validity(start=now, end=add_years(begin, years))
