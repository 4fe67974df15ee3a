"""How long wrong passwords lock an account, and a whole kiosk's sign-in. Pure: times in UTC seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE = 60


class LockoutRule(msgspec.Struct, frozen=True):
    """So many wrong passwords within `window` seconds lock for `duration` seconds."""

    failures: int
    window: int
    duration: int

    @property
    def memory(self) -> int:
        """How far back (seconds) failures still matter."""
        return self.window + self.duration


ACCOUNT_RULE = LockoutRule(failures=5, window=15 * MINUTE, duration=15 * MINUTE)
KIOSK_RULE = LockoutRule(failures=20, window=15 * MINUTE, duration=5 * MINUTE)


class Standing(msgspec.Struct, frozen=True):
    """Where someone stands: `until` when locked, else None; `tries_left` before the next lock."""

    until: int | None
    tries_left: int


def standing(rule: LockoutRule, failures: Sequence[int], now: int) -> Standing:
    """Judge by the times of the failures; no failure is recorded while locked.

    Those later than now were recorded before the clock was set back, and count for nothing.
    """
    ordered = sorted(moment for moment in failures if moment <= now)
    locked_at = [
        moment
        for place, moment in enumerate(ordered)
        if place + 1 >= rule.failures and ordered[place + 1 - rule.failures] > moment - rule.window
    ]
    until = locked_at[-1] + rule.duration if locked_at else None
    recent = [moment for moment in ordered if moment > now - rule.window]
    if until is not None and now < until:
        return Standing(until, 0)
    return Standing(None, max(1, rule.failures - len(recent)))
