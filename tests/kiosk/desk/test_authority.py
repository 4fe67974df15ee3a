from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kiosk.desk.authority import ServerTime, certificate_years, clock_fault
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.status import ClockFault
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import OrderKind
from kiosk.domain.policy import DAY, Policy
from kiosk.store.database import Database
from tests.support.desk import SESSION, DeskSetup

NOW = 1_000_000_000
POLICY = Policy(number=1, kiosk=3, valid_until=NOW + DAY)


def test_a_clock_behind_the_last_entry_is_not_believed() -> None:
    clock = FixedClock(NOW)
    server = ServerTime(NOW, 0, "boot")
    assert clock_fault(clock, NOW, server, POLICY) is None
    assert clock_fault(clock, NOW + 1, server, POLICY) is ClockFault.BEHIND_LAST_ENTRY


def test_within_one_boot_the_monotonic_clock_carries_the_signed_time_on() -> None:
    clock = FixedClock(NOW)
    clock.milliseconds = 5000
    server = ServerTime(NOW, 5000, "boot")
    clock.advance(30 * DAY)
    assert clock_fault(clock, NOW, server, POLICY) is None
    clock.now += POLICY.clock_deviation
    assert clock_fault(clock, NOW, server, POLICY) is None
    clock.now += 1
    assert clock_fault(clock, NOW, server, POLICY) is ClockFault.FAR_FROM_SERVER
    clock.now -= 2 * POLICY.clock_deviation + 2
    assert clock_fault(clock, NOW, server, POLICY) is ClockFault.FAR_FROM_SERVER


def test_after_a_start_only_a_clock_before_the_signed_time_is_known_to_be_wrong() -> None:
    server = ServerTime(NOW, 500, "another boot")
    assert clock_fault(FixedClock(NOW + DAY), None, server, POLICY) is None
    before = FixedClock(NOW - POLICY.clock_deviation - 1)
    assert clock_fault(before, None, server, POLICY) is ClockFault.FAR_FROM_SERVER
    assert clock_fault(FixedClock(NOW - POLICY.clock_deviation), None, server, POLICY) is None


def test_a_signed_time_is_as_old_as_the_older_of_the_two_clocks_says() -> None:
    slow, server = FixedClock(NOW), ServerTime(NOW, 0, "boot")
    slow.advance(POLICY.server_time_age + 300)
    slow.now -= 300
    assert clock_fault(slow, NOW, server, POLICY) is ClockFault.SERVER_TIME_TOO_OLD
    started = FixedClock(NOW + POLICY.server_time_age + 1, "after a start")
    assert clock_fault(started, NOW, server, POLICY) is ClockFault.SERVER_TIME_TOO_OLD


def test_a_signed_time_that_is_too_old_or_missing_stops_everything() -> None:
    clock = FixedClock(NOW)
    server = ServerTime(NOW, 0, "boot")
    clock.advance(POLICY.server_time_age)
    assert clock_fault(clock, NOW, server, POLICY) is None
    clock.advance(1)
    assert clock_fault(clock, NOW, server, POLICY) is ClockFault.SERVER_TIME_TOO_OLD
    assert clock_fault(clock, NOW, None, POLICY) is ClockFault.SERVER_TIME_TOO_OLD


def test_a_certificate_is_for_as_many_years_as_the_policy_says_and_for_one_without_a_policy(
    database: Database, give_policy: Callable[[Database, Policy], None]
) -> None:
    give_policy(database, Policy(2, 3, NOW + DAY, certificate_years=3))
    with database.read() as tx:
        assert certificate_years(tx) == 3
    give_policy(database, Policy(3, 4, NOW + DAY, certificate_years=3))
    with database.read() as tx:
        assert certificate_years(tx) == 1


def test_without_prices_nothing_is_offered_and_offline_the_age_of_the_feed_is_told(tmp_path: Path) -> None:
    setup = DeskSetup(tmp_path, priced=False)
    service, met = setup.open_service(), setup.clock.wall()
    assert service.quote(SESSION, OrderKind.NEW) == Refused(Refusal.NO_FEE_SCHEDULE)
    setup.clock.advance(200)
    assert service.quote(SESSION, OrderKind.NEW) == Refused(Refusal.NO_FEE_SCHEDULE, feed_as_of=met)
    setup.close()
