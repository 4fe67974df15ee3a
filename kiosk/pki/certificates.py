"""Reading certificates (X.509 v3, RFC 5280): the general form, and the contents of a member's.

The cryptography package finds the form right; beside it stands what it takes and no certificate here may have: another
signature algorithm inside than outside, a critical extension that is not understood, an extension, a key or a name of another
form, a number that is not positive. Times are UTC seconds since 1970; a certificate is valid in its first and in its last second.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509

from kiosk.pki import asn1
from kiosk.pki.encodings import PARSE_ERRORS, decode_public_key, signed_structure
from kiosk.pki.errors import CertificateMalformed, NameInvalid, PublicKeyInvalid
from kiosk.pki.extensions import Extensions, read_extensions
from kiosk.pki.names import parts_of, read_member_name

if TYPE_CHECKING:
    from kiosk.pki.suites import KeyAlgorithm

MEMBER_SERIAL_BITS = 63
KEPT_CERTIFICATES: Final = 256
"""Certificates that stay read, the least used go first: those of the authorities are read with every member's."""

_FIELDS: Final = (
    asn1.EXPLICIT, asn1.INTEGER, asn1.SEQUENCE, asn1.SEQUENCE, asn1.SEQUENCE, asn1.SEQUENCE, asn1.SEQUENCE,
    asn1.EXPLICIT + 3,
)  # fmt: skip
"""Version, number, signature algorithm, issuer, validity, subject, key, extensions."""


class ParsedCertificate(msgspec.Struct, frozen=True):
    """The parts of a certificate that decide whether it is valid; names are DER."""

    der: bytes
    signed: bytes
    signature: bytes
    signature_algorithm: bytes
    serial: int
    issuer: bytes
    subject: bytes
    algorithm: KeyAlgorithm
    public_key: bytes
    not_before: int
    not_after: int
    extensions: Extensions


class IssuedCertificate(msgspec.Struct, frozen=True):
    """A member's certificate: the number is 16 upper-case hex digits, the point 65 bytes.

    `not_before` is when it was issued, as people are told; it may be valid from a little earlier on (`ParsedCertificate`),
    for clocks that are behind.
    """

    number: str
    account: str
    enterprise: str
    algorithm: KeyAlgorithm
    public_key: bytes
    not_before: int
    not_after: int
    der: bytes


@functools.lru_cache(KEPT_CERTIFICATES)
def parse_certificate(der: bytes) -> ParsedCertificate:
    """Read a certificate without judging it. Raises CertificateMalformed."""
    try:
        return _parse(der)
    except (PublicKeyInvalid, NameInvalid) as error:
        raise CertificateMalformed(str(error)) from error
    except PARSE_ERRORS as error:
        raise CertificateMalformed("no certificate") from error


def _parse(der: bytes) -> ParsedCertificate:
    """Read a certificate. Raises CertificateMalformed, PublicKeyInvalid, NameInvalid, PARSE_ERRORS."""
    signed, outer, _ = asn1.elements(asn1.only(der, asn1.SEQUENCE))
    fields = asn1.elements(asn1.only(signed.whole, asn1.SEQUENCE))
    if tuple(field.tag for field in fields) != _FIELDS:
        raise CertificateMalformed("fields")
    _, number, inner, issuer, _, subject, key, listed = fields
    serial = int.from_bytes(number.content, signed=True)
    if serial <= 0:
        # Before the parser sees it and tells of it on standard error.
        raise CertificateMalformed("number")
    certificate = x509.load_der_x509_certificate(der)
    if certificate.version is not x509.Version.v3 or inner.whole != outer.whole:
        raise CertificateMalformed("version or signature algorithm")
    if signed_structure(signed.whole, outer.whole, certificate.signature) != der:
        raise CertificateMalformed("not DER")
    parts_of(subject.whole)
    algorithm, public_key = decode_public_key(key.whole)
    return ParsedCertificate(
        der=der,
        signed=signed.whole,
        signature=certificate.signature,
        signature_algorithm=outer.whole,
        serial=serial,
        issuer=issuer.whole,
        subject=subject.whole,
        algorithm=algorithm,
        public_key=public_key,
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        not_after=int(certificate.not_valid_after_utc.timestamp()),
        extensions=read_extensions(listed.content),
    )


def parse_member_certificate(der: bytes) -> IssuedCertificate:
    """Read a member's certificate, without checking who signed it. Raises CertificateMalformed."""
    return member_contents(parse_certificate(der))


def member_contents(parsed: ParsedCertificate) -> IssuedCertificate:
    """Return what a member's certificate says. Raises CertificateMalformed."""
    if parsed.extensions.is_authority or parsed.serial.bit_length() > MEMBER_SERIAL_BITS:
        raise CertificateMalformed("not a member's certificate")
    try:
        member = read_member_name(parsed.subject)
    except NameInvalid as error:
        raise CertificateMalformed(f"subject: {error.part}") from error
    told = parsed.extensions.used_from
    issued = parsed.not_before if told is None else told
    if not parsed.not_before <= issued <= parsed.not_after:
        raise CertificateMalformed("issued outside its validity")
    return IssuedCertificate(
        number=f"{parsed.serial:016X}",
        account=member.account,
        enterprise=member.enterprise,
        algorithm=parsed.algorithm,
        public_key=parsed.public_key,
        not_before=issued,
        not_after=parsed.not_after,
        der=parsed.der,
    )
