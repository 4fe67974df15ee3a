from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, cast

import pytest
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.crypto.sm2 import sm2
from hardware.ports import KeyAlgorithm, MalformedAnswer, NoKeyPair, SecurityNotSatisfied, Token, TokenError
from hardware.token.self_test import Check, SelfTestFailed, random_self_test, signature_self_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.apdu import Transport
    from hardware.token.gmt.token import GmtToken
    from hardware.virtual.gmt.card import GmtCard

    Opened = Callable[[Transport], GmtToken]


ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


class SoftToken:
    """A key pair of either kind in memory; `random`, `public_key` and `sign` can be replaced one by one."""

    def __init__(self, algorithm: KeyAlgorithm) -> None:
        self.algorithm = algorithm
        self.random: Callable[[int], bytes] = secrets.token_bytes
        self.sign: Callable[[bytes], bytes]
        if algorithm is KeyAlgorithm.SM2:
            scalar, point = sm2().generate()
            self.point: bytes | None = point
            self.sign = lambda message: sm2().sign(scalar, point, message)
        else:
            key = ec.generate_private_key(ec.SECP256R1())
            self.point = key.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            self.sign = lambda message: key.sign(message, ec.ECDSA(hashes.SHA256()))

    def public_key(self) -> bytes | None:
        return self.point


def as_token(soft: SoftToken | Token) -> Token:
    """Return the key pair as a token: it has all that the self-tests ask for."""
    return cast("Token", soft)


@pytest.fixture(params=list(KeyAlgorithm))
def soft(request: pytest.FixtureRequest) -> SoftToken:
    return SoftToken(request.param)


def failed_check(token: SoftToken) -> Check:
    with pytest.raises(SelfTestFailed) as failed:
        signature_self_test(as_token(token), secrets.token_bytes)
    assert isinstance(failed.value, MalformedAnswer)
    return failed.value.check


def failed_random_check(token: SoftToken, **sizes: int) -> Check:
    with pytest.raises(SelfTestFailed) as failed:
        random_self_test(as_token(token), **sizes)
    return failed.value.check


def test_a_sound_token_passes(soft: SoftToken) -> None:
    for _ in range(20):
        random_self_test(as_token(soft))
        signature_self_test(as_token(soft), secrets.token_bytes)


def test_a_gmt_key_passes_the_random_test_without_a_pin_and_the_signature_test_with_one(
    card: GmtCard, opened: Opened
) -> None:
    token = opened(card)
    random_self_test(as_token(token))
    with pytest.raises(NoKeyPair):
        signature_self_test(as_token(token), secrets.token_bytes)
    token.verify_pin("111111")
    token.generate_key_pair()
    signature_self_test(as_token(token), secrets.token_bytes)
    token.close()
    card.power_on()
    with pytest.raises(SecurityNotSatisfied):
        signature_self_test(opened(card), secrets.token_bytes)


@pytest.mark.parametrize("byte", [0x00, 0xFF, 0x55])
def test_a_generator_that_stands_still_fails(soft: SoftToken, byte: int) -> None:
    soft.random = lambda count: bytes((byte,)) * count
    assert failed_random_check(soft) is Check.REPEATED


def test_a_generator_that_gives_the_same_again_fails(soft: SoftToken) -> None:
    same = secrets.token_bytes(64)
    soft.random = lambda count: same[:count]
    assert failed_random_check(soft) is Check.REPEATED


@pytest.mark.parametrize("period", [8, 24, 64, 200])
def test_a_generator_with_a_short_period_fails(soft: SoftToken, period: int) -> None:
    stream = iter(secrets.token_bytes(period) * 1000)
    soft.random = lambda count: bytes(next(stream) for _ in range(count))
    assert failed_random_check(soft) is Check.REPEATED


def test_a_generator_that_counts_fails(soft: SoftToken) -> None:
    numbers = iter(range(1000))
    soft.random = lambda count: b"".join(next(numbers).to_bytes(8) for _ in range(count // 8))
    assert failed_random_check(soft) is Check.BALANCE


def test_a_generator_that_leans_fails(soft: SoftToken) -> None:
    soft.random = lambda count: bytes(
        a | b for a, b in zip(secrets.token_bytes(count), secrets.token_bytes(count), strict=True)
    )
    assert failed_random_check(soft) is Check.BALANCE


@pytest.mark.parametrize("wrong", [-1, 1])
def test_more_or_fewer_random_bytes_than_asked_for_fail(soft: SoftToken, wrong: int) -> None:
    soft.random = lambda count: secrets.token_bytes(count + wrong)
    assert failed_random_check(soft, samples=2, length=16) is Check.LENGTH


def test_a_signature_of_another_key_fails(soft: SoftToken) -> None:
    soft.sign = SoftToken(soft.algorithm).sign
    assert failed_check(soft) is Check.SIGNATURE


def test_a_signature_of_another_message_fails(soft: SoftToken) -> None:
    sign = soft.sign
    soft.sign = lambda message: sign(message + b"\x00")
    assert failed_check(soft) is Check.SIGNATURE


def test_a_replayed_signature_fails(soft: SoftToken) -> None:
    kept: list[bytes] = []
    sign = soft.sign

    def replay(message: bytes) -> bytes:
        kept.append(sign(message))
        return kept[0]

    soft.sign = replay
    assert failed_check(soft) is Check.SIGNATURE


def test_one_nonce_for_two_messages_fails() -> None:
    """FIPS 186-5, 6.4.1, with the same k every time."""
    scalar, nonce = secrets.randbelow(ORDER - 1) + 1, secrets.randbelow(ORDER - 1) + 1
    point = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % ORDER

    def sign(message: bytes) -> bytes:
        digest = int.from_bytes(hashlib.sha256(message).digest())
        s = pow(nonce, -1, ORDER) * (digest + r * scalar) % ORDER
        return bytes(DSASignature({"r": r, "s": s}).dump())

    soft = SoftToken(KeyAlgorithm.P256)
    soft.sign, soft.point = (
        sign,
        point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
    )
    assert failed_check(soft) is Check.NONCE


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(DSASignature({"r": 0, "s": 1}).dump()),
        bytes(DSASignature({"r": 1, "s": -1}).dump()),
        bytes(DSASignature({"r": 1 << 256, "s": 1}).dump()),
        b"\x30\x07\x02\x02\x00\x01\x02\x01\x01",
    ],
)
def test_what_is_no_der_signature_fails(soft: SoftToken, signature: bytes) -> None:
    soft.sign = lambda _message: signature
    assert failed_check(soft) is Check.SIGNATURE_FORM


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signature: signature[:-1],
        lambda signature: signature + b"\x00",
        lambda signature: b"\x30\x81" + signature[1:],
    ],
)
def test_a_signature_with_a_byte_more_or_less_fails(soft: SoftToken, spoil: Callable[[bytes], bytes]) -> None:
    sign = soft.sign
    soft.sign = lambda message: spoil(sign(message))
    assert failed_check(soft) is Check.SIGNATURE_FORM


@pytest.mark.parametrize(
    "point", [b"", b"\x04" + bytes(64), b"\x02" + bytes(32), b"\x04" + b"\xff" * 64, b"\x04" * 66]
)
def test_what_is_no_point_fails(soft: SoftToken, point: bytes) -> None:
    soft.point = point
    assert failed_check(soft) is Check.PUBLIC_KEY


def test_a_token_without_a_key_pair_has_none_to_test(soft: SoftToken) -> None:
    soft.point = None
    with pytest.raises(NoKeyPair):
        signature_self_test(as_token(soft), secrets.token_bytes)


@settings(max_examples=100, deadline=None)
@given(
    algorithm=st.sampled_from(KeyAlgorithm),
    point=st.one_of(
        st.none(), st.binary(max_size=70), st.binary(min_size=64, max_size=64).map(b"\x04".__add__)
    ),
    signature=st.one_of(st.none(), st.binary(max_size=80)),
    random=st.binary(max_size=80),
)
def test_whatever_a_token_answers_only_token_errors_come(
    algorithm: KeyAlgorithm, point: bytes | None, signature: bytes | None, random: bytes
) -> None:
    token = SoftToken(algorithm)
    token.random = lambda _count: random
    with pytest.raises(TokenError):
        random_self_test(as_token(token))
    if signature is not None:
        token.sign = lambda _message: signature
    else:
        token.point = point
    with pytest.raises(TokenError):
        signature_self_test(as_token(token), secrets.token_bytes)
