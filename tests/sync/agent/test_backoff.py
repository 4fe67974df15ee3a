from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.agent.backoff import LONGEST_ASKED_SECONDS, LONGEST_SECONDS, asked_pause, held, pause

NOW = 1_795_327_500
CHANCE = st.floats(0, 1)


def test_nothing_is_waited_for_after_success() -> None:
    assert pause(0, 1.0) == 0.0


@given(st.integers(1, 2000), CHANCE)
def test_the_wait_grows_to_its_ceiling_and_never_beyond(failures: int, chance: float) -> None:
    seconds = pause(failures, chance)
    assert 0 < seconds <= LONGEST_SECONDS
    assert seconds <= pause(failures + 1, chance)


def test_two_kiosks_do_not_come_back_at_once() -> None:
    assert pause(8, 0.1) != pause(8, 0.9)
    assert asked_pause(100, 0.1) != asked_pause(100, 0.9)
    assert asked_pause(10**9, 0.1) != asked_pause(10**9, 0.9)


@given(st.floats(0, LONGEST_ASKED_SECONDS), CHANCE)
def test_what_is_asked_for_is_kept_in_full(seconds: float, chance: float) -> None:
    assert seconds <= asked_pause(seconds, chance) <= seconds * 1.2 + 1e-6


@given(st.floats(allow_nan=False), CHANCE)
def test_nobody_waits_longer_than_five_minutes(asked: float, chance: float) -> None:
    assert 0 <= asked_pause(asked, chance) <= 300


@pytest.mark.parametrize(
    ("retry_at", "waits"),
    [(None, False), (NOW - 1, False), (NOW, False), (NOW + 1, True), (NOW + 300, True), (NOW + 3600, False)],
)
def test_a_time_holds_until_it_comes_and_not_when_it_is_far(retry_at: int | None, *, waits: bool) -> None:
    assert held(retry_at, NOW) is waits
