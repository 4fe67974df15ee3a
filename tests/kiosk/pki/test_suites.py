from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.pki.encodings import (
    decode_private_key,
    decode_public_key,
    encode_private_key,
    encode_public_key,
    from_pem,
    to_pem,
)
from kiosk.pki.errors import PkiError, PrivateKeyMalformed, PublicKeyInvalid
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite

if TYPE_CHECKING:
    from pathlib import Path

    from kiosk.pki.suites import Suite

MESSAGE = "验证 key盘".encode()


@pytest.fixture(scope="module")
def of(algorithm: KeyAlgorithm) -> Suite:
    return suite(algorithm)


def test_a_signature_holds_for_its_message_and_key_alone(of: Suite, token_key: PrivateKey) -> None:
    signature = of.sign(token_key, MESSAGE)
    assert of.verify(token_key.public_key, MESSAGE, signature)
    assert not of.verify(token_key.public_key, MESSAGE + b".", signature)
    assert not of.verify(of.generate().public_key, MESSAGE, signature)


def test_a_signature_of_the_other_suite_does_not_hold(algorithm: KeyAlgorithm, token_key: PrivateKey) -> None:
    other = suite(KeyAlgorithm.P256 if algorithm is KeyAlgorithm.SM2 else KeyAlgorithm.SM2)
    signature = other.sign(other.generate(), MESSAGE)
    assert not suite(algorithm).verify(token_key.public_key, MESSAGE, signature)


def test_every_changed_byte_of_a_signature_is_refused(of: Suite, token_key: PrivateKey) -> None:
    signature = of.sign(token_key, MESSAGE)
    for position in range(len(signature)):
        changed = bytearray(signature)
        changed[position] ^= 1
        assert not of.verify(token_key.public_key, MESSAGE, bytes(changed)), position


@pytest.mark.parametrize(
    "signature",
    [b"", b"\x30\x00", bytes.fromhex("3006020100020100"), bytes.fromhex("3006020101020101"), b"\xff" * 72],
)
def test_what_is_no_signature_is_refused_without_an_error(
    of: Suite, token_key: PrivateKey, signature: bytes
) -> None:
    assert not of.verify(token_key.public_key, MESSAGE, signature)


def test_a_signature_with_a_byte_after_it_is_refused(of: Suite, token_key: PrivateKey) -> None:
    assert not of.verify(token_key.public_key, MESSAGE, of.sign(token_key, MESSAGE) + b"\0")


def test_points_off_the_curve_are_refused(of: Suite, token_key: PrivateKey) -> None:
    point = token_key.public_key
    off_the_curve = point[:-1] + bytes((point[-1] ^ 1,))
    compressed = bytes((2 + point[-1] % 2,)) + point[1:33]
    for bad in (off_the_curve, compressed, point[1:], b"\x04" + bytes(64), b"\x04" + b"\xff" * 64, b""):
        with pytest.raises(PublicKeyInvalid):
            of.require_point(bad)
        with pytest.raises(PublicKeyInvalid):
            of.verify(bad, MESSAGE, of.sign(token_key, MESSAGE))
        with pytest.raises(PublicKeyInvalid):
            encode_public_key(of.algorithm, bad)


def test_a_point_of_one_curve_is_none_of_the_other(algorithm: KeyAlgorithm) -> None:
    other = KeyAlgorithm.P256 if algorithm is KeyAlgorithm.SM2 else KeyAlgorithm.SM2
    with pytest.raises(PublicKeyInvalid):
        suite(algorithm).require_point(suite(other).generate().public_key)


def test_keys_come_back_from_their_encodings(algorithm: KeyAlgorithm, token_key: PrivateKey) -> None:
    assert decode_private_key(encode_private_key(token_key)) == token_key
    encoded = encode_public_key(algorithm, token_key.public_key)
    assert decode_public_key(encoded) == (algorithm, token_key.public_key)


def test_openssl_reads_the_private_key_and_finds_the_same_public_key(
    algorithm: KeyAlgorithm, token_key: PrivateKey
) -> None:
    command = ["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"]
    found = subprocess.run(command, input=encode_private_key(token_key), capture_output=True, check=True)
    assert found.stdout == encode_public_key(algorithm, token_key.public_key)


def test_openssl_verifies_our_signature_and_we_verify_openssls(
    of: Suite, token_key: PrivateKey, tmp_path: Path
) -> None:
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "signature").write_bytes(of.sign(token_key, MESSAGE))
    (tmp_path / "public.pem").write_text(
        to_pem("PUBLIC KEY", encode_public_key(of.algorithm, token_key.public_key))
    )
    (tmp_path / "private.pem").write_text(to_pem("PRIVATE KEY", encode_private_key(token_key)))
    digest = "-sha256" if of.algorithm is KeyAlgorithm.P256 else "-sm3"
    identity = [] if of.algorithm is KeyAlgorithm.P256 else ["-sigopt", "distid:1234567812345678"]
    dgst = ["openssl", "dgst", digest, *identity]
    ours = [*dgst, "-verify", "public.pem", "-signature", "signature", "message"]
    subprocess.run(ours, cwd=tmp_path, check=True, capture_output=True)
    theirs = [*dgst, "-sign", "private.pem", "message"]
    signature = subprocess.run(theirs, cwd=tmp_path, check=True, capture_output=True).stdout
    assert of.verify(token_key.public_key, MESSAGE, signature)


def test_halves_of_two_keys_make_no_private_key(of: Suite, token_key: PrivateKey) -> None:
    other = of.generate()
    mixed = PrivateKey(of.algorithm, token_key.scalar, other.public_key)
    with pytest.raises(PrivateKeyMalformed):
        decode_private_key(encode_private_key(mixed))


@pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32])
def test_scalars_out_of_range_are_refused(of: Suite, token_key: PrivateKey, scalar: bytes) -> None:
    with pytest.raises(PrivateKeyMalformed):
        of.require_private_key(PrivateKey(of.algorithm, scalar, token_key.public_key))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_rubbish_is_no_key(data: bytes) -> None:
    with pytest.raises(PrivateKeyMalformed):
        decode_private_key(data)
    with pytest.raises(PublicKeyInvalid):
        decode_public_key(data)


def test_a_private_key_cut_or_changed_is_refused_or_the_same(token_key: PrivateKey) -> None:
    encoded = encode_private_key(token_key)
    for position in range(len(encoded)):
        changed = bytearray(encoded)
        changed[position] ^= 1
        try:
            read = decode_private_key(bytes(changed))
        except PrivateKeyMalformed:
            continue
        assert read == token_key, position
    with pytest.raises(PrivateKeyMalformed):
        decode_private_key(encoded[:-1])


def test_a_private_key_does_not_show_its_secret(token_key: PrivateKey) -> None:
    assert token_key.scalar.hex() not in repr(token_key)
    assert repr(token_key.scalar) not in repr(token_key)


def test_pem_comes_back_and_another_label_is_refused() -> None:
    assert from_pem("CERTIFICATE", to_pem("CERTIFICATE", b"\x30" * 100)) == b"\x30" * 100
    for bad in (to_pem("PRIVATE KEY", b"\x30"), "no PEM", ""):
        with pytest.raises(PkiError):
            from_pem("CERTIFICATE", bad)
