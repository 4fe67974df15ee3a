from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.identifiers import (
    IdentifierError,
    IdentifierOutOfRange,
    OrderNumber,
    OrderNumberCheckDigitWrong,
    OrderNumberMalformed,
    OutTradeNoMalformed,
    out_trade_no,
    parse_order_number,
    parse_out_trade_no,
)

NUMBERS = st.builds(
    OrderNumber,
    kiosk=st.integers(1, 0x7FFF),
    epoch=st.integers(0, 0xFF_FFFF) | st.just(1),
    sequence=st.integers(0, 0xFFFF_FFFF),
)


def test_the_first_epoch_is_left_out() -> None:
    first, second = OrderNumber(3, 1, 147), OrderNumber(3, 2, 147)
    assert re.fullmatch("3-0147-[0-9]", str(first))
    assert re.fullmatch("3-2-0147-[0-9]", str(second))
    assert parse_order_number(str(first)) == first
    assert parse_order_number(str(second)) == second


@given(number=NUMBERS)
def test_a_number_comes_back(number: OrderNumber) -> None:
    assert parse_order_number(str(number)) == number
    assert msgspec.json.decode(msgspec.json.encode(number), type=OrderNumber) == number


@given(number=NUMBERS, data=st.data())
def test_every_single_wrong_digit_is_caught(number: OrderNumber, data: st.DataObject) -> None:
    text = str(number)
    position = data.draw(st.sampled_from([place for place, sign in enumerate(text) if sign != "-"]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[position]]))
    with pytest.raises(IdentifierError):
        parse_order_number(text[:position] + other + text[position + 1 :])


@pytest.mark.parametrize("form", ["３－0147－{}", " 3 - 0147 - {} ", "3–0147–{}", "3 0147 {}", "3-147-{}"])
def test_other_dashes_spaces_and_widths_are_taken(form: str) -> None:
    number = OrderNumber(3, 1, 147)
    assert parse_order_number(form.format(number.check_digit)) == number


@pytest.mark.parametrize(
    "text", ["", "3", "3-0147", "3-0147-", "03-0147-6", "3-2-1-0147-6", "3-01a7-6", "-3-1-1"]
)
def test_what_is_no_order_number_is_refused(text: str) -> None:
    with pytest.raises(OrderNumberMalformed):
        parse_order_number(text)


def test_a_wrong_check_digit_is_told_apart() -> None:
    text = str(OrderNumber(3, 1, 147))
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
    with pytest.raises(OrderNumberCheckDigitWrong):
        parse_order_number(wrong)


@pytest.mark.parametrize(("kiosk", "epoch", "sequence"), [(1, 0, 0), (0x7FFF, (1 << 24) - 1, (1 << 32) - 1)])
def test_the_least_and_the_greatest_parts_are_taken(kiosk: int, epoch: int, sequence: int) -> None:
    number = OrderNumber(kiosk, epoch, sequence)
    assert parse_order_number(str(number)) == number


@pytest.mark.parametrize(
    ("kiosk", "epoch", "sequence", "part"),
    [
        (0, 1, 1, "kiosk"),
        (0x8000, 1, 1, "kiosk"),
        (1, -1, 1, "epoch"),
        (1, 1 << 24, 1, "epoch"),
        (1, 1, -1, "sequence"),
        (1, 1, 1 << 32, "sequence"),
    ],
)
def test_a_part_out_of_range_is_named(kiosk: int, epoch: int, sequence: int, part: str) -> None:
    with pytest.raises(IdentifierOutOfRange) as refused:
        OrderNumber(kiosk, epoch, sequence)
    assert refused.value.part == part
    record = {"kiosk": kiosk, "epoch": epoch, "sequence": sequence}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(record, OrderNumber)


def test_the_providers_number_is_a_function_of_order_and_attempt() -> None:
    assert out_trade_no(OrderNumber(3, 1, 147), 1) == "K00003E00000001S000000147A1"


@given(number=NUMBERS, attempt=st.integers(1, 999))
def test_the_providers_number_fits_and_comes_back(number: OrderNumber, attempt: int) -> None:
    text = out_trade_no(number, attempt)
    assert re.fullmatch(r"[0-9A-Za-z_|*-]{6,32}", text)
    assert parse_out_trade_no(text) == (number, attempt)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "K00003E00000001S000000147A0",
        "K00003E00000001S0000000147A1",
        "K00000E00000001S000000147A1",
        "K00003E00000001S9999999999A1",
        "K00003E99999999S000000147A1",
        "K00003E00000001S000000147A1000",
        "x" * 27,
    ],
)
def test_what_is_not_made_here_is_refused(text: str) -> None:
    with pytest.raises(OutTradeNoMalformed):
        parse_out_trade_no(text)


@pytest.mark.parametrize("attempt", [0, -1, 1000])
def test_an_attempt_out_of_range_is_refused(attempt: int) -> None:
    with pytest.raises(IdentifierOutOfRange):
        out_trade_no(OrderNumber(3, 1, 147), attempt)
