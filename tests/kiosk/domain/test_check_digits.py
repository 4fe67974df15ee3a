from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.base32 import check_digit, check_digit_matches

DIGITS = st.text(alphabet="0123456789", min_size=1, max_size=30)


def test_the_standards_own_example() -> None:
    assert check_digit("0794") == "5"  # ISO 7064, MOD 11,10: 0794 gives 07945
    assert check_digit_matches("07945")


@given(digits=DIGITS, data=st.data())
def test_every_single_wrong_digit_is_caught(digits: str, data: st.DataObject) -> None:
    whole = digits + check_digit(digits)
    position = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != whole[position]]))
    assert check_digit_matches(whole)
    assert not check_digit_matches(whole[:position] + other + whole[position + 1 :])


@pytest.mark.parametrize("text", ["", "12a", "１２", "²", " 1", "-1"])
def test_what_is_not_decimal_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="decimal digits"):
        check_digit(text)
