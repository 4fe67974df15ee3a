from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.crypto.certificate_file import certificate_in, certificate_in_file


def element(content: bytes) -> bytes:
    """A SEQUENCE with its length in the fewest bytes."""
    length = len(content)
    if length < 0x80:
        return bytes((0x30, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((0x30, 0x80 | len(digits))) + digits + content


@given(st.binary(max_size=700).map(element), st.integers(0, 700), st.sampled_from([b"\0", b"\xff"]))
def test_padding_behind_a_certificate_is_cut_off(certificate: bytes, count: int, padding: bytes) -> None:
    assert certificate_in(certificate + count * padding) == certificate


@given(st.binary(min_size=0x80, max_size=700).map(element), st.binary(max_size=300))
def test_so_is_the_rest_of_a_longer_one_that_stood_there(certificate: bytes, rest: bytes) -> None:
    assert certificate_in(certificate + rest) == certificate


def test_no_bytes_are_no_certificate() -> None:
    assert certificate_in(b"") is None


@pytest.mark.parametrize(
    "data",
    [
        bytes(300),
        b"\xff" * 300,
        b"a certificate",
        b"\x30",
        b"\x30\x80\0\0",
        b"\x30\x82\x01\0garbage",
        b"\x30\x82\x01",
        b"\x30\x85\0\0\0\0\1x" + bytes(9),
        b"\x30" * 300,
    ],
    ids=str,
)
def test_what_is_not_understood_stays_as_it_is(data: bytes) -> None:
    assert certificate_in(data) == data


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_give_their_beginning(data: bytes) -> None:
    found = certificate_in(data)
    assert found
    assert data.startswith(found)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(300), b"\xff" * 300, b"\xff\0" * 9])
def test_a_file_that_was_never_written_has_no_certificate(data: bytes) -> None:
    assert certificate_in_file(data) is None


@given(st.binary(min_size=1, max_size=700).filter(lambda data: data.strip(b"\0\xff")))
def test_a_file_in_which_anything_stands_is_read_as_such(data: bytes) -> None:
    assert certificate_in_file(data) == certificate_in(data)
