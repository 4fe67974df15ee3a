"""The time, as an argument: wall clock, monotonic clock and the boot they belong to."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """A source of time."""

    def wall(self) -> int:
        """Now, in UTC seconds."""
        ...

    def monotonic(self) -> int:
        """Milliseconds since the boot."""
        ...

    def boot(self) -> str:
        """The name of this boot."""
        ...


class FixedClock:
    """A clock that is moved by hand, for replaying and tests."""

    def __init__(self, wall: int, boot: str = "boot") -> None:
        self.now = wall
        self.milliseconds = 0
        self._boot = boot

    def wall(self) -> int:
        """Now, in UTC seconds."""
        return self.now

    def monotonic(self) -> int:
        """Milliseconds since the boot."""
        return self.milliseconds

    def boot(self) -> str:
        """The name of this boot."""
        return self._boot

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds
        self.milliseconds += 1000 * seconds
