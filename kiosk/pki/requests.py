"""Certification requests (PKCS#10, RFC 2986) whose signature the token makes.

The token signs the bytes of CertificationRequestInfo; its signature completes the request and proves that the token
has the private key.
"""

from __future__ import annotations

import msgspec
from cryptography import x509

from kiosk.pki import asn1
from kiosk.pki.encodings import (
    PARSE_ERRORS,
    decode_public_key,
    encode_public_key,
    signature_algorithm,
    signed_structure,
)
from kiosk.pki.errors import NameInvalid, PossessionNotProved, PublicKeyInvalid, RequestInvalid
from kiosk.pki.names import MemberName, member_name, parts_of
from kiosk.pki.suites import KeyAlgorithm, suite


class VerifiedRequest(msgspec.Struct, frozen=True):
    """A request whose proof of possession holds; `subject` is the DER of its name."""

    algorithm: KeyAlgorithm
    public_key: bytes
    subject: bytes


def certification_request_info(
    organisation: str, member: MemberName, algorithm: KeyAlgorithm, public_key: bytes
) -> bytes:
    """Return the bytes for the token to sign (RFC 2986, section 4.1). Raises NameInvalid, PublicKeyInvalid."""
    return request_info_for(member_name(organisation, member), algorithm, public_key)


def request_info_for(subject: bytes, algorithm: KeyAlgorithm, public_key: bytes) -> bytes:
    """Return the bytes to sign for any name (DER), e.g. an issuing CA's. Raises PublicKeyInvalid."""
    no_attributes = asn1.element(asn1.EXPLICIT)
    return asn1.sequence(asn1.integer(0), subject, encode_public_key(algorithm, public_key), no_attributes)


def assemble(info: bytes, algorithm: KeyAlgorithm, signature: bytes) -> bytes:
    """Complete a request from its signed bytes and the signature (DER r, s). Raises RequestInvalid."""
    request = signed_structure(info, signature_algorithm(suite(algorithm)), signature)
    _load(request)
    return request


def _load(der: bytes) -> x509.CertificateSigningRequest:
    try:
        return x509.load_der_x509_csr(der)
    except PARSE_ERRORS as error:
        raise RequestInvalid("malformed") from error


def verify_request(der: bytes) -> VerifiedRequest:
    """Read a request and check its proof of possession. Raises RequestInvalid, PossessionNotProved."""
    request = _load(der)
    signed, signature = request.tbs_certrequest_bytes, request.signature
    try:
        _, subject, info, _ = asn1.elements(asn1.only(signed, asn1.SEQUENCE))
        parts_of(subject.whole)
        algorithm, public_key = decode_public_key(info.whole)
    except (NameInvalid, PublicKeyInvalid, ValueError) as error:
        raise RequestInvalid(str(error)) from error
    of = suite(algorithm)
    if signed_structure(signed, signature_algorithm(of), signature) != der:
        raise RequestInvalid("not DER, or the signature algorithm is not the key's")
    if not of.verify(public_key, signed, signature):
        raise PossessionNotProved("the request is not signed by its own key")
    return VerifiedRequest(algorithm, public_key, subject.whole)
