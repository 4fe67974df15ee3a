"""Dispatch within 3 working days, invoices in 5 to 7, none from the 25th to the 5th."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from kiosk.domain.promises import (
    china_day,
    dispatch_promise,
    invoice_promise,
    invoicing_goes_on,
)
from kiosk.domain.working_days import USUAL


def china(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=8))).timestamp())


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("paid", "by"),
    [
        ("2026-11-30 09:00", "2026-12-03"),
        ("2026-11-27 23:59", "2026-12-02"),  # a Friday
        ("2026-11-28 00:00", "2026-12-02"),  # the Saturday after
        ("2026-02-13 12:00", "2026-02-25"),  # the Spring Festival lies between
        ("2026-09-29 12:00", "2026-10-09"),
    ],
)
def test_a_key_is_mailed_within_three_working_days(paid: str, by: str) -> None:
    promise = dispatch_promise(china(paid), USUAL)
    assert (promise.by, promise.certain) == (day(by), True)


def test_a_promise_into_a_year_without_an_announcement_is_not_certain() -> None:
    promise = dispatch_promise(china("2026-12-30 12:00"), USUAL)
    assert (promise.by, promise.certain) == (day("2027-01-04"), False)
    assert not invoice_promise(china("2026-12-24 12:00"), USUAL).certain
    assert invoice_promise(china("2026-12-14 12:00"), USUAL).certain


@pytest.mark.parametrize(
    ("asked", "earliest", "latest"),
    [
        ("2026-11-05 00:00", "2026-11-12", "2026-11-16"),
        ("2026-11-24 23:59", "2026-12-01", "2026-12-03"),
        ("2026-09-14 12:00", "2026-09-20", "2026-09-22"),  # a Sunday is worked
    ],
)
def test_an_invoice_comes_in_five_to_seven_working_days(asked: str, earliest: str, latest: str) -> None:
    promise = invoice_promise(china(asked), USUAL)
    assert (promise.earliest, promise.latest, promise.goes_on) == (day(earliest), day(latest), None)


@pytest.mark.parametrize(
    ("asked", "goes_on"),
    [
        ("2026-10-24", None),
        ("2026-10-25", "2026-11-05"),
        ("2026-11-04", "2026-11-05"),
        ("2026-11-05", None),
        ("2026-11-25", "2026-12-07"),  # the 5th is a Saturday
        ("2026-11-30", "2026-12-07"),
        ("2026-12-01", "2026-12-07"),
        ("2026-12-05", "2026-12-07"),
        ("2026-12-06", "2026-12-07"),
        ("2026-12-07", None),
        ("2026-10-07", "2026-10-08"),
        ("2026-12-25", "2027-01-05"),
        ("2027-01-01", "2027-01-05"),
        ("2026-09-30", "2026-10-08"),  # the 5th is within the National Day's holiday
        ("2026-05-01", "2026-05-06"),
    ],
)
def test_invoicing_pauses_at_the_end_of_each_month(asked: str, goes_on: str | None) -> None:
    assert invoicing_goes_on(day(asked), USUAL) == (goes_on and day(goes_on))


def test_a_request_in_the_pause_waits_and_is_told_so() -> None:
    promise = invoice_promise(china("2026-11-30 19:00"), USUAL)
    assert promise.goes_on == day("2026-12-07")
    assert (promise.earliest, promise.latest) == (day("2026-12-14"), day("2026-12-16"))


def test_whoever_asks_earlier_is_promised_nothing_later() -> None:
    days = (date(2026, 1, 1) + timedelta(days) for days in range(360))
    promised = [invoice_promise(china(f"{each} 12:00"), USUAL) for each in days]
    assert promised == sorted(promised, key=lambda each: (each.earliest, each.latest))


def test_days_are_those_of_china() -> None:
    assert china_day(china("2026-11-30 00:00")) == day("2026-11-30")
    assert china_day(china("2026-11-30 23:59")) == day("2026-11-30")
