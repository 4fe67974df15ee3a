"""Whether the clock can be believed: nothing is ordered or issued while it cannot.

The clock must not be behind the last journal entry, nor behind any that the centre does not have yet: what is noted
while it is wrong does not make it right. Nor must it be further from the last time that the centre signed than the
policy allows. Since then the monotonic clock has counted, as long as the machine was not started again; after a start
only a wall clock before the signed time is known to be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.views import ClockTrouble

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.domain.policy import Policy


class ServerTime(msgspec.Struct, frozen=True):
    """The last time that the centre signed (UTC seconds), and this machine's monotonic clock (ms) and boot then."""

    time: int
    monotonic: int
    boot: str


def clock_trouble(
    clock: Clock, last_entry: int | None, server: ServerTime | None, policy: Policy
) -> ClockTrouble | None:
    """What is wrong with the clock, if anything; `last_entry` is the latest of those entries' wall times (UTC seconds)."""
    now = clock.wall()
    if last_entry is not None and now < last_entry:
        return ClockTrouble.BEHIND_LAST_ENTRY
    if server is None:
        return ClockTrouble.SERVER_TIME_TOO_OLD
    if clock.boot() == server.boot:
        elapsed = max(0, clock.monotonic() - server.monotonic) // 1000
        deviates = abs(now - (server.time + elapsed)) > policy.clock_deviation
    else:
        elapsed = 0
        deviates = now < server.time - policy.clock_deviation
    if deviates:
        return ClockTrouble.FAR_FROM_SERVER
    if max(now - server.time, elapsed) > policy.server_time_age:
        return ClockTrouble.SERVER_TIME_TOO_OLD
    return None
