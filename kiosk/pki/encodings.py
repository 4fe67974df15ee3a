"""Keys and algorithm identifiers in DER and PEM.

SubjectPublicKeyInfo   RFC 5280, section 4.1.2.7, with id-ecPublicKey and a named curve (RFC 5480; GM/T 0010)
PrivateKeyInfo         PKCS#8 (RFC 5958) around ECPrivateKey (RFC 5915) with the public key in it
AlgorithmIdentifier    of a signature, its parameters left out (RFC 5758, section 3.2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asn1crypto import algos, core, keys, pem  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.errors import PkiError, PrivateKeyMalformed, PublicKeyInvalid
from kiosk.pki.suites import COORDINATE_LENGTH, SM2, KeyAlgorithm, PrivateKey, suite

if TYPE_CHECKING:
    from kiosk.pki.suites import Suite

# What asn1crypto raises for bytes that are not what they should be.
DER_ERRORS = (ValueError, TypeError, KeyError, IndexError, OverflowError)

# asn1crypto pads a private key to its curve's width and has to be told this curve's.
keys.NamedCurve.register("sm2p256v1", SM2.curve, COORDINATE_LENGTH)

_ALGORITHM_OF_CURVE = {suite(algorithm).curve: algorithm for algorithm in KeyAlgorithm}


def signature_algorithm(of: Suite) -> algos.SignedDigestAlgorithm:
    """Return the AlgorithmIdentifier of a suite's signatures."""
    return algos.SignedDigestAlgorithm({"algorithm": of.signature_algorithm})


def public_key_info(algorithm: KeyAlgorithm, public_key: bytes) -> keys.PublicKeyInfo:
    """Return the SubjectPublicKeyInfo of a point. Raises PublicKeyInvalid."""
    of = suite(algorithm)
    of.require_point(public_key)
    return keys.PublicKeyInfo(
        {
            "algorithm": {"algorithm": "ec", "parameters": _named_curve(of)},
            "public_key": keys.ECPointBitString(public_key),
        }
    )


def _named_curve(of: Suite) -> keys.ECDomainParameters:
    return keys.ECDomainParameters(name="named", value=keys.NamedCurve(of.curve))


def read_public_key_info(info: keys.PublicKeyInfo) -> tuple[KeyAlgorithm, bytes]:
    """Return algorithm and point of a SubjectPublicKeyInfo. Raises PublicKeyInvalid."""
    try:
        parameters = info["algorithm"]["parameters"]
        if info["algorithm"]["algorithm"].native != "ec" or parameters.name != "named":
            raise PublicKeyInvalid("no key on a named curve")
        algorithm = _ALGORITHM_OF_CURVE.get(parameters.chosen.dotted)
        point = bytes(info["public_key"].native)
    except DER_ERRORS as error:
        raise PublicKeyInvalid("no SubjectPublicKeyInfo") from error
    if algorithm is None:
        raise PublicKeyInvalid("a curve of no known suite")
    suite(algorithm).require_point(point)
    return algorithm, point


def encode_public_key(algorithm: KeyAlgorithm, public_key: bytes) -> bytes:
    """Return a point as SubjectPublicKeyInfo (DER). Raises PublicKeyInvalid."""
    return bytes(public_key_info(algorithm, public_key).dump())


def decode_public_key(data: bytes) -> tuple[KeyAlgorithm, bytes]:
    """Read algorithm and point from a SubjectPublicKeyInfo (DER). Raises PublicKeyInvalid."""
    try:
        info = keys.PublicKeyInfo.load(data, strict=True)
    except DER_ERRORS as error:
        raise PublicKeyInvalid("no SubjectPublicKeyInfo") from error
    return read_public_key_info(info)


def encode_private_key(private_key: PrivateKey) -> bytes:
    """Return a private key as PKCS#8 (DER), unencrypted: only for the vault."""
    of = suite(private_key.algorithm)
    inner = keys.ECPrivateKey(
        {
            "version": 1,
            "private_key": int.from_bytes(private_key.scalar, "big"),
            "parameters": _named_curve(of),
            "public_key": keys.ECPointBitString(private_key.public_key),
        }
    )
    info = keys.PrivateKeyInfo(
        {
            "version": 0,
            "private_key_algorithm": {"algorithm": "ec", "parameters": _named_curve(of)},
            "private_key": inner,
        }
    )
    return bytes(info.dump())


def decode_private_key(data: bytes) -> PrivateKey:
    """Read a private key from PKCS#8 (DER) and check that its two halves belong together.

    Raises PrivateKeyMalformed.
    """
    try:
        info = keys.PrivateKeyInfo.load(data, strict=True)
        parameters = info["private_key_algorithm"]["parameters"]
        if info["private_key_algorithm"]["algorithm"].native != "ec" or parameters.name != "named":
            raise PrivateKeyMalformed("no key on a named curve")
        algorithm = _ALGORITHM_OF_CURVE.get(parameters.chosen.dotted)
        inner = info["private_key"].parsed
        scalar = int(inner["private_key"].native).to_bytes(COORDINATE_LENGTH, "big")
        point = inner["public_key"].native
    except DER_ERRORS as error:
        raise PrivateKeyMalformed("no PKCS#8 private key") from error
    if algorithm is None or point is None:
        raise PrivateKeyMalformed("a curve of no known suite, or no public key beside it")
    private_key = PrivateKey(algorithm, scalar, bytes(point))
    suite(algorithm).require_private_key(private_key)
    return private_key


def signed_structure(signed: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """Assemble a certificate or a request: SEQUENCE of signed part, AlgorithmIdentifier, BIT STRING.

    A reader compares its input with this, so that no second encoding of the same certificate is accepted.
    """
    contents = signed + algorithm + bytes(core.OctetBitString(signature).dump())
    return bytes(core.Sequence(contents=contents).dump())


def to_pem(label: str, der: bytes) -> str:
    """Wrap DER as PEM (RFC 7468), e.g. under CERTIFICATE."""
    return bytes(pem.armor(label, der)).decode("ascii")


def from_pem(label: str, text: str) -> bytes:
    """Return the DER of the first PEM block, which must have that label. Raises PkiError."""
    try:
        found, _, der = pem.unarmor(text.encode("ascii"))
    except DER_ERRORS as error:
        raise PkiError("no PEM") from error
    if found != label:
        raise PkiError(f"PEM of {found}, not of {label}")
    return bytes(der)
