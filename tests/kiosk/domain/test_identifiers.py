from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.base32 import encode_base32
from kiosk.domain.identifiers import (
    IdentifierError,
    IdentifierOutOfRange,
    OrderNumber,
    OrderNumberCheckDigitWrong,
    OrderNumberMalformed,
    OrderReference,
    OrderReferenceMalformed,
    OutTradeNoMalformed,
    is_account,
    number_in,
    out_refund_no,
    out_trade_no,
    parse_order_number,
    parse_order_reference,
    parse_out_trade_no,
)

NUMBERS = st.builds(
    OrderNumber,
    kiosk=st.integers(1, 0x7FFF),
    epoch=st.integers(0, 0xFF_FFFF) | st.just(1),
    sequence=st.integers(0, 0xFFFF_FFFF),
)
REFERENCES = st.builds(OrderReference, number=NUMBERS, nonce=st.binary(min_size=6, max_size=6))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *[("1", True), ("11000001", True), ("9" * 12, True)],
        *[("", False), ("0", False), ("011", False), ("1" * 13, False)],
        *[("１", False), ("1\n", False), (" 1", False), ("3-0147-6", False)],
    ],
)
def test_an_account_has_one_to_twelve_digits_and_no_leading_zero(text: str, *, is_one: bool) -> None:
    assert is_account(text) is is_one


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


def test_the_providers_number_is_a_function_of_reference_and_attempt() -> None:
    reference = OrderReference(OrderNumber(3, 1, 147), bytes.fromhex("9f86d081884c"))
    text = out_trade_no(reference, 1)
    data = bytes.fromhex("0003 000001 00000093 9f86d081884c")
    assert text == f"K{encode_base32(data)}A1"
    assert out_trade_no(OrderReference(reference.number, bytes(6)), 1) != text


@given(reference=REFERENCES, attempt=st.integers(1, 999))
def test_the_providers_number_fits_and_comes_back(reference: OrderReference, attempt: int) -> None:
    text = out_trade_no(reference, attempt)
    assert re.fullmatch(r"K[0-9A-Z]{24}A[0-9]{1,3}", text)
    assert parse_out_trade_no(text) == (reference, attempt)


@given(reference=REFERENCES, attempt=st.integers(1, 999))
def test_the_number_of_a_refund_is_a_function_of_the_attempt_s(
    reference: OrderReference, attempt: int
) -> None:
    trade = out_trade_no(reference, attempt)
    text = out_refund_no(trade)
    assert re.fullmatch(r"R[0-9A-Z]{24}A[0-9]{1,3}", text)
    assert parse_out_trade_no(f"K{text[1:]}") == (reference, attempt)
    with pytest.raises(OutTradeNoMalformed):
        out_refund_no(text)


@given(reference=REFERENCES)
def test_a_reference_comes_back_from_its_text(reference: OrderReference) -> None:
    text = str(reference)
    assert len(text) <= 40
    assert parse_order_reference(text) == reference
    assert number_in(text) == str(reference.number)


@given(first=REFERENCES, second=REFERENCES)
def test_two_orders_have_two_references(first: OrderReference, second: OrderReference) -> None:
    assert (str(first) == str(second)) is (first == second)


@given(st.text() | st.from_regex(r"[1-9]-[0-9]{4}-[0-9]\.[0-9a-fA-F]{10,14}", fullmatch=True))
def test_only_the_text_of_a_reference_is_read_as_one(text: str) -> None:
    try:
        reference = parse_order_reference(text)
    except OrderReferenceMalformed:
        return
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "3-0147-6",
        "3-0147-6.",
        "3-0147-6.9f86d081884",
        "3-0147-6.9f86d081884c0",
        "3-0147-6.9F86D081884C",
        "3-0147-6.9f86d081884c ",
        "3-0147-6..9f86d081884c",
        "3-0147-5.9f86d081884c",
        "3 - 0147 - 6.9f86d081884c",
        "3-147-6.9f86d081884c",
        "３-0147-6.9f86d081884c",
        ".9f86d081884c",
    ],
)
def test_a_reference_is_read_as_it_is_written_alone(text: str) -> None:
    with pytest.raises(OrderReferenceMalformed):
        parse_order_reference(text)


@pytest.mark.parametrize("nonce", [b"", bytes(5), bytes(7)])
def test_a_nonce_has_six_bytes(nonce: bytes) -> None:
    with pytest.raises(IdentifierOutOfRange):
        OrderReference(OrderNumber(3, 1, 147), nonce)


_MADE = out_trade_no(OrderReference(OrderNumber(3, 1, 147), bytes(range(6))), 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{_MADE[:-1]}0",
        f"{_MADE[:-1]}01",
        f"{_MADE}000",
        _MADE.lower(),
        _MADE.replace("K00", "KOO"),
        f"K{encode_base32(bytes(15))}A1",
        f"KZ{_MADE[2:]}",
        f"K{_MADE[1:8]}U{_MADE[9:]}",
        f"{_MADE} ",
        "x" * 27,
    ],
)
def test_what_is_not_made_here_is_refused(text: str) -> None:
    with pytest.raises(OutTradeNoMalformed):
        parse_out_trade_no(text)


@pytest.mark.parametrize("attempt", [0, -1, 1000])
def test_an_attempt_out_of_range_is_refused(attempt: int) -> None:
    with pytest.raises(IdentifierOutOfRange):
        out_trade_no(OrderReference(OrderNumber(3, 1, 147), bytes(6)), attempt)
