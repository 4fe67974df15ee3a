from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.payment_tries import TryAllowed, TryLater, TypingLocked, tries_verdict

NOW = 1_795_000_000


@pytest.mark.parametrize(("used", "delay"), [(2, 2), (3, 4), (4, 8)])
def test_delays_double_from_the_second_wrong_try(used: int, delay: int) -> None:
    tries = [NOW - 100] * (used - 1) + [NOW]
    assert tries_verdict(tries, tries, NOW) == TryLater(at=NOW + delay, whole_kiosk=False)
    assert tries_verdict(tries, tries, NOW + delay - 1) == TryLater(at=NOW + delay, whole_kiosk=False)
    assert tries_verdict(tries, tries, NOW + delay) == TryAllowed(tries_left=5 - used)


def test_the_first_two_tries_wait_for_nothing() -> None:
    assert tries_verdict((), (), NOW) == TryAllowed(tries_left=5)
    assert tries_verdict((NOW,), (NOW,), NOW) == TryAllowed(tries_left=4)


def test_after_five_wrong_tries_typing_is_locked_for_good() -> None:
    tries = [NOW - 10] * 5
    assert tries_verdict(tries, tries, NOW) == TypingLocked()
    assert tries_verdict(tries, tries, NOW + 10**8) == TypingLocked()


def test_twenty_tries_an_hour_at_one_kiosk() -> None:
    kiosk = [NOW - 3000 + number for number in range(20)]
    assert tries_verdict((), kiosk[:19], NOW) == TryAllowed(tries_left=5)
    assert tries_verdict((), kiosk, NOW) == TryLater(at=NOW + 600, whole_kiosk=True)
    assert tries_verdict((), kiosk, NOW + 600) == TryAllowed(tries_left=5)
    # where more were made than may be, the twentieth from the end counts
    crowded = [*kiosk, NOW - 100, NOW - 50]
    assert tries_verdict((), crowded, NOW) == TryLater(at=NOW + 602, whole_kiosk=True)


def test_tries_from_before_the_clock_was_set_back_keep_nobody_waiting_and_count_all_the_same() -> None:
    late = [NOW + 10**7 + number for number in range(20)]
    assert tries_verdict((), late, NOW) == TryAllowed(tries_left=5)
    assert tries_verdict(late[:4], late, NOW) == TryAllowed(tries_left=1)
    assert tries_verdict((*late[:2], NOW), late, NOW) == TryLater(at=NOW + 4, whole_kiosk=False)
    assert tries_verdict(late[:5], late, NOW) == TypingLocked()


def test_a_locked_order_is_told_before_the_kiosks_limit() -> None:
    tries = [NOW] * 20
    assert tries_verdict(tries[:5], tries, NOW) == TypingLocked()


@given(
    order=st.lists(st.integers(NOW - 4000, NOW), max_size=6),
    others=st.lists(st.integers(NOW - 4000, NOW), max_size=25),
)
def test_whoever_waits_as_told_is_let_in(order: list[int], others: list[int]) -> None:
    kiosk = order + others
    moment = NOW
    for _ in range(3):
        verdict = tries_verdict(order, kiosk, moment)
        if not isinstance(verdict, TryLater):
            break
        assert verdict.at > moment
        moment = verdict.at
    assert not isinstance(verdict, TryLater)
    assert isinstance(verdict, TypingLocked) == (len(order) >= 5)


def test_the_twentieth_try_counts_from_the_second_in_which_it_is_made() -> None:
    assert tries_verdict((), [NOW] * 20, NOW) == TryLater(at=NOW + 3600, whole_kiosk=True)
