"""What members are promised: when a key is mailed, and when an invoice comes. Days are China's."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from kiosk.domain.validity import CHINA_TIME
from kiosk.domain.working_days import Calendar

DISPATCH_DAYS = 3
"""Working days from the payment to the day on which the key is mailed at the latest."""
INVOICE_DAYS = (5, 7)
"""Working days from the request to the invoice, at the least and at the most."""
INVOICING_CLOSES = 25
"""The day of a month on which invoicing pauses."""
INVOICING_GOES_ON = 5
"""The day of the next month from which it goes on, or the first working day after it."""

PROMISED = {
    "dispatch_days": str(DISPATCH_DAYS),
    "first_invoice_day": str(INVOICE_DAYS[0]),
    "last_invoice_day": str(INVOICE_DAYS[1]),
    "invoicing_closes": str(INVOICING_CLOSES),
    "invoicing_goes_on": str(INVOICING_GOES_ON),
}
"""All of it, by the names under which sentences have it."""


class DispatchPromise(msgspec.Struct, frozen=True):
    """A key is mailed on that day at the latest; not `certain` while a year's holidays are not announced."""

    by: date
    certain: bool


class InvoicePromise(msgspec.Struct, frozen=True):
    """An invoice comes between two days; one that was asked for in the pause waits until invoicing goes on.

    Not `certain` while a year's holidays are not announced.
    """

    earliest: date
    latest: date
    goes_on: date | None
    certain: bool


def china_day(moment: int) -> date:
    """Return the day in China of a time in UTC seconds."""
    return datetime.fromtimestamp(moment, UTC).astimezone(CHINA_TIME).date()


def dispatch_promise(paid_at: int, calendar: Calendar) -> DispatchPromise:
    """Return until when the key of an order that was paid then (UTC seconds) is mailed."""
    paid = china_day(paid_at)
    by = calendar.after(paid, DISPATCH_DAYS)
    return DispatchPromise(by, calendar.knows(paid, by))


def invoicing_goes_on(day: date, calendar: Calendar) -> date | None:
    """Return the day on which invoicing goes on; None on a day on which it does not pause."""
    months = day.year * 12 + day.month - 1 + (day.day >= INVOICING_CLOSES)
    goes_on = calendar.from_day(date(months // 12, months % 12 + 1, INVOICING_GOES_ON))
    return goes_on if goes_on > day else None


def invoice_promise(asked_at: int, calendar: Calendar) -> InvoicePromise:
    """Return when the invoice comes that was asked for then (UTC seconds)."""
    asked = china_day(asked_at)
    goes_on = invoicing_goes_on(asked, calendar)
    begin = asked if goes_on is None else goes_on
    earliest, latest = (calendar.after(begin, days) for days in INVOICE_DAYS)
    return InvoicePromise(earliest, latest, goes_on, calendar.knows(asked, latest))
