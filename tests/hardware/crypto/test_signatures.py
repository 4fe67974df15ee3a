from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.crypto.signatures import decode, encode

LIMIT = 2**256


@given(r=st.integers(1, LIMIT - 1), s=st.integers(1, LIMIT - 1))
def test_two_numbers_come_back(r: int, s: int) -> None:
    assert decode(encode(r, s, LIMIT), LIMIT) == (r, s)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (-1, 1), (5, 1), (1, 5), (6, 6)])
def test_numbers_out_of_range_are_none(r: int, s: int) -> None:
    with pytest.raises(ValueError, match="range"):
        encode(r, s, 5)


@pytest.mark.parametrize(
    "signature",
    ["", "30", "3000", "3006020101020100", "3006020100020101", "30060201ff020101", "3006020101020106",
     "300702020001020101", "30810602010102010100", "308106020101020101", "300602010102010100",
     "3009020101020101020101", "3106020101020101", "30800201010201010000", "3003020101", "0202010102"],
)  # fmt: skip
def test_what_is_no_signature_in_its_only_encoding_is_refused(signature: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(bytes.fromhex(signature), 6)


@given(data=st.binary(max_size=80))
def test_rubbish_is_refused_or_comes_back(data: bytes) -> None:
    try:
        numbers = decode(data, LIMIT)
    except ValueError:
        return
    assert encode(*numbers, LIMIT) == data
