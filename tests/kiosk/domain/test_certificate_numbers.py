from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.certificate_numbers import (
    CertificateNumber,
    CertificateNumberMalformed,
    parse_certificate_number,
)
from kiosk.domain.identifiers import IdentifierOutOfRange

NUMBERS = st.builds(
    CertificateNumber,
    kiosk=st.integers(1, 0x7FFF),
    epoch=st.integers(0, 0xFF_FFFF),
    sequence=st.integers(0, 0xFF_FFFF),
)


def test_the_parts_stand_side_by_side() -> None:
    assert str(CertificateNumber(0x3000, 0, 0x23B1A)) == "3000000000023B1A"
    assert str(CertificateNumber(0x7FFF, 0xFFFFFF, 0xFFFFFF)) == "7FFFFFFFFFFFFFFF"
    assert str(CertificateNumber(1, 0, 0)) == "0001000000000000"


@given(number=NUMBERS)
def test_a_number_comes_back_and_is_a_positive_63_bit_serial(number: CertificateNumber) -> None:
    assert parse_certificate_number(str(number)) == number
    assert parse_certificate_number(str(number).lower()) == number
    assert 0 < int(number) < 1 << 63
    assert int(str(number), 16) == int(number)


@given(one=NUMBERS, other=NUMBERS)
def test_different_entries_have_different_numbers(one: CertificateNumber, other: CertificateNumber) -> None:
    assert (int(one) == int(other)) == (one == other)


@pytest.mark.parametrize(
    ("kiosk", "epoch", "sequence"), [(0, 1, 1), (0x8000, 1, 1), (1, 1 << 24, 1), (1, 1, 1 << 24)]
)
def test_a_part_out_of_range_is_refused(kiosk: int, epoch: int, sequence: int) -> None:
    with pytest.raises(IdentifierOutOfRange):
        CertificateNumber(kiosk, epoch, sequence)


@pytest.mark.parametrize(
    "text",
    ["", "8000000000000000", "0000000000000001", "0000FFFFFF000001", "123", "300000000002 3B1A", "G" * 16],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(CertificateNumberMalformed):
        parse_certificate_number(text)
