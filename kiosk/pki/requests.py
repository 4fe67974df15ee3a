"""Certification requests (PKCS#10, RFC 2986) whose signature the token makes.

The token signs the bytes of CertificationRequestInfo; its signature completes the request and proves that the token
has the private key.
"""

from __future__ import annotations

import msgspec
from asn1crypto import core, csr, x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.encodings import (
    DER_ERRORS,
    public_key_info,
    read_public_key_info,
    signature_algorithm,
    signed_structure,
)
from kiosk.pki.errors import NameInvalid, PossessionNotProved, PublicKeyInvalid, RequestInvalid
from kiosk.pki.names import MemberName, encode_name, member_name
from kiosk.pki.suites import KeyAlgorithm, suite


class VerifiedRequest(msgspec.Struct, frozen=True):
    """A request whose proof of possession holds; `subject` is the DER of its name."""

    algorithm: KeyAlgorithm
    public_key: bytes
    subject: bytes

    def subject_name(self) -> x509.Name:
        """The subject as a name."""
        return x509.Name.load(self.subject)


def certification_request_info(
    organisation: str, member: MemberName, algorithm: KeyAlgorithm, public_key: bytes
) -> bytes:
    """Return the bytes for the token to sign (RFC 2986, section 4.1). Raises NameInvalid, PublicKeyInvalid."""
    return request_info_for(member_name(organisation, member), algorithm, public_key)


def request_info_for(subject: x509.Name, algorithm: KeyAlgorithm, public_key: bytes) -> bytes:
    """Return the bytes to sign for any name, e.g. an issuing CA's. Raises PublicKeyInvalid."""
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": subject,
            "subject_pk_info": public_key_info(algorithm, public_key),
            "attributes": csr.CRIAttributes([]),
        }
    )
    return bytes(info.dump())


def assemble(info: bytes, algorithm: KeyAlgorithm, signature: bytes) -> bytes:
    """Complete a request from its signed bytes and the signature (DER r, s). Raises RequestInvalid."""
    try:
        request = csr.CertificationRequest(
            {
                "certification_request_info": csr.CertificationRequestInfo.load(info, strict=True),
                "signature_algorithm": signature_algorithm(suite(algorithm)),
                "signature": core.OctetBitString(signature),
            }
        )
        return bytes(request.dump())
    except DER_ERRORS as error:
        raise RequestInvalid("malformed") from error


def verify_request(der: bytes) -> VerifiedRequest:
    """Read a request and check its proof of possession. Raises RequestInvalid, PossessionNotProved."""
    try:
        request = csr.CertificationRequest.load(der, strict=True)
        info = request["certification_request_info"]
        signed, signature = bytes(info.dump()), bytes(request["signature"].native)
        named_algorithm = bytes(request["signature_algorithm"].dump())
        subject = encode_name(info["subject"])
        algorithm, public_key = read_public_key_info(info["subject_pk_info"])
    except (PublicKeyInvalid, NameInvalid) as error:
        raise RequestInvalid(str(error)) from error
    except DER_ERRORS as error:
        raise RequestInvalid("malformed") from error
    if signed_structure(signed, named_algorithm, signature) != der:
        raise RequestInvalid("not DER")
    of = suite(algorithm)
    if named_algorithm != bytes(signature_algorithm(of).dump()):
        raise RequestInvalid("signature algorithm")
    if not of.verify(public_key, signed, signature):
        raise PossessionNotProved("the request is not signed by its own key")
    return VerifiedRequest(algorithm, public_key, subject)
