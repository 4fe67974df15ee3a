"""Versions of the feed's rows, and the audiences that rows are for.

A version is the centre's incarnation and a stamp of 63 bits: 43 of milliseconds since 1970, then 20 that count. Stamps
rise within an audience; nobody compares one with a clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from kiosk.domain.identifiers import MAXIMUM_KIOSK, require_range
from kiosk.domain.policy import DAY

ALL = 0
"""The audience of every kiosk."""
MEMBERS = 1
"""The audience of the kiosks that serve all members."""
_FIRST_OF_KIOSK = 0x10000

COUNTER_BITS = 20
LARGEST_STAMP = 2**63 - 1
LARGEST_INCARNATION = 2**31 - 1
MAXIMUM_LEAP = 30 * DAY * 1000
"""How many milliseconds past the newest stamp a clock is still believed."""

_VERSION = re.compile(r"(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,18})")
_AUDIENCE = re.compile(r"[0-9]{1,10}")


class Version(msgspec.Struct, frozen=True, order=True, array_like=True):
    """When a row was written: a later incarnation's is later than all of an earlier one; `1.123456` as text."""

    incarnation: int
    stamp: int

    def __str__(self) -> str:
        """The text in queries and on pages."""
        return f"{self.incarnation}.{self.stamp}"


NO_VERSION = Version(0, 0)
"""Before the first."""


def parse_version(text: str) -> Version:
    """The version in its text. Raises ValueError."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"no version: {text}")
    version = Version(int(match[1]), int(match[2]))
    if not fits(version):
        raise ValueError(f"a version out of range: {text}")
    return version


def fits(version: Version) -> bool:
    """Whether a version's parts are in range."""
    return 0 <= version.incarnation <= LARGEST_INCARNATION and 0 <= version.stamp <= LARGEST_STAMP


def next_version(head: Version, incarnation: int, now: int, newest: int) -> Version:
    """The version after an audience's head; `now` is the clock in milliseconds since 1970.

    A clock that leaps more than `MAXIMUM_LEAP` past the `newest` stamp of any audience (0: none) is not followed. An
    audience that was told nothing for long does follow it: what comes next must lie past what a centre that was put
    back forgot.
    """
    clock, following = now << COUNTER_BITS, head.stamp + 1
    leaps = bool(newest) and clock - newest > MAXIMUM_LEAP << COUNTER_BITS
    return Version(incarnation, following if leaps else max(clock, following))


def audience_of_kiosk(kiosk: int) -> int:
    """The audience of one kiosk alone. Raises IdentifierOutOfRange."""
    require_range("kiosk", kiosk, 1, MAXIMUM_KIOSK)
    return _FIRST_OF_KIOSK + kiosk


def kiosk_of_audience(audience: int) -> int | None:
    """The kiosk whose own audience it is; None for one of many kiosks."""
    kiosk = audience - _FIRST_OF_KIOSK
    return kiosk if 1 <= kiosk <= MAXIMUM_KIOSK else None


def write_cursors(cursors: Mapping[int, Version]) -> str:
    """Cursors by audience as the text in a query: `0:1.123,65539:1.50`."""
    return ",".join(f"{audience}:{cursors[audience]}" for audience in sorted(cursors))


def parse_cursors(text: str) -> dict[int, Version]:
    """The cursors by audience in their text; empty for none. Raises ValueError."""
    found: dict[int, Version] = {}
    for part in text.split(",") if text else ():
        audience, _, version = part.partition(":")
        if _AUDIENCE.fullmatch(audience) is None:
            raise ValueError(f"no audience: {audience}")
        found[int(audience)] = parse_version(version)
    return found
