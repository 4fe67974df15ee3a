from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.validity import Validity, add_years, validity

INSTANTS = st.integers(1_600_000_000, 4_000_000_000)


def china(text: str) -> int:
    """Read a China time; the offset stands here again, so that the test does not lean on the code."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=8))).timestamp())


def test_the_guides_example_is_one_year_to_the_second() -> None:
    assert validity(china("2025-07-22 17:23:01"), None) == Validity(
        china("2025-07-22 17:23:01"), china("2026-07-22 17:23:01")
    )


def test_what_was_left_is_not_lost() -> None:
    now, old_end = china("2026-05-01 09:00:00"), china("2026-07-22 17:23:01")
    assert validity(now, old_end) == Validity(now, china("2027-07-22 17:23:01"))


def test_an_expired_predecessor_adds_nothing() -> None:
    now = china("2026-08-01 09:00:00")
    assert validity(now, china("2026-07-22 17:23:01")) == Validity(now, china("2027-08-01 09:00:00"))


@pytest.mark.parametrize(
    ("begin", "years", "end"),
    [
        ("2028-02-29 12:00:00", 1, "2029-02-28 12:00:00"),
        ("2028-02-29 00:00:00", 1, "2029-02-28 00:00:00"),
        ("2028-02-29 12:00:00", 4, "2032-02-29 12:00:00"),
        ("2096-02-29 12:00:00", 4, "2100-02-28 12:00:00"),
        ("2396-02-29 12:00:00", 4, "2400-02-29 12:00:00"),
        ("2027-02-28 23:59:59", 1, "2028-02-28 23:59:59"),
        ("2028-03-01 00:00:00", 1, "2029-03-01 00:00:00"),
    ],
)
def test_leap_days_in_china_time(begin: str, years: int, end: str) -> None:
    # At 00:00 on the 29th in China it is still the 28th in UTC: the day is China's.
    assert add_years(china(begin), years) == china(end)


@given(now=INSTANTS, old_end=st.none() | INSTANTS)
def test_a_year_is_added_to_the_later_of_the_two(now: int, old_end: int | None) -> None:
    given_validity = validity(now, old_end)
    begin = now if old_end is None else max(now, old_end)
    assert given_validity.start == now
    assert 365 <= (given_validity.end - begin) / 86_400 <= 366
    assert (given_validity.end - begin) % 86_400 == 0
    assert given_validity.contains(now)
    assert given_validity.contains(given_validity.end)
    assert not given_validity.contains(given_validity.end + 1)


@given(now=INSTANTS, earlier=INSTANTS, later=INSTANTS)
def test_a_longer_remainder_never_ends_sooner(now: int, earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))
    assert validity(now, earlier).end <= validity(now, later).end
