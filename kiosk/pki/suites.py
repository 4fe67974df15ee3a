"""The two signature suites: SM2 with SM3 (GB/T 32918, GM/T 0009) and ECDSA on P-256 with SHA-256 (FIPS 186-5).

A public key is the uncompressed point 04 ‖ x ‖ y (65 bytes, SEC 1 section 2.3.3); a signature is DER (r, s)
(RFC 3279, section 2.2.3; GM/T 0009, section 7.3). SM2 uses the usual user ID (GM/T 0009, section 10).
"""

from __future__ import annotations

from typing import Final, Protocol, assert_never

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hardware import ports
from hardware.crypto import libcrypto, signatures
from hardware.crypto.sm2 import PointInvalid, ScalarInvalid, sm2
from kiosk.pki.errors import PrivateKeyMalformed, PublicKeyInvalid

COORDINATE_LENGTH = 32
POINT_LENGTH = 1 + 2 * COORDINATE_LENGTH

_UNCOMPRESSED = 0x04
_P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


# The key pairs in use are those that tokens can hold.
KeyAlgorithm = ports.KeyAlgorithm

# What the first use of SM2 raises on a machine that cannot do it.
LibcryptoUnusable = libcrypto.LibcryptoUnusable


class PrivateKey(msgspec.Struct, frozen=True):
    """A private key: its scalar (32 bytes, big-endian) and its public point (65 bytes)."""

    algorithm: KeyAlgorithm
    scalar: bytes
    public_key: bytes

    def __repr__(self) -> str:
        """Name the key without its secret."""
        return f"PrivateKey({self.algorithm.value}, public_key={self.public_key.hex()})"


class Suite(Protocol):
    """One way to sign: its object identifiers and its four operations."""

    algorithm: KeyAlgorithm
    curve: str
    signature_algorithm: str

    def generate(self) -> PrivateKey:
        """Make a key pair with the library's own randomness."""
        ...

    def sign(self, private_key: PrivateKey, message: bytes) -> bytes:
        """Sign a message. Raises PrivateKeyMalformed."""
        ...

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds; malformed signatures do not. Raises PublicKeyInvalid."""
        ...

    def require_point(self, public_key: bytes) -> None:
        """Raise PublicKeyInvalid unless these 65 bytes are a point on the curve."""
        ...

    def require_private_key(self, private_key: PrivateKey) -> None:
        """Raise PrivateKeyMalformed unless scalar and point belong together."""
        ...


class Sm2WithSm3:
    """SM2 signatures over SM3, by the system's libcrypto; the first use raises LibcryptoUnusable where there is none."""

    algorithm: KeyAlgorithm = KeyAlgorithm.SM2
    curve: str = "1.2.156.10197.1.301"
    signature_algorithm: str = "1.2.156.10197.1.501"

    def generate(self) -> PrivateKey:
        """Make a key pair with libcrypto's randomness."""
        scalar, point = sm2().generate()
        return PrivateKey(self.algorithm, scalar, point)

    def sign(self, private_key: PrivateKey, message: bytes) -> bytes:
        """Sign a message with the usual user ID. Raises PrivateKeyMalformed."""
        try:
            return sm2().sign(private_key.scalar, private_key.public_key, message)
        except (ScalarInvalid, PointInvalid) as error:
            raise PrivateKeyMalformed(str(error)) from error

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds with the usual user ID. Raises PublicKeyInvalid."""
        try:
            return sm2().verify(public_key, message, signature)
        except PointInvalid as error:
            raise PublicKeyInvalid(str(error)) from error

    def require_point(self, public_key: bytes) -> None:
        """Raise PublicKeyInvalid unless these 65 bytes are a point on the curve of GB/T 32918.5."""
        try:
            sm2().require_point(public_key)
        except PointInvalid as error:
            raise PublicKeyInvalid(str(error)) from error

    def require_private_key(self, private_key: PrivateKey) -> None:
        """Raise PrivateKeyMalformed unless the scalar is in range and belongs to the point."""
        try:
            sm2().require_pair(private_key.scalar, private_key.public_key)
        except (ScalarInvalid, PointInvalid) as error:
            raise PrivateKeyMalformed(str(error)) from error


class P256WithSha256:
    """ECDSA on P-256 over SHA-256, by the cryptography package."""

    algorithm: KeyAlgorithm = KeyAlgorithm.P256
    curve: str = "1.2.840.10045.3.1.7"
    signature_algorithm: str = "1.2.840.10045.4.3.2"

    def generate(self) -> PrivateKey:
        """Make a key pair with libcrypto's randomness."""
        key = ec.generate_private_key(ec.SECP256R1())
        scalar = key.private_numbers().private_value.to_bytes(COORDINATE_LENGTH, "big")
        return PrivateKey(self.algorithm, scalar, _p256_point(key))

    def sign(self, private_key: PrivateKey, message: bytes) -> bytes:
        """Sign a message. Raises PrivateKeyMalformed."""
        return self._private(private_key.scalar).sign(message, ec.ECDSA(hashes.SHA256()))

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds. Raises PublicKeyInvalid."""
        key = self._public(public_key)
        try:
            signatures.decode(signature, _P256_ORDER)
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature):
            return False
        return True

    def require_point(self, public_key: bytes) -> None:
        """Raise PublicKeyInvalid unless these 65 bytes are a point on P-256."""
        self._public(public_key)

    def require_private_key(self, private_key: PrivateKey) -> None:
        """Raise PrivateKeyMalformed unless the scalar is in range and gives the point."""
        if _p256_point(self._private(private_key.scalar)) != private_key.public_key:
            raise PrivateKeyMalformed("the P-256 scalar and point do not belong together")

    @staticmethod
    def _private(scalar: bytes) -> ec.EllipticCurvePrivateKey:
        _require_scalar(scalar, _P256_ORDER - 1)
        return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())

    @staticmethod
    def _public(public_key: bytes) -> ec.EllipticCurvePublicKey:
        _require_uncompressed(public_key)
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        except ValueError as error:
            raise PublicKeyInvalid("not a point on P-256") from error


def _p256_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _require_uncompressed(public_key: bytes) -> None:
    if len(public_key) != POINT_LENGTH or public_key[0] != _UNCOMPRESSED:
        raise PublicKeyInvalid("not an uncompressed point of 65 bytes")


def _require_scalar(scalar: bytes, maximum: int) -> None:
    if len(scalar) != COORDINATE_LENGTH or not 1 <= int.from_bytes(scalar, "big") <= maximum:
        raise PrivateKeyMalformed("the scalar is out of range")


SM2: Final = Sm2WithSm3()
P256: Final = P256WithSha256()


def suite(algorithm: KeyAlgorithm) -> Suite:
    """Return the suite of an algorithm."""
    match algorithm:
        case KeyAlgorithm.SM2:
            return SM2
        case KeyAlgorithm.P256:
            return P256
        case _:
            assert_never(algorithm)


def require_sm2() -> str:
    """Load what SM2 needs, and return the version of OpenSSL. Raises LibcryptoUnusable."""
    return sm2().version
