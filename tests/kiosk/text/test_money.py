from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.text.money import capitals, with_currency, yuan

FIGURES = "零壹贰叁肆伍陆柒捌玖"
SMALL = {"拾": 10, "佰": 100, "仟": 1000}
LARGE = {"万": 10_000, "亿": 100_000_000}


def read_capitals(text: str) -> int:
    """An amount in capitals as fen, read by the grammar of vouchers."""
    whole, section, figure, fen = 0, 0, 0, 0
    for character in text.removesuffix("整"):
        if character in FIGURES:
            figure = FIGURES.index(character)
        elif character in SMALL:
            section, figure = section + figure * SMALL[character], 0
        elif character in LARGE:
            whole, section, figure = (whole + section + figure) * LARGE[character], 0, 0
        elif character == "元":
            fen, whole, section, figure = (whole + section + figure) * 100, 0, 0, 0
        else:
            fen, figure = fen + figure * {"角": 10, "分": 1}[character], 0
    return fen


@pytest.mark.parametrize(
    ("fen", "figures"),
    [(34000, "340.00"), (5, "0.05"), (0, "0.00"), (-23050, "-230.50"), (123456789, "1234567.89")],
)
def test_fen_become_yuan(fen: int, figures: str) -> None:
    assert yuan(fen) == figures


def test_the_currency_stands_between_minus_and_figures() -> None:
    assert with_currency(34000) == "￥340.00"
    assert with_currency(-34000) == "-￥340.00"


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (34000, "叁佰肆拾元整"),
        (23000, "贰佰叁拾元整"),
        (1005, "壹拾元零伍分"),
        (100_000_000, "壹佰万元整"),
        (0, "零元整"),
        (50, "伍角"),
    ],
)
def test_capitals_as_on_vouchers(fen: int, words: str) -> None:
    assert capitals(fen).removesuffix("整") == words.removesuffix("整")


@given(st.integers(min_value=0, max_value=999_999_999))
def test_capitals_can_be_read_back(fen: int) -> None:
    assert read_capitals(capitals(fen)) == fen


def test_a_negative_amount_has_no_capitals() -> None:
    with pytest.raises(ValueError, match="-1 fen"):
        capitals(-1)
