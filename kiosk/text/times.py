"""Times for people: records have UTC seconds since 1970, paper and screens show China time (UTC+8).

Nothing here raises, whatever the number.
"""

from __future__ import annotations

import datetime as dt
import re

from kiosk.domain.validity import CHINA_TIME

_MINUTE = 60
_HOUR = 60 * _MINUTE


_DIGITS = re.compile("%.")


def _worded(seconds: int, form: str) -> str:
    """The time in that form; question marks for one that no calendar has, such as a clock gone wild may have left."""
    try:
        return dt.datetime.fromtimestamp(seconds, CHINA_TIME).strftime(form)
    except (ValueError, OverflowError, OSError):
        return _DIGITS.sub(lambda part: "????" if part[0] == "%Y" else "??", form)


def moment(seconds: int) -> str:
    """To the second: `2025-07-22 17:23:01`."""
    return _worded(seconds, "%Y-%m-%d %H:%M:%S")


def minute(seconds: int) -> str:
    """Month, day and minute, for status bars and lists: `11-22 14:05`."""
    return _worded(seconds, "%m-%d %H:%M")


def hour(seconds: int) -> str:
    """Hour and minute, for what is within the hour: `14:05`."""
    return _worded(seconds, "%H:%M")


def day(seconds: int) -> str:
    """The day: `2027-03-01`."""
    return _worded(seconds, "%Y-%m-%d")


def period(start: int, end: int) -> str:
    """From and until, to the second: `2025-07-22 17:23:01 ~ 2026-07-22 17:23:01`."""
    return f"{moment(start)} ~ {moment(end)}"


def duration(seconds: int) -> str:
    """A length of time to count down or up: `14:32`, `2:14:32`; one that is over is `00:00`."""
    left = max(0, seconds)
    hours, rest = divmod(left, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
