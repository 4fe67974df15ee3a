from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.agent.line.pace import LEAST_BYTES_A_SECOND, LONGEST_SECONDS, Pace
from sync.protocol.batches import MAXIMUM_PACKED

WAITS = st.floats(0.01, 5)


def test_silence_ends_when_the_patience_is_used_up() -> None:
    pace = Pace(15.0, 0.0)
    pace.spend(14.0, 0)
    assert pace.left > 0
    pace.spend(1.0, 0)
    assert pace.left <= 0


@given(st.lists(WAITS, min_size=1), st.integers(0, 10**9))
def test_a_drip_ends_as_silence_does_whatever_came_before(waits: list[float], before: int) -> None:
    pace, silent = Pace(15.0, 0.0), Pace(15.0, 0.0)
    pace.spend(1.0, before)
    for each in waits:
        pace.spend(each, 1)
        silent.spend(each, 0)
    assert pace.left <= silent.left + len(waits) / LEAST_BYTES_A_SECOND + 1e-6


@given(st.lists(WAITS), st.floats(1, 100))
def test_a_line_at_the_least_rate_is_waited_for(waits: list[float], times: float) -> None:
    pace = Pace(15.0, 0.0)
    for each in waits:
        pace.spend(each, int(each * times * LEAST_BYTES_A_SECOND) + 1)
    assert pace.left > 0


def test_even_a_steady_exchange_ends_but_not_before_the_largest_batch_went_at_the_least_rate() -> None:
    pace = Pace(15.0, 100.0)
    assert not pace.over(100.0 + MAXIMUM_PACKED / LEAST_BYTES_A_SECOND)
    assert pace.over(100.0 + 15.0 + LONGEST_SECONDS)
