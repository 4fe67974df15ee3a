from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.lockouts import (
    ACCOUNT_RULE,
    KIOSK_RULE,
    LockoutRule,
    LockoutState,
    lockout_state,
    pause_before,
)

NOW = 1_000_000


def test_five_wrong_passwords_within_the_window_lock_for_a_quarter_of_an_hour() -> None:
    failures = [NOW - 600, NOW - 300, NOW - 200, NOW - 100, NOW]
    assert lockout_state(ACCOUNT_RULE, failures[:4], NOW).tries_left == 1
    assert lockout_state(ACCOUNT_RULE, failures, NOW).until == NOW + 900
    assert lockout_state(ACCOUNT_RULE, failures, NOW + 899).until == NOW + 900
    after = lockout_state(ACCOUNT_RULE, failures, NOW + 900)
    assert (after.until, after.tries_left) == (None, 5)


def test_five_spread_over_more_than_the_window_do_not_lock() -> None:
    failures = [NOW - 900, NOW - 300, NOW - 200, NOW - 100, NOW]
    assert lockout_state(ACCOUNT_RULE, failures, NOW).until is None


def test_after_twenty_at_one_kiosk_the_next_ones_are_slow_for_a_quarter_of_an_hour() -> None:
    failures = [NOW - moment for moment in range(20)]
    assert pause_before(KIOSK_RULE, failures[:19], NOW) == 0
    assert pause_before(KIOSK_RULE, failures, NOW) == KIOSK_RULE.pause > 0
    assert pause_before(KIOSK_RULE, failures, NOW - 19 + 899) == KIOSK_RULE.pause
    assert pause_before(KIOSK_RULE, failures, NOW - 19 + 900) == 0
    assert pause_before(KIOSK_RULE, [NOW + 86_400] * 30, NOW) == 0


def test_failures_count_for_a_quarter_of_an_hour_less_a_second() -> None:
    latest = [NOW] * (ACCOUNT_RULE.failures - 1)
    assert lockout_state(ACCOUNT_RULE, [NOW - 899, *latest], NOW).until is not None
    assert lockout_state(ACCOUNT_RULE, [NOW - 900, *latest], NOW).until is None
    assert lockout_state(ACCOUNT_RULE, [NOW - 899, NOW], NOW).tries_left == ACCOUNT_RULE.failures - 2
    assert lockout_state(ACCOUNT_RULE, [NOW - 900, NOW], NOW).tries_left == ACCOUNT_RULE.failures - 1


def test_failures_from_before_the_clock_was_set_back_do_not_lock() -> None:
    assert lockout_state(ACCOUNT_RULE, [NOW + 86_400] * 5, NOW).until is None


@given(st.lists(st.integers(NOW - 4000, NOW), max_size=30), st.integers(0, 4000))
def test_a_lock_always_ends_and_always_leaves_a_try(failures: list[int], later: int) -> None:
    here = lockout_state(ACCOUNT_RULE, failures, NOW + later)
    assert (here.until is None) == (here.tries_left > 0)
    assert here.until is None or NOW + later < here.until <= NOW + ACCOUNT_RULE.duration


def test_after_a_lock_there_is_one_try_before_the_next() -> None:
    rule = LockoutRule(failures=5, window=900, duration=300)
    assert lockout_state(rule, [NOW] * 5, NOW + 300) == LockoutState(None, 1)


def test_after_a_lock_that_ended_the_next_one_counts() -> None:
    failures = [*[NOW] * 5, *[NOW + 900] * 5]
    assert lockout_state(ACCOUNT_RULE, failures, NOW + 900).until == NOW + 1800
