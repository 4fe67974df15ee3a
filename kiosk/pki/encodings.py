"""Keys and algorithm identifiers in DER and PEM, each in the one form that is issued and accepted here.

SubjectPublicKeyInfo   RFC 5280, section 4.1.2.7, with id-ecPublicKey and a named curve (RFC 5480; GM/T 0010)
PrivateKeyInfo         PKCS#8 (RFC 5958) around ECPrivateKey (RFC 5915) with curve and public key in it
AlgorithmIdentifier    of a signature, its parameters left out (RFC 5758, section 3.2)
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from kiosk.pki import asn1
from kiosk.pki.errors import PkiError, PrivateKeyMalformed, PublicKeyInvalid
from kiosk.pki.suites import COORDINATE_LENGTH, POINT_LENGTH, KeyAlgorithm, PrivateKey, suite

if TYPE_CHECKING:
    from kiosk.pki.suites import Suite

PARSE_ERRORS: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the cryptography package raises for bytes that are no certificate or request."""

_EC_PUBLIC_KEY: Final = asn1.identifier("1.2.840.10045.2.1")

_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----")
_PEM_WIDTH: Final = 64


def signature_algorithm(of: Suite) -> bytes:
    """Return the AlgorithmIdentifier (DER) of a suite's signatures."""
    return asn1.sequence(asn1.identifier(of.signature_algorithm))


def _key_algorithm(of: Suite) -> bytes:
    return asn1.sequence(_EC_PUBLIC_KEY, asn1.identifier(of.curve))


def _public_key_info(algorithm: KeyAlgorithm, public_key: bytes) -> bytes:
    return asn1.sequence(_key_algorithm(suite(algorithm)), asn1.bits(public_key))


def _private_key_info(algorithm: KeyAlgorithm, scalar: bytes, public_key: bytes) -> bytes:
    of = suite(algorithm)
    inner = asn1.sequence(
        asn1.integer(1),
        asn1.element(asn1.OCTET_STRING, scalar),
        asn1.element(asn1.EXPLICIT, asn1.identifier(of.curve)),
        asn1.element(asn1.EXPLICIT + 1, asn1.bits(public_key)),
    )
    return asn1.sequence(asn1.integer(0), _key_algorithm(of), asn1.element(asn1.OCTET_STRING, inner))


# Both forms have one length for each algorithm, and the key at fixed places in them.
_PUBLIC_PREFIX: Final = {
    _public_key_info(algorithm, bytes(POINT_LENGTH))[:-POINT_LENGTH]: algorithm for algorithm in KeyAlgorithm
}
_MARK: Final = b"\xff" * COORDINATE_LENGTH
_SCALAR_AT: Final = {
    algorithm: _private_key_info(algorithm, _MARK, bytes(POINT_LENGTH)).index(_MARK)
    for algorithm in KeyAlgorithm
}


def encode_public_key(algorithm: KeyAlgorithm, public_key: bytes) -> bytes:
    """Return a point as SubjectPublicKeyInfo (DER). Raises PublicKeyInvalid."""
    suite(algorithm).require_point(public_key)
    return _public_key_info(algorithm, public_key)


def decode_public_key(data: bytes) -> tuple[KeyAlgorithm, bytes]:
    """Read algorithm and point from a SubjectPublicKeyInfo (DER). Raises PublicKeyInvalid."""
    algorithm = _PUBLIC_PREFIX.get(data[:-POINT_LENGTH])
    if algorithm is None:
        raise PublicKeyInvalid(
            "no SubjectPublicKeyInfo of an uncompressed point on a known suite's named curve"
        )
    point = data[-POINT_LENGTH:]
    suite(algorithm).require_point(point)
    return algorithm, point


def encode_private_key(private_key: PrivateKey) -> bytes:
    """Return a private key as PKCS#8 (DER), unencrypted: only for the vault."""
    return _private_key_info(private_key.algorithm, private_key.scalar, private_key.public_key)


def decode_private_key(data: bytes) -> PrivateKey:
    """Read a private key from what `encode_private_key` made, and check that its two halves belong together.

    Raises PrivateKeyMalformed.
    """
    point = data[-POINT_LENGTH:]
    for algorithm in KeyAlgorithm:
        scalar = data[_SCALAR_AT[algorithm] :][:COORDINATE_LENGTH]
        if _private_key_info(algorithm, scalar, point) == data:
            private_key = PrivateKey(algorithm, scalar, point)
            suite(algorithm).require_private_key(private_key)
            return private_key
    raise PrivateKeyMalformed("no PKCS#8 private key of a known suite with its public key")


def signed_structure(signed: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """Assemble a certificate or a request: SEQUENCE of signed part, AlgorithmIdentifier, BIT STRING.

    A reader compares its input with this, so that no second encoding of the same certificate is accepted.
    """
    return asn1.sequence(signed, algorithm, asn1.bits(signature))


def to_pem(label: str, data: bytes) -> str:
    """Wrap DER as PEM (RFC 7468), e.g. under CERTIFICATE."""
    lines = textwrap.wrap(base64.b64encode(data).decode("ascii"), _PEM_WIDTH)
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def from_pem(label: str, text: str) -> bytes:
    """Return the DER of the first PEM block, which must have that label. Raises PkiError."""
    found = _PEM.search(text)
    if found is None:
        raise PkiError("no PEM")
    if found[1] != label:
        raise PkiError(f"PEM of {found[1]}, not of {label}")
    try:
        return base64.b64decode("".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise PkiError("no PEM") from error
