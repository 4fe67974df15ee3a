from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.certificate_numbers import (
    CertificateNumber,
    CertificateNumberMalformed,
    draw_certificate_number,
    parse_certificate_number,
)
from kiosk.domain.errors import EntryRefused
from kiosk.domain.identifiers import IdentifierOutOfRange
from kiosk.domain.remarks import RemarkReason

KIOSKS = st.integers(1, 0x7FFF)
BYTES = st.binary(min_size=6, max_size=6)
NUMBERS = st.builds(CertificateNumber, kiosk=KIOSKS, random=st.integers(0, 0xFFFF_FFFF_FFFF))


def _giving(*draws: bytes) -> Callable[[int], bytes]:
    """A source of random bytes that gives these, one after the other."""
    left = list(draws)

    def source(length: int) -> bytes:
        assert length == len(left[0])
        return left.pop(0)

    return source


def _free(_number: str) -> bool:
    return False


def test_the_parts_stand_side_by_side() -> None:
    assert str(CertificateNumber(0x3000, 0x23B1A)) == "3000000000023B1A"
    assert str(CertificateNumber(0x7FFF, 0xFFFF_FFFF_FFFF)) == "7FFFFFFFFFFFFFFF"
    assert str(CertificateNumber(1, 0)) == "0001000000000000"


@given(number=NUMBERS)
def test_a_number_comes_back_and_is_a_positive_63_bit_serial(number: CertificateNumber) -> None:
    assert parse_certificate_number(str(number)) == number
    assert parse_certificate_number(str(number).lower()) == number
    assert 0 < int(number) < 1 << 63
    assert int(str(number), 16) == int(number)


@given(one=NUMBERS, other=NUMBERS)
def test_different_parts_make_different_numbers(one: CertificateNumber, other: CertificateNumber) -> None:
    assert (int(one) == int(other)) == (one == other)


@given(kiosk=KIOSKS, one=BYTES, other=BYTES)
def test_copies_of_a_kiosk_draw_one_number_only_with_the_same_random_bytes(
    kiosk: int, one: bytes, other: bytes
) -> None:
    drawn = [draw_certificate_number(kiosk, _giving(each), _free) for each in (one, other)]
    assert (drawn[0] == drawn[1]) == (one == other)
    assert [int(each) >> 48 for each in drawn] == [kiosk, kiosk]
    assert [int(each).to_bytes(8, "big")[2:] for each in drawn] == [one, other]


def test_a_number_that_is_taken_is_drawn_again() -> None:
    draws = _giving(bytes(6), bytes(6), b"\0\0\0\0\0\7")
    number = draw_certificate_number(3, draws, lambda text: text == "0003000000000000")
    assert str(number) == "0003000000000007"


def test_a_source_that_repeats_itself_is_given_up_after_eight_draws() -> None:
    taken: list[str] = []

    def is_taken(number: str) -> bool:
        taken.append(number)
        return True

    with pytest.raises(EntryRefused) as refused:
        draw_certificate_number(3, bytes, is_taken)
    assert (refused.value.reason, refused.value.subject) == (
        RemarkReason.CERTIFICATE_EXISTS,
        "0003000000000000",
    )
    assert taken == ["0003000000000000"] * 8


@pytest.mark.parametrize(("kiosk", "random"), [(0, 1), (0x8000, 1), (1, 1 << 48), (1, -1)])
def test_a_part_out_of_range_is_refused(kiosk: int, random: int) -> None:
    with pytest.raises(IdentifierOutOfRange):
        CertificateNumber(kiosk, random)


@pytest.mark.parametrize(
    "text",
    ["", "8000000000000000", "0000000000000001", "0000FFFFFF000001", "123", "300000000002 3B1A", "G" * 16],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(CertificateNumberMalformed):
        parse_certificate_number(text)
