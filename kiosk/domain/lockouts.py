"""How often a password may be tried: so many wrong ones lock an account, or make every further try slow."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

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


class SlowingRule(msgspec.Struct, frozen=True):
    """After so many wrong passwords within `window` seconds each further try, right or wrong, waits `pause` seconds first."""

    failures: int
    window: int
    pause: int


ACCOUNT_RULE = LockoutRule(failures=5, window=15 * MINUTE, duration=15 * MINUTE)
KIOSK_RULE = SlowingRule(failures=20, window=15 * MINUTE, pause=10)


class LockoutState(msgspec.Struct, frozen=True):
    """One scope's lock-out: `until` when locked, else None; `tries_left` before the next one."""

    until: int | None
    tries_left: int


def lockout_state(rule: LockoutRule, failures: Sequence[int], now: int) -> LockoutState:
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
        return LockoutState(until, 0)
    return LockoutState(None, max(1, rule.failures - len(recent)))


def pause_before(rule: SlowingRule, failures: Sequence[int], now: int) -> int:
    """How long (seconds) the next try waits, by the times of the failures; those later than now count for nothing."""
    recent = [moment for moment in failures if now - rule.window < moment <= now]
    return rule.pause if len(recent) >= rule.failures else 0
