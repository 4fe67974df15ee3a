"""The machine's clock; in the demo and in drills shifted by the seconds in a file."""

from __future__ import annotations

import time
from pathlib import Path

from kiosk.domain.validity import LAST_MOMENT

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The wall clock, the monotonic clock and this boot's name; `shift` is a file with seconds to add, if any."""

    def __init__(self, shift: Path | None = None) -> None:
        self._shift = shift
        self._boot = _BOOT.read_text().strip() if _BOOT.exists() else "unknown"

    def wall(self) -> int:
        """Now, in UTC seconds; the nearest end of what the calendar can say where the clock is beyond it.

        So no time that cannot be worded is written down. The centre's signed time tells that such a clock is wrong.
        """
        return min(max(0, int(time.time()) + self.shifted()), LAST_MOMENT)

    def monotonic(self) -> int:
        """Milliseconds since the boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def boot(self) -> str:
        """The name of this boot."""
        return self._boot

    def shifted(self) -> int:
        """The seconds added to the machine's clock; 0 without a file or a number in it."""
        if self._shift is None:
            return 0
        try:
            return int(self._shift.read_text())
        except (FileNotFoundError, ValueError):
            return 0
