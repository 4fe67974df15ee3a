"""How long to wait after a failure (pure): twice as long each time, with jitter, and as long as the other end asked for.

Time and chance (a random number from 0 to 1) come in as arguments.
"""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 10.0
LONGEST_ASKED_SECONDS = 300.0
"""What is asked for beyond this is not believed: one answer with a large value would silence a kiosk for good."""


def pause(failures: int, chance: float) -> float:
    """Seconds to wait before the next try after so many failures in a row."""
    if failures == 0:
        return 0.0
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 10))
    return ceiling * (0.5 + 0.5 * chance)


def asked_pause(seconds: float, chance: float) -> float:
    """Seconds to wait when the other end asked for some: up to a fifth more, so that kiosks return one by one.

    Never more than five minutes; who asked for more is tried again a little before, one by one as well.
    """
    if seconds > LONGEST_ASKED_SECONDS:
        return LONGEST_ASKED_SECONDS * (1 - chance / 5)
    return min(max(seconds, 0.0) * (1 + chance / 5), LONGEST_ASKED_SECONDS)


def held(retry_at: int | None, now: float) -> bool:
    """Whether to wait for that time (UTC seconds) at `now`; not for one that is far, as after the clock was set back."""
    return retry_at is not None and now < retry_at <= now + LONGEST_ASKED_SECONDS + 1
