from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.base32 import Base32Malformed, decode_base32, encode_base32, encoded_length


@given(data=st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    text = encode_base32(data)
    assert len(text) == encoded_length(len(data))
    assert decode_base32(text, len(data)) == data
    assert decode_base32(text.lower(), len(data)) == data


def test_letters_that_look_like_digits_read_as_digits() -> None:
    assert decode_base32("0O1IL10", 4) == decode_base32("0011110", 4)


@given(data=st.binary(min_size=1, max_size=40), surplus=st.integers(1, 31))
def test_one_text_for_one_byte_string(data: bytes, surplus: int) -> None:
    spare = encoded_length(len(data)) * 5 - len(data) * 8
    if spare == 0:
        return
    text = encode_base32(data)
    first = surplus << 5 - spare & 31
    if first == 0:
        return
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    changed = alphabet[alphabet.index(text[0]) | first] + text[1:]
    with pytest.raises(Base32Malformed):
        decode_base32(changed, len(data))


@pytest.mark.parametrize("text", ["", "0", "000", "0U", "0 ", "0é", "İ0"])
def test_what_is_not_base_32_of_one_byte_is_refused(text: str) -> None:
    with pytest.raises(Base32Malformed):
        decode_base32(text, 1)
