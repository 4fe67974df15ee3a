"""Judging certificates: one link, and the whole chain root → issuing CA → member (RFC 5280, section 6).

Registration and revocation are checked elsewhere.
"""

from __future__ import annotations

import functools
import hmac
from typing import TYPE_CHECKING, Final

from kiosk.pki.certificates import member_contents, parse_certificate
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

KEPT_AUTHORITIES: Final = 256
"""Issuing CAs whose signatures were checked and need not be again; the least used go first."""


def verify_certificate(child: ParsedCertificate, issuer: ParsedCertificate) -> None:
    """Check one link: signature, names, key identifiers, what the issuer may sign, and its name constraints.

    Raises CertificateInvalid, SignatureInvalid, OutsideNameConstraints. Times are for `require_valid_at`.
    """
    if not issuer.extensions.is_authority or not issuer.extensions.signs_certificates:
        raise CertificateInvalid("the issuer is no certification authority")
    if child.issuer != issuer.subject:
        raise CertificateInvalid("the issuer has another name")
    if child.extensions.authority_key_identifier != issuer.extensions.key_identifier:
        raise CertificateInvalid("the issuer has another key")
    no_more = issuer.extensions.path_length == 0 and child.der != issuer.der
    if child.extensions.is_authority and no_more:
        raise CertificateInvalid("the issuer may not certify an authority")
    of = suite(issuer.algorithm)
    if not hmac.compare_digest(child.signature_algorithm, signature_algorithm(of)):
        raise SignatureInvalid("the signature algorithm is not the issuer's")
    if not of.verify(issuer.public_key, child.signed, child.signature):
        raise SignatureInvalid("the issuer's key did not sign this")
    require_permitted(child.subject, issuer)


def require_permitted(subject: bytes, issuer: ParsedCertificate) -> None:
    """Raise OutsideNameConstraints unless the issuer's name constraints, if any, permit the subject (DER)."""
    permitted = issuer.extensions.permitted
    if permitted is not None and not any(is_within(subject, name) for name in permitted):
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
    top, parsed = _authorities(issuing, root)
    for certificate in (top, parsed):
        require_valid_at(certificate, at)
    return parsed


@functools.lru_cache(KEPT_AUTHORITIES)
def _authorities(issuing: bytes, root: bytes) -> tuple[ParsedCertificate, ParsedCertificate]:
    """Return root and issuing CA, checked but for the time. Raises CertificateInvalid and its subclasses."""
    top, parsed = verify_root(root), parse_certificate(issuing)
    verify_certificate(parsed, top)
    says = parsed.extensions
    if not says.is_authority or says.path_length != 0 or not says.permitted:
        raise CertificateInvalid("not an issuing CA with path length 0 and name constraints")
    return top, parsed


def verify_chain(
    member: bytes, issuing: bytes, root: bytes, at: int, tolerance: int = 0
) -> IssuedCertificate:
    """Check a member's certificate up to the root at a time (UTC seconds), and return its contents.

    It may begin up to `tolerance` seconds later: its kiosk's clock may have been ahead. Raises CertificateInvalid and its subclasses.
    """
    authority, parsed = verify_issuing(issuing, root, at), parse_certificate(member)
    verify_certificate(parsed, authority)
    require_valid_at(parsed, max(at, min(at + tolerance, parsed.not_before)))
    if not parsed.extensions.signs_messages or not parsed.extensions.authenticates_clients:
        raise CertificateInvalid("not for authenticating a client")
    return member_contents(parsed)
