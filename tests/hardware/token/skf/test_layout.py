from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.crypto.signatures import decode
from hardware.crypto.sm2 import ORDER, sm2
from hardware.ports import MalformedAnswer
from hardware.token.skf import layout
from hardware.token.skf.token import message_digest, signer_digest
from tests.support import sm2_reference


def test_the_structures_have_the_lengths_of_the_public_header() -> None:
    assert layout.length_of(layout.DEVICE_INFORMATION, 4) == 294
    assert layout.length_of(layout.PUBLIC_KEY, 4) == 132
    assert layout.length_of(layout.PUBLIC_KEY, 8) == 136
    assert layout.length_of(layout.SIGNATURE, 4) == 128


def test_a_structure_that_is_not_packed_is_aligned() -> None:
    packed = b"\1\0" + b"Maker".ljust(64, b"\0") + bytes(64) + bytes(32) + b"SN1".ljust(32, b"\0") + bytes(4)
    numbers = b"".join(number.to_bytes(4, "little") for number in (1, 2, 3, 0x401, 1000, 900, 0, 0))
    for gap, is_packed in ((b"", True), (b"\0\0", False)):
        found = layout.device_information(packed + gap + numbers + bytes(64), 4, packed=is_packed)
        assert (found.serial, found.manufacturer) == ("SN1", "Maker")
        assert (found.authentication_algorithm, found.total_space, found.free_space) == (0x401, 1000, 900)


@pytest.mark.parametrize("ulong_bytes", [4, 8])
def test_a_public_key_survives_its_structure(ulong_bytes: int) -> None:
    point = sm2().generate()[1]
    assert layout.public_point(layout.public_key_blob(point, ulong_bytes), ulong_bytes) == point


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", ()),
        (b"\0", ()),
        (b"\0\0", ()),
        (b"one\0\0", (b"one",)),
        (b"one\0two\0\0rest", (b"one", b"two")),
        (b"one", (b"one",)),
        (b"one\0two", (b"one", b"two")),
    ],
)
def test_lists_of_names_are_cut_at_their_zeros(data: bytes, names: tuple[bytes, ...]) -> None:
    assert layout.names(data) == names


def test_the_hash_is_the_one_that_an_sm2_signature_signs() -> None:
    scalar, point = sm2().generate()
    message = "国家储备商品竞价交易系统".encode()
    numbers = decode(sm2().sign(scalar, point, message), ORDER)
    assert sm2_reference.verify_digest(point, message_digest(point, message), *numbers)
    assert not sm2_reference.verify_digest(point, message_digest(point, b"another"), *numbers)


def test_the_signers_digest_is_that_of_the_standards_example() -> None:
    # GB/T 32918.5, annex A: the key of its signature example.
    point = bytes.fromhex(
        "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
    )
    assert (
        signer_digest(point).hex().upper()
        == "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"
    )
    assert (
        message_digest(point, b"message digest").hex().upper()
        == "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640"
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"mToken GM3000", "mToken GM3000"),
        ("飞天诚信".encode(), "飞天诚信"),
        ("龙脉科技".encode("gbk"), "龙脉科技"),
        ("龙脉".encode("gbk")[:3], "龙\N{REPLACEMENT CHARACTER}"),
        (b"\x1b[2J\r\n", "\N{REPLACEMENT CHARACTER}[2J" + 2 * "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_vendors_texts_are_read_and_harmless_on_a_screen(data: bytes, text: str) -> None:
    assert layout.text_of(data) == text


@given(data=st.binary(max_size=400), ulong_bytes=st.sampled_from([4, 8]), packed=st.booleans())
def test_whatever_a_library_writes_is_read_or_malformed(
    data: bytes, ulong_bytes: int, *, packed: bool
) -> None:
    for read in (
        lambda: layout.device_information(data, ulong_bytes, packed=packed),
        lambda: layout.public_point(data, ulong_bytes),
        lambda: layout.der_signature(data),
        lambda: layout.names(data),
    ):
        try:
            read()
        except MalformedAnswer:
            continue
