"""How long to wait after a failure: twice as long each time, with jitter, and never less than the centre asked for.

`failed` and `pause` are pure: time and chance come in as arguments.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from hardware.disk import write_durably

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 10.0
LONGEST_ASKED_SECONDS = 3600.0


class Backoff(msgspec.Struct, frozen=True):
    """How many requests failed in a row, and the time that the centre asked for (`not_before`, UTC seconds)."""

    failures: int = 0
    not_before: float = 0.0


def failed(backoff: Backoff, now: float, retry_after: float | None = None) -> Backoff:
    """The state after one more failure at `now` (UTC seconds); `retry_after` in seconds when the centre gave one."""
    asked = 0.0 if retry_after is None else now + min(max(retry_after, 0.0), LONGEST_ASKED_SECONDS)
    return Backoff(backoff.failures + 1, max(backoff.not_before, asked))


def pause(backoff: Backoff, now: float, chance: float) -> float:
    """Seconds to wait at `now` (UTC seconds) before the next try; `chance` is a random number from 0 to 1.

    A time that the centre asked for is waited for in full, and up to a fifth longer, so that kiosks return one by one.
    """
    if backoff.failures == 0 and backoff.not_before <= now:
        return 0.0
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(backoff.failures - 1, 10))
    own = ceiling * (0.5 + 0.5 * chance) if backoff.failures else 0.0
    # After a clock was set back the kiosk must not wait for ever.
    asked = min(max(backoff.not_before - now, 0.0), LONGEST_ASKED_SECONDS)
    return max(own, asked * (1 + chance / 5))


class NotBeforeFile:
    """The time before which the centre wants no request, kept across restarts in the data directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "sync-not-before"

    def load(self) -> float:
        """The time in UTC seconds; 0 without a file, or with one that holds no number. Raises OSError."""
        try:
            return float(self._file.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0.0

    def save(self, not_before: float) -> None:
        """Keep a time (UTC seconds); 0 removes the file. Raises OSError."""
        if not_before:
            write_durably(self._file, f"{not_before:.0f}\n".encode("ascii"))
        else:
            self._file.unlink(missing_ok=True)
