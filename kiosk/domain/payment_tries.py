"""How often a confirmation may be typed: five real tries an order, doubling delays, twenty an hour at a kiosk.

A real try is one whose check digit was right and whose confirmation was wrong. After the last one typing is locked
for that order, which stays payable by scan, feed or desk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

TRIES_PER_ORDER = 5
TRIES_PER_HOUR = 20
HOUR = 3600

# Seconds to wait after the first, second, … wrong try of an order.
DELAYS = (0, 2, 4, 8)


class TryAllowed(msgspec.Struct, frozen=True):
    """The member may type now; `tries_left` counts this try."""

    tries_left: int


class TryLater(msgspec.Struct, frozen=True):
    """The member may type again from `at` on (UTC seconds); `whole_kiosk` when the hour's tries are used up."""

    at: int
    whole_kiosk: bool


class TypingLocked(msgspec.Struct, frozen=True):
    """No try is left for this order; it stays payable by scan, feed or desk."""


TriesVerdict = TryAllowed | TryLater | TypingLocked


def tries_verdict(order_tries: Sequence[int], kiosk_tries: Sequence[int], now: int) -> TriesVerdict:
    """Judge whether a confirmation may be typed now, from the times (UTC seconds) of the wrong tries before.

    `order_tries` are those of the order, `kiosk_tries` all of the kiosk's, those of the order among them. Those later
    than now were made before the clock was set right: they count among the order's five, but cause no delay.
    """
    used = len(order_tries)
    if used >= TRIES_PER_ORDER:
        return TypingLocked()
    recent = sorted(moment for moment in kiosk_tries if now - HOUR < moment <= now)
    if len(recent) >= TRIES_PER_HOUR:
        return TryLater(at=recent[-TRIES_PER_HOUR] + HOUR, whole_kiosk=True)
    if used:
        at = max((moment for moment in order_tries if moment <= now), default=0) + DELAYS[used - 1]
        if now < at:
            return TryLater(at=at, whole_kiosk=False)
    return TryAllowed(tries_left=TRIES_PER_ORDER - used)
