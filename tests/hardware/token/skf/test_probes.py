"""What vendors' headers disagree about is found out from what a library fills in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.crypto.sm2 import sm2
from hardware.ports import MalformedAnswer
from hardware.token.skf import layout
from hardware.token.skf.probes import device_information, key_algorithms, public_key

SM4_ECB, SM2_1, OTHER_SM2_1, SM3, ROOM, FREE = 0x401, 0x20200, 0x20100, 1, 65536, 4096
LAYOUTS = list(itertools.product((4, 8), (True, False)))


def structure(
    ulong_bytes: int,
    *numbers: int,
    packed: bool,
) -> bytes:
    """DEVINFO of a key, with room behind it as the library's caller gives it."""
    texts = b"\1\0" + b"Maker".ljust(64, b"\0") + bytes(64) + bytes(32) + b"SN1".ljust(32, b"\0") + bytes(4)
    gap = b"" if packed else bytes(-len(texts) % ulong_bytes)
    return texts + gap + b"".join(each.to_bytes(ulong_bytes, "little") for each in numbers) + bytes(128)


@pytest.mark.parametrize("expected", LAYOUTS)
@pytest.mark.parametrize("real", LAYOUTS)
@pytest.mark.parametrize("asymmetric", [SM2_1, OTHER_SM2_1, 0x00030700])
@pytest.mark.parametrize("symmetric", [0, SM4_ECB, 0x701])
def test_the_device_is_read_by_the_layout_that_it_has_whatever_was_expected(
    real: tuple[int, bool], expected: tuple[int, bool], symmetric: int, asymmetric: int
) -> None:
    ulong_bytes, packed = real
    numbers = symmetric, asymmetric, SM3, SM4_ECB, ROOM, FREE, 32, 16384
    found = device_information(
        structure(ulong_bytes, *numbers, packed=packed), expected[0], packed=expected[1]
    )
    assert found.serial == "SN1"
    assert (found.symmetric_algorithms, found.asymmetric_algorithms) == (symmetric, asymmetric)
    assert (found.hash_algorithms, found.authentication_algorithm) == (SM3, SM4_ECB)
    assert (found.total_space, found.free_space) == (ROOM, FREE)


def test_where_no_layout_is_plausible_the_expected_one_stands() -> None:
    data = structure(4, *[0xFFFFFFFF] * 8, packed=True)
    assert device_information(data, 4, packed=True) == layout.device_information(data, 4, packed=True)


@pytest.mark.parametrize("expected", [4, 8])
@pytest.mark.parametrize("real", [4, 8])
def test_a_public_key_is_read_whatever_width_stands_before_it(real: int, expected: int) -> None:
    point = sm2().generate()[1]
    assert public_key(layout.public_key_blob(point, real) + bytes(64), expected) == (point, real)


@given(data=st.binary(max_size=400), ulong_bytes=st.sampled_from([4, 8]), packed=st.booleans())
def test_whatever_is_filled_in_is_read_or_malformed(data: bytes, ulong_bytes: int, *, packed: bool) -> None:
    for read in (
        lambda: device_information(data, ulong_bytes, packed=packed),
        lambda: public_key(data, ulong_bytes),
    ):
        try:
            read()
        except MalformedAnswer:
            continue


@pytest.mark.parametrize(
    ("capabilities", "first"),
    [
        (0, SM2_1),
        (0x00010000, SM2_1),
        (0x00020200, SM2_1),
        (0x00020E00, SM2_1),
        (0x00020F00, SM2_1),
        (0x00030800, SM2_1),
        (0x00020100, OTHER_SM2_1),
        (0x00020700, OTHER_SM2_1),
        (0x00010100, SM2_1),
    ],
)
def test_the_likelier_number_of_the_algorithm_is_tried_first_and_the_other_after_it(
    capabilities: int, first: int
) -> None:
    assert key_algorithms(capabilities)[0] == first
    assert sorted(key_algorithms(capabilities)) == [OTHER_SM2_1, SM2_1]
