"""When a screen that nobody uses is wiped: a countdown first, then the end of the visit."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Counting(msgspec.Struct, frozen=True):
    """The screen will be wiped in so many seconds unless somebody touches it."""

    seconds: int


class Active(msgspec.Struct, frozen=True):
    """Somebody used the screen lately."""


class Over(msgspec.Struct, frozen=True):
    """Nobody did for too long."""


IdleState = Active | Counting | Over


class IdleWatch:
    """Counts the seconds since the last touch: `idle` of them quietly, then `countdown` of them aloud."""

    def __init__(self, idle: int, countdown: int, monotonic: Callable[[], float]) -> None:
        self._idle = idle
        self._countdown = countdown
        self._monotonic = monotonic
        self._touched = monotonic()

    def touch(self) -> None:
        """Somebody used the screen."""
        self._touched = self._monotonic()

    def state(self) -> IdleState:
        """Where the count stands."""
        still = self._monotonic() - self._touched
        if still < self._idle:
            return Active()
        left = self._idle + self._countdown - still
        if left <= 0:
            return Over()
        return Counting(int(left) + (left != int(left)))
