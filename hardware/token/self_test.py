"""Whether a token's random numbers and signatures can be relied on, whatever its driver.

Not a certification test: it finds generators that stand still, repeat or lean, and signatures that are none, belong to
another key, or give the key away.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from hardware.crypto import signatures
from hardware.crypto.sm2 import PointInvalid, sm2
from hardware.ports import KeyAlgorithm, MalformedAnswer, NoKeyPair

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.ports import Token

RANDOM_SAMPLES: Final = 8
RANDOM_LENGTH: Final = 64
"""Bytes of a sample."""

_WORD: Final = 8
"""Bytes of the words of which no two may be the same: among 64 of them chance makes two alike once in 10^16 tests."""

_DEVIATIONS: Final = 7
"""Standard deviations that the number of ones may be off: chance passes them once in 10^11 tests."""

_LABEL: Final = b"keydesk self-test\x00"
_CHALLENGE: Final = 32
_POINT: Final = 65
_FIELD: Final = 1 << 256


class Check(enum.StrEnum):
    """What a self-test looks at."""

    LENGTH = "length"
    """As many random bytes as were asked for."""
    REPEATED = "repeated"
    """No two words of the random bytes are the same."""
    BALANCE = "balance"
    """About as many ones as zeros."""
    PUBLIC_KEY = "public-key"
    """The exported public key is a point of the curve."""
    SIGNATURE_FORM = "signature-form"
    """A signature is DER of two positive numbers of at most 256 bits, and no byte more."""
    SIGNATURE = "signature"
    """A signature verifies under the exported public key."""
    NONCE = "nonce"
    """Two messages are not signed with one nonce, from which anybody could compute the private key."""


class SelfTestFailed(MalformedAnswer):
    """What the token answered is not what a sound one answers; `check` says in what."""

    def __init__(self, check: Check) -> None:
        super().__init__(f"the token's self-test failed: {check.value}")
        self.check = check


def random_self_test(token: Token, *, samples: int = RANDOM_SAMPLES, length: int = RANDOM_LENGTH) -> None:
    """Draw `samples` times `length` bytes (8 to 64) and judge them together; wants no PIN.

    Raises SelfTestFailed, and what `Token.random` raises.
    """
    drawn = [token.random(length) for _ in range(samples)]
    if any(len(sample) != length for sample in drawn):
        raise SelfTestFailed(Check.LENGTH)
    words = [sample[at : at + _WORD] for sample in drawn for at in range(0, length - length % _WORD, _WORD)]
    if len(set(words)) != len(words):
        raise SelfTestFailed(Check.REPEATED)
    together = b"".join(drawn)
    bits = 8 * len(together)
    ones = int.from_bytes(together).bit_count()
    if (2 * ones - bits) ** 2 > _DEVIATIONS**2 * bits:
        raise SelfTestFailed(Check.BALANCE)


def signature_self_test(token: Token, random: Callable[[int], bytes]) -> None:
    """Have two fresh challenges signed and verify them; wants a verified PIN and a key pair.

    `random` is the desk's own, for the challenges. Raises SelfTestFailed, NoKeyPair, SecurityNotSatisfied, and what
    else `Token.sign` raises.
    """
    public_key = token.public_key()
    if public_key is None:
        raise NoKeyPair("there is no key pair to sign with")
    verify = _verifier(token.algorithm, public_key)
    first = _LABEL + random(_CHALLENGE)
    second = _LABEL + random(_CHALLENGE)
    nonces = set()
    for challenge in (first, second):
        signature = token.sign(challenge)
        nonces.add(_first_number(signature))
        if not verify(challenge, signature):
            raise SelfTestFailed(Check.SIGNATURE)
    if first != second and len(nonces) == 1:
        raise SelfTestFailed(Check.NONCE)


def _first_number(signature: bytes) -> int:
    """Return r of a DER signature (RFC 3279, 2.2.3). Raises SelfTestFailed."""
    try:
        return signatures.decode(signature, _FIELD)[0]
    except ValueError:
        raise SelfTestFailed(Check.SIGNATURE_FORM) from None


def _verifier(algorithm: KeyAlgorithm, public_key: bytes) -> Callable[[bytes, bytes], bool]:
    """Return what judges (message, signature) under a public key. Raises SelfTestFailed."""
    if len(public_key) != _POINT or public_key[0] != 4:  # noqa: PLR2004 - SEC 1, 2.3.3: uncompressed
        raise SelfTestFailed(Check.PUBLIC_KEY)
    match algorithm:
        case KeyAlgorithm.SM2:
            return _sm2_verifier(public_key)
        case KeyAlgorithm.P256:
            return _p256_verifier(public_key)
    assert_never(algorithm)


def _sm2_verifier(public_key: bytes) -> Callable[[bytes, bytes], bool]:
    try:
        sm2().require_point(public_key)
    except PointInvalid:
        raise SelfTestFailed(Check.PUBLIC_KEY) from None
    return lambda message, signature: sm2().verify(public_key, message, signature)


def _p256_verifier(public_key: bytes) -> Callable[[bytes, bytes], bool]:
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError:
        raise SelfTestFailed(Check.PUBLIC_KEY) from None

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return verify
