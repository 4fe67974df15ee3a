"""The names of backups, and which of them stay (pure).

    keydesk-kiosk-3.1-20261130T023000Z.age      kiosk 3, its first machine, UTC

Names of other kinds, kiosks or machines beside them are none of ours.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

_NAME = re.compile(r"keydesk-(kiosk|centre)-([a-z0-9.]+)-([0-9]{8}T[0-9]{6}Z)\.age")
_TIME = "%Y%m%dT%H%M%SZ"
AHEAD = 86_400
"""How many seconds after now a time is still believed; one that is later comes from a clock that was wrong."""


class Kind(enum.StrEnum):
    """Whose backup it is."""

    KIOSK = "kiosk"
    CENTRE = "centre"


class Owner(NamedTuple):
    """Whose backups are rotated together; `identity` of small letters, digits and dots."""

    kind: Kind
    identity: str


class Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many stay: the newest one of that many days, weeks and months that have any (UTC)."""

    days: int = 7
    weeks: int = 4
    months: int = 12


class _Dated(NamedTuple):
    made: datetime
    name: str


_PERIODS: tuple[Callable[[datetime], Hashable], ...] = (
    lambda time: time.date(),
    lambda time: time.isocalendar()[:2],
    lambda time: (time.year, time.month),
)


def backup_name(owner: Owner, made: int) -> str:
    """The name of a backup that was made then (UTC seconds)."""
    return f"keydesk-{owner.kind}-{owner.identity}-{datetime.fromtimestamp(made, UTC).strftime(_TIME)}.age"


def time_in_name(owner: Owner, name: str) -> int | None:
    """When the owner's backup of that name was made (UTC seconds); None for a name of anything else."""
    found = _NAME.fullmatch(name)
    if found is None or (found[1], found[2]) != (owner.kind.value, owner.identity):
        return None
    try:
        return int(datetime.strptime(found[3], _TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def is_ahead(made: int, now: int) -> bool:
    """Whether that time lies in the future (both UTC seconds), by more than clocks and zones differ."""
    return made > now + AHEAD


def dated_ahead(owner: Owner, names: Iterable[str], now: int) -> tuple[str, ...]:
    """The owner's backups among these names whose time lies in the future."""
    times = ((time_in_name(owner, name), name) for name in names)
    return tuple(sorted(name for made, name in times if made is not None and is_ahead(made, now)))


def superfluous(owner: Owner, names: Iterable[str], keep: Keep, written: str, now: int) -> tuple[str, ...]:
    """Which of these names may go, oldest first; never `written`, the one that was proved just now.

    All of them are of the one store that writes now, so that the newest has what the others have. Periods are counted among
    those that have a backup; what is dated later than `now` (UTC seconds) stays, and is counted in none.
    """
    times = ((time_in_name(owner, name), name) for name in names)
    dated = sorted(
        (
            _Dated(datetime.fromtimestamp(made, UTC), name)
            for made, name in times
            if made is not None and not is_ahead(made, now)
        ),
        reverse=True,
    )
    kept = {written}
    for period, count in zip(_PERIODS, (keep.days, keep.weeks, keep.months), strict=True):
        newest: dict[Hashable, str] = {}
        for made, name in dated:
            newest.setdefault(period(made), name)
        kept.update(list(newest.values())[: max(count, 0)])
    return tuple(name for _, name in reversed(dated) if name not in kept)
