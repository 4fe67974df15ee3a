from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.crypto.certificate_file import certificate_in
from hardware.ports import MalformedAnswer, TokenFull
from hardware.token.piv.objects import (
    LONGEST_CERTIFICATE,
    Container,
    certificate_object,
    certified_point,
    checked_signature,
    encode,
    identifier,
    key_record,
    member,
    parse,
    public_point,
    read_container,
)
from tests.support.odd_certificates import root_without_key_parameters
from tests.support.piv_certificates import issue

if TYPE_CHECKING:
    from collections.abc import Callable

    Certify = Callable[..., bytes]

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GUID = bytes.fromhex("8C3A5E0F1B2D4C6E8A9B0C1D2E3F4A5B")
NOBODYS = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


CERTIFICATES = (
    issue(point_of(ec.generate_private_key(ec.SECP256R1()))),
    issue(point_of(ec.generate_private_key(ec.SECP384R1()))),
    root_without_key_parameters(),
)

tags = st.one_of(
    st.integers(0x01, 0xFE).filter(lambda tag: tag & 0x1F != 0x1F),
    st.integers(0x5F01, 0x5F7F),
    st.integers(0x7F8101, 0x7F817F),
)


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("tag", "length", "head"),
    [
        (0x53, 0, "5300"),
        (0x53, 127, "537F"),
        (0x53, 128, "538180"),
        (0x53, 255, "5381FF"),
        (0x53, 256, "53820100"),
        (0x7F49, 2, "7F4902"),
        (0x5FC105, 65536, "5FC10583010000"),
    ],
)
def test_an_object_is_tag_length_and_value(tag: int, length: int, head: str) -> None:
    encoded = encode(tag, bytes(length))
    assert encoded == bytes.fromhex(head) + bytes(length)
    assert parse(encoded) == {tag: bytes(length)}


@given(st.dictionaries(tags, st.binary(max_size=300), max_size=6))
def test_objects_in_a_row_are_read_as_they_were_made(objects: dict[int, bytes]) -> None:
    assert parse(b"".join(encode(tag, value) for tag, value in objects.items())) == objects


@given(st.dictionaries(tags, st.binary(max_size=200), min_size=1, max_size=4), st.data())
def test_objects_cut_off_within_one_are_malformed(objects: dict[int, bytes], data: st.DataObject) -> None:
    encoded = [encode(tag, value) for tag, value in objects.items()]
    cut = data.draw(st.integers(1, len(encoded[-1]) - 1))
    with pytest.raises(MalformedAnswer):
        parse(b"".join(encoded)[:-cut])


@pytest.mark.parametrize(
    "data",
    [
        "53",
        "5301",
        "5380",
        "53800000",
        "5381",
        "538200",
        "538400000001AA",
        "53FF",
        "7F",
        "7F81",
        "7F818181",
        "7F81818101",
        "53005300",
    ],
)
def test_what_the_standard_does_not_know_is_malformed(data: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse(bytes.fromhex(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(data: bytes) -> None:
    readers: tuple[Callable[[bytes], object], ...] = (
        parse,
        read_container,
        public_point,
        identifier,
        checked_signature,
        lambda value: member(value, 0x7C, 0x82),
    )
    for reader in readers:
        try:
            reader(data)
        except MalformedAnswer:
            continue


@given(st.binary(max_size=300), st.binary(max_size=3))
def test_any_certificate_and_information_are_read_or_malformed(packed: bytes, information: bytes) -> None:
    value = encode(0x70, packed) + encode(0x71, information) + encode(0xFE, b"")
    try:
        container = read_container(value)
    except MalformedAnswer:
        return
    assert container.certificate == certificate_in(packed)
    assert container.public_key is None


def test_a_member_is_found_by_its_path() -> None:
    assert member(encode(0x7C, encode(0x82, b"AB") + encode(0x81, b"C")), 0x7C, 0x81) == b"C"
    with pytest.raises(MalformedAnswer):
        member(encode(0x7C, encode(0x82, b"AB")), 0x7C, 0x80)


def test_a_certificate_that_fits_is_written_as_it_is(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    der = certificate_for(point_of(key))
    value = certificate_object(der, 3000)
    assert value == encode(0x70, der) + bytes.fromhex("710100FE00")
    assert read_container(value) == Container(der, point_of(key))


def test_a_certificate_that_does_not_fit_is_packed(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    der = certificate_for(point_of(key)) + bytes(2000)
    value = certificate_object(der, 2000)
    packed = parse(value)
    assert gzip.decompress(packed[0x70]) == der
    assert packed[0x71] == b"\x01"
    assert len(encode(0x53, value)) <= 2000
    assert read_container(value).certificate == der


def test_it_is_packed_just_where_its_object_is_a_byte_too_long(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    der = certificate_for(point_of(key)) + bytes(500)
    whole = len(encode(0x53, certificate_object(der, 60000)))
    assert parse(certificate_object(der, whole))[0x71] == b"\x00"
    assert parse(certificate_object(der, whole - 1))[0x71] == b"\x01"


def test_a_certificate_too_long_even_when_packed_is_refused() -> None:
    noise = b"".join(hash_of(number) for number in range(20))
    with pytest.raises(TokenFull):
        certificate_object(noise, 300)


def hash_of(number: int) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(number.to_bytes(2))
    return digest.finalize()


def packed_object(packed: bytes) -> bytes:
    return encode(0x70, packed) + encode(0x71, b"\x01") + encode(0xFE, b"")


def test_a_certificate_packed_by_another_program_is_read(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    der = certificate_for(point_of(key))
    assert read_container(packed_object(gzip.compress(der, 1))) == Container(der, point_of(key))


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(bytes(20 << 20)),
        gzip.compress(bytes(LONGEST_CERTIFICATE + 1)),
        gzip.compress(b"certificate")[:-1],
        gzip.compress(b"certificate") + b"\0",
        gzip.compress(b"certificate") * 2,
        gzip.compress(b""),
        zlib.compress(b"certificate"),
        b"certificate",
    ],
    ids=["bomb", "too long", "cut off", "followed", "twice", "nothing", "zlib", "not packed"],
)
def test_a_packed_certificate_of_another_form_is_malformed(packed: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_container(packed_object(packed))


def test_a_packed_certificate_takes_no_more_memory_than_the_longest() -> None:
    value = packed_object(gzip.compress(bytes(20 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedAnswer):
            read_container(value)
        assert tracemalloc.get_traced_memory()[1] < 20 * LONGEST_CERTIFICATE
    finally:
        tracemalloc.stop()


def test_the_longest_packed_certificate_is_read() -> None:
    value = packed_object(gzip.compress(bytes(LONGEST_CERTIFICATE)))
    assert read_container(value).certificate == bytes(LONGEST_CERTIFICATE)


def test_a_certificate_packed_in_an_unknown_way_is_malformed() -> None:
    with pytest.raises(MalformedAnswer):
        read_container(encode(0x70, b"certificate") + encode(0x71, b"\x02"))


@pytest.mark.parametrize("value", ["", "7000", "70007101 00FE00", "FE00"])
def test_an_object_without_certificate_and_record_is_empty(value: str) -> None:
    container = read_container(bytes.fromhex(value))
    assert container == Container()
    assert container.empty


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 3, b"\0" * 900, b"\xff" * 900])
def test_padding_means_nothing_wherever_it_stands(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify, padding: bytes
) -> None:
    der = certificate_for(point_of(key))
    bound = Container(der, point_of(key))
    value = certificate_object(der, 3000)
    assert read_container(value + padding) == bound
    assert read_container(padding + value) == bound
    assert read_container(encode(0x70, der + padding) + bytes.fromhex("710100FE00")) == bound
    assert read_container(packed_object(gzip.compress(der) + padding) + padding) == bound
    assert read_container(key_record(point_of(key)) + padding) == Container(None, point_of(key))
    assert read_container(padding).empty
    chuid = encode(0x30, bytes(25)) + encode(0x34, GUID) + encode(0xFE, b"")
    assert identifier(chuid + padding) == GUID.hex().upper()


@pytest.mark.parametrize("mark", [0x00, 0x01, 0x80, 0x81, 0x04])
def test_a_certificate_is_read_whatever_program_marked_it(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify, mark: int
) -> None:
    der = certificate_for(point_of(key))
    for packed in (der, gzip.compress(der)):
        value = encode(0x70, packed) + encode(0x71, bytes((mark,))) + encode(0xFE, b"")
        assert read_container(value) == Container(der, point_of(key))


def test_a_certificate_without_its_tag_is_read(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    der = certificate_for(point_of(key))
    assert read_container(der) == Container(der, point_of(key))
    assert read_container(der + bytes(500)) == Container(der, point_of(key))


@pytest.mark.parametrize(
    "value", ["7201AA", "70007201AA", "3403AABBCC", "7F210100", "C10100C20100FE00", "990200FFFE00"]
)
def test_an_object_that_is_not_understood_is_not_empty(value: str) -> None:
    strange = bytes.fromhex(value)
    assert read_container(strange) == Container(strange)
    assert not read_container(strange).empty


@given(st.binary(min_size=1, max_size=300))
def test_only_padding_and_an_empty_certificate_are_empty(value: bytes) -> None:
    try:
        container = read_container(value)
    except MalformedAnswer:
        return
    known = parse(value) if container.empty else {}
    assert known.keys() <= {0x70, 0x71, 0xFE}
    assert not known.get(0x70)


def test_a_record_tells_the_public_key_alone(key: ec.EllipticCurvePrivateKey) -> None:
    container = read_container(key_record(point_of(key)))
    assert container == Container(None, point_of(key))
    assert not container.empty


def test_a_certificate_counts_for_more_than_a_record_beside_it(
    key: ec.EllipticCurvePrivateKey, certificate_for: Certify
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    value = key_record(point_of(other)) + encode(0x70, certificate_for(point_of(key)))
    assert read_container(value).public_key == point_of(key)


def test_a_certificate_of_another_curve_tells_no_key(certificate_for: Certify) -> None:
    der = certificate_for(point_of(ec.generate_private_key(ec.SECP384R1())))
    assert certified_point(der) is None
    container = read_container(certificate_object(der, 3000))
    assert container == Container(der, None)
    assert not container.empty


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_certificate_tells_a_point_or_none(data: st.DataObject) -> None:
    """Bytes changed, cut or put in anywhere, also of a key that does not say its curve: no other error comes out."""
    der = bytearray(data.draw(st.sampled_from(CERTIFICATES)))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    point = certified_point(bytes(der))
    assert point is None or (len(point), point[0]) == (65, 4)


@pytest.mark.parametrize(
    "signature", ["", "3000", "3006020101020 1FF", "30060201010201 0100", "300602018102 0101"]
)
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(MalformedAnswer):
        checked_signature(bytes.fromhex(signature.replace(" ", "")))


@given(bit=st.integers(min_value=0, max_value=64 * 8 - 1))
def test_a_point_with_a_flipped_bit_is_refused(bit: int) -> None:
    generator = ec.derive_private_key(1, ec.SECP256R1())
    point = bytearray(point_of(generator))
    point[1 + bit // 8] ^= 1 << bit % 8
    with pytest.raises(MalformedAnswer):
        public_point(encode(0x86, bytes(point)))


def test_a_point_of_another_form_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    compressed = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    hybrid = bytes((6 | point_of(key)[-1] & 1,)) + point_of(key)[1:]
    for point in (compressed, hybrid, b"", point_of(key) + b"\0", point_of(key)[1:]):
        with pytest.raises(MalformedAnswer):
            public_point(encode(0x86, point))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (1 << 300, 1)])
def test_a_signature_out_of_range_is_refused(r: int, s: int) -> None:
    assert checked_signature(encode_dss_signature(ORDER - 1, 1)) == encode_dss_signature(ORDER - 1, 1)
    with pytest.raises(MalformedAnswer):
        checked_signature(encode_dss_signature(r, s))


def test_a_card_is_named_by_its_guid() -> None:
    value = encode(0x30, bytes(range(25))) + encode(0x34, GUID) + encode(0x3E, bytes(300)) + encode(0xFE, b"")
    assert identifier(value) == "8C3A5E0F1B2D4C6E8A9B0C1D2E3F4A5B"


@pytest.mark.parametrize("guid", [encode(0x34, bytes(16)), encode(0x34, b""), b""])
def test_a_card_without_guid_is_named_by_its_fasc_n(guid: bytes) -> None:
    assert identifier(encode(0x30, bytes(range(25))) + guid) == bytes(range(25)).hex().upper()


@pytest.mark.parametrize("fasc_n", [encode(0x30, NOBODYS), encode(0x30, bytes(25)), encode(0x30, b"A"), b""])
def test_what_many_cards_have_in_common_names_none(fasc_n: bytes) -> None:
    assert identifier(fasc_n + encode(0x34, bytes(16))) is None
