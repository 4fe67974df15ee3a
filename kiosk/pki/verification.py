"""Judging certificates: one link, and the whole chain root → issuing CA → member (RFC 5280, section 6).

Registration and revocation are checked elsewhere.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from asn1crypto import x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.certificates import (
    CERTIFICATE_SIGNING,
    CLIENT_AUTHENTICATION,
    DIGITAL_SIGNATURE,
    parse_certificate,
    parse_member_certificate,
)
from kiosk.pki.encodings import signature_algorithm
from kiosk.pki.errors import (
    CertificateExpired,
    CertificateInvalid,
    CertificateNotYetValid,
    OutsideNameConstraints,
    SignatureInvalid,
)
from kiosk.pki.names import is_within, readable
from kiosk.pki.suites import suite

if TYPE_CHECKING:
    from kiosk.pki.certificates import IssuedCertificate, ParsedCertificate


def verify_certificate(child: ParsedCertificate, issuer: ParsedCertificate) -> None:
    """Check one link: signature, names, key identifiers, what the issuer may sign, and its name constraints.

    Raises CertificateInvalid, SignatureInvalid, OutsideNameConstraints. Times are for `require_valid_at`.
    """
    if not issuer.is_authority or CERTIFICATE_SIGNING not in issuer.key_usage:
        raise CertificateInvalid("the issuer is no certification authority")
    if child.issuer != issuer.subject:
        raise CertificateInvalid("the issuer has another name")
    if child.authority_key_identifier != issuer.key_identifier:
        raise CertificateInvalid("the issuer has another key")
    if child.is_authority and issuer.path_length == 0 and child.der != issuer.der:
        raise CertificateInvalid("the issuer may not certify an authority")
    of = suite(issuer.algorithm)
    expected = bytes(signature_algorithm(of).dump())
    if not hmac.compare_digest(child.signature_algorithm, expected):
        raise SignatureInvalid("the signature algorithm is not the issuer's")
    if not of.verify(issuer.public_key, child.signed, child.signature):
        raise SignatureInvalid("the issuer's key did not sign this")
    require_permitted(child.subject_name(), issuer)


def require_permitted(subject: x509.Name, issuer: ParsedCertificate) -> None:
    """Raise OutsideNameConstraints unless the issuer's name constraints, if any, permit the subject."""
    if issuer.permitted is None:
        return
    if not any(is_within(subject, x509.Name.load(name)) for name in issuer.permitted):
        raise OutsideNameConstraints(readable(subject))


def require_valid_at(certificate: ParsedCertificate, at: int) -> None:
    """Raise CertificateNotYetValid or CertificateExpired unless the certificate is valid at `at` (UTC seconds)."""
    if at < certificate.not_before:
        raise CertificateNotYetValid(certificate.not_before, at)
    if at > certificate.not_after:
        raise CertificateExpired(certificate.not_after, at)


def verify_root(root: bytes) -> ParsedCertificate:
    """Read a root and check that it signed itself. Raises CertificateInvalid and its subclasses."""
    parsed = parse_certificate(root)
    verify_certificate(parsed, parsed)
    return parsed


def verify_issuing(issuing: bytes, root: bytes, at: int) -> ParsedCertificate:
    """Read a kiosk's issuing CA certificate and check it against the root at a time (UTC seconds).

    It must certify members alone (path length 0) and carry name constraints. Raises CertificateInvalid and its subclasses.
    """
    top, parsed = verify_root(root), parse_certificate(issuing)
    verify_certificate(parsed, top)
    if not parsed.is_authority or parsed.path_length != 0 or not parsed.permitted:
        raise CertificateInvalid("not an issuing CA with path length 0 and name constraints")
    for certificate in (top, parsed):
        require_valid_at(certificate, at)
    return parsed


def verify_chain(member: bytes, issuing: bytes, root: bytes, at: int) -> IssuedCertificate:
    """Check a member's certificate up to the root at a time (UTC seconds), and return its contents.

    Raises CertificateInvalid and its subclasses.
    """
    authority, parsed = verify_issuing(issuing, root, at), parse_certificate(member)
    verify_certificate(parsed, authority)
    require_valid_at(parsed, at)
    if DIGITAL_SIGNATURE not in parsed.key_usage or CLIENT_AUTHENTICATION not in parsed.extended_key_usage:
        raise CertificateInvalid("not for authenticating a client")
    return parse_member_certificate(member)
