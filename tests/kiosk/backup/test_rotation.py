"""Which backups stay, and whose they are by their names."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from kiosk.backup.rotation import Keep, Kind, Owner, backup_name, dated_ahead, superfluous, time_in_name

OWNER = Owner(Kind.KIOSK, "3.1")
START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
LATER = int((START + timedelta(days=10_000)).timestamp())


def _names(times: list[datetime]) -> list[str]:
    return [backup_name(OWNER, int(time.timestamp())) for time in times]


def _nights(count: int) -> list[str]:
    return _names([START + timedelta(days=night) for night in range(count)])


def test_a_name_says_whose_it_is_and_when_it_was_made() -> None:
    name = backup_name(OWNER, 1780021800)
    assert name == "keydesk-kiosk-3.1-20260529T023000Z.age"
    assert time_in_name(OWNER, name) == 1780021800


@pytest.mark.parametrize(
    "name",
    [
        "keydesk-kiosk-3.2-20260529T023000Z.age",
        "keydesk-centre-3.1-20260529T023000Z.age",
        "keydesk-kiosk-3.1-20261329T023000Z.age",
        ".keydesk-kiosk-3.1-20260529T023000Z.age.abc.part",
        "keydesk-kiosk-3.1-20260529T023000Z.age~",
        "holiday.jpg",
    ],
)
def test_what_is_none_of_the_owners_backups_is_never_removed(name: str) -> None:
    assert time_in_name(OWNER, name) is None
    assert superfluous(OWNER, [name], Keep(0, 0, 0), "", LATER) == ()


def test_after_four_hundred_nights_seven_days_four_weeks_and_twelve_months_stay() -> None:
    names: list[str] = []
    for name in _nights(400):
        names.append(name)
        going = superfluous(OWNER, names, Keep(), name, LATER)
        names = [each for each in names if each not in going]
    times = [
        datetime.strptime(name.split("-")[3], "%Y%m%dT%H%M%SZ.age").replace(tzinfo=UTC) for name in names
    ]
    newest = times[-1]
    assert [time for time in times if newest - time < timedelta(days=7)] == times[-7:]
    assert len({time.isocalendar()[:2] for time in times}) >= 4
    assert len({(time.year, time.month) for time in times}) == 12
    assert len(names) <= 7 + 4 + 12


def test_the_one_just_proved_stays_whatever_is_configured_and_whatever_the_clock_says() -> None:
    names = _nights(30)
    oldest = names[0]
    assert oldest not in superfluous(OWNER, names, Keep(0, 0, 0), oldest, LATER)
    assert len(superfluous(OWNER, names, Keep(0, 0, 0), oldest, LATER)) == 29


def test_those_of_a_clock_that_was_years_ahead_push_out_none_and_stay() -> None:
    nights = _nights(7)
    ahead = _names([START + timedelta(days=4000 + 31 * month) for month in range(24)])
    now = int((START + timedelta(days=6)).timestamp())
    keep = Keep(days=7, weeks=0, months=0)
    assert superfluous(OWNER, [*nights, *ahead], keep, nights[-1], now) == ()
    assert dated_ahead(OWNER, [*nights, *ahead], now) == tuple(sorted(ahead))
    assert superfluous(OWNER, [*nights, *ahead], keep, ahead[0], now) == ()


def test_of_several_on_one_day_the_newest_stays() -> None:
    day = _names([START + timedelta(hours=hour) for hour in range(6)])
    assert superfluous(OWNER, day, Keep(), day[-1], LATER) == tuple(day[:-1])


@pytest.mark.parametrize("seed", range(20))
def test_a_newer_backup_never_goes_for_an_older_one_of_its_day(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - times, no secrets
    times = sorted(START + timedelta(minutes=chance.randrange(600_000)) for _ in range(60))
    names = _names(times)
    keep = Keep(chance.randrange(1, 9), chance.randrange(5), chance.randrange(13))
    going = set(superfluous(OWNER, names, keep, names[-1], LATER))
    stays = [name for name in names if name not in going]
    assert names[-1] in stays
    last_of_day = {time.date(): name for time, name in zip(times, names, strict=True)}
    assert set(stays) <= set(last_of_day.values())
    assert set(list(last_of_day.values())[-keep.days :]) <= set(stays)
