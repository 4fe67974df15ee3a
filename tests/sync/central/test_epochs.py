"""Which epochs and machines an incarnation leaves out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.central.fleet.epochs import LAST, MARGIN, past

_BITS = st.binary(min_size=8, max_size=8)


@given(st.integers(0, LAST // 2), _BITS)
def test_at_least_the_margin_is_left_out(before: int, bits: bytes) -> None:
    assert past(before, bits) >= before + MARGIN


@given(st.lists(_BITS, min_size=1, max_size=400))
def test_however_often_a_centre_is_put_back_numbers_remain(lives: list[bytes]) -> None:
    number = 0
    for bits in lives:
        left_out = past(number, bits)
        assert number < left_out < LAST or number == LAST - 1
        number = left_out


def test_two_incarnations_leave_out_different_numbers() -> None:
    assert len({past(1, each.to_bytes(8)) for each in range(1000)}) == 1000
