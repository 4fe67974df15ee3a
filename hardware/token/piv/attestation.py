"""Where a PIV card's key pair was made, by Yubico's attestation: checked up to a root that the desk was told to trust.

    statement   made by ATTEST: a certificate of the slot's key pair, signed by the card's own attestation key (slot F9)
    device      the certificate of that key, on the card; signed by the maker
    authorities the maker's certificates, from the configuration: what signed itself is a root, the others lead to one

Extensions of the statement (Yubico's reference, PIV attestation): firmware, serial number, PIN and touch policy, form
factor. Dates are not looked at: a statement tells how a key pair was made, which stays so.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from hardware.ports import AttestationRefused, KeyOrigin
from hardware.token.piv.objects import certified_point

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_SERIAL: Final = "1.3.6.1.4.1.41482.3.7"
_STATEMENTS: Final = (
    "1.3.6.1.4.1.41482.3.3",
    _SERIAL,
    "1.3.6.1.4.1.41482.3.8",
    "1.3.6.1.4.1.41482.3.9",
)
"""Firmware, serial number, policies, form factor: what is passed on."""

_LONGEST_STATEMENT: Final = 32
_LONGEST_PATH: Final = 5
_INTEGER: Final = 2


def authorities_in(text: str) -> tuple[bytes, ...]:
    """Read a maker's certificates (DER) from PEM; none from an empty text. Raises ValueError."""
    if not text.strip():
        return ()
    found = x509.load_pem_x509_certificates(text.encode())
    if not any(_issued(each, each) for each in found):
        raise ValueError("none of the attestation authorities is a root")
    return tuple(each.public_bytes(Encoding.DER) for each in found)


def judge(
    statement: bytes, device: bytes, authorities: Sequence[bytes], public_key: bytes, serial: str
) -> KeyOrigin:
    """Check a statement (DER) about the key pair of that point on the card of that serial number.

    Raises AttestationRefused.
    """
    said, own, *known = (_load(each) for each in (statement, device, *authorities))
    if certified_point(statement) != public_key:
        raise AttestationRefused("it is about another key pair")
    told = _statements(said)
    if _SERIAL not in told:  # not every statement under a maker's root is about a PIV key
        raise AttestationRefused("it names no card")
    if _number(told[_SERIAL]) != serial:
        raise AttestationRefused("it is about another card")
    if not _issued(said, own):
        raise AttestationRefused("the card's attestation key did not sign it")
    return KeyOrigin(_root_above(own, known), tuple(told.items()))


def _load(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except _PARSE_ERRORS:
        raise AttestationRefused("it is no certificate") from None


def _statements(said: x509.Certificate) -> dict[str, bytes]:
    try:
        found = {each.oid.dotted_string: each.value for each in said.extensions}
    except _PARSE_ERRORS:
        raise AttestationRefused("its extensions cannot be read") from None
    values = {oid: found[oid] for oid in _STATEMENTS if oid in found}
    told = {
        oid: value.value for oid, value in values.items() if isinstance(value, x509.UnrecognizedExtension)
    }
    if any(len(value) > _LONGEST_STATEMENT for value in told.values()):
        raise AttestationRefused("an extension is too long")
    return told


def _number(value: bytes) -> str:
    """Read a serial number, a DER INTEGER of less than 128 bytes, as cards show it. Raises AttestationRefused."""
    if len(value) < 3 or value[0] != _INTEGER or value[1] != len(value) - 2:  # noqa: PLR2004 - tag, length, a digit
        raise AttestationRefused("its serial number is no number")
    return str(int.from_bytes(value[2:], signed=True))


def _root_above(certificate: x509.Certificate, known: Iterable[x509.Certificate]) -> str:
    """Return the SHA-256 of the root that a certificate leads to. Raises AttestationRefused."""
    left, path = list(known), certificate
    for _ in range(_LONGEST_PATH):
        issuer = next((each for each in left if _issued(path, each)), None)
        if issuer is None:
            break
        if _issued(issuer, issuer):
            return hashlib.sha256(issuer.public_bytes(Encoding.DER)).hexdigest()
        left.remove(issuer)
        path = issuer
    raise AttestationRefused("it leads to no root that is trusted")


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (*_PARSE_ERRORS, InvalidSignature):
        return False
    return True
