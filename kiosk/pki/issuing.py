"""The authorities: the centre's root, which certifies kiosks, and a kiosk's issuing CA, which certifies members.

No I/O: private keys come from the vault as PKCS#8 bytes, numbers and times as arguments (UTC seconds).
"""

from __future__ import annotations

import hashlib

import msgspec

from kiosk.pki.building import Contents, Signer, build_issuing, build_member, build_root
from kiosk.pki.certificates import MEMBER_SERIAL_BITS, ParsedCertificate, parse_certificate
from kiosk.pki.encodings import decode_private_key
from kiosk.pki.errors import CertificateInvalid, EndBeyondIssuer, IssueRefused, RequestInvalid
from kiosk.pki.names import MemberName, issuing_name, member_name, organisation_of, prefix_name, root_name
from kiosk.pki.requests import VerifiedRequest, assemble, request_info_for, verify_request
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite
from kiosk.pki.verification import require_permitted, verify_issuing, verify_root


class RootAuthority(msgspec.Struct, frozen=True):
    """The centre's root: it makes one issuing CA certificate for every enrolled kiosk."""

    private_key: PrivateKey
    certificate: ParsedCertificate
    organisation: str

    @classmethod
    def create(
        cls, organisation: str, private_key: PrivateKey, serial: int, not_before: int, not_after: int
    ) -> RootAuthority:
        """Make a new self-signed root. Raises NameInvalid."""
        contents = Contents(
            serial=serial,
            subject=root_name(organisation),
            algorithm=private_key.algorithm,
            public_key=private_key.public_key,
            not_before=not_before,
            not_after=not_after,
        )
        return cls(private_key, parse_certificate(build_root(contents, private_key)), organisation)

    @classmethod
    def load(cls, private_key: bytes, certificate: bytes) -> RootAuthority:
        """Take up an existing root. Raises PrivateKeyMalformed, CertificateInvalid, NameInvalid."""
        key, parsed = decode_private_key(private_key), verify_root(certificate)
        _require_own(key, parsed)
        return cls(key, parsed, organisation_of(parsed.subject))

    def certify_kiosk(
        self, request: bytes, kiosk: int, serial: int, not_before: int, not_after: int
    ) -> bytes:
        """Return the certificate (DER) of one kiosk's issuing CA for its request (see `issuing_request`).

        Raises RequestInvalid, PossessionNotProved, EndBeyondIssuer, IssueRefused.
        """
        verified = kiosk_request(self.organisation, request, kiosk)
        subject = verified.subject
        _require_period(self.certificate, not_before, not_after)
        contents = Contents(
            serial=serial,
            subject=subject,
            algorithm=verified.algorithm,
            public_key=verified.public_key,
            not_before=not_before,
            not_after=not_after,
        )
        signer = Signer(self.certificate.subject, self.private_key)
        return build_issuing(contents, signer, prefix_name(self.organisation))


class IssuingAuthority(msgspec.Struct, frozen=True):
    """A kiosk's issuing CA: private key, its certificate, and the root above it (DER)."""

    private_key: PrivateKey
    certificate: ParsedCertificate
    root: bytes
    organisation: str

    @classmethod
    def load(cls, private_key: bytes, certificate: bytes, root: bytes, at: int) -> IssuingAuthority:
        """Take up an issuing CA, checked against its root at that time.

        Raises PrivateKeyMalformed, CertificateInvalid and its subclasses, NameInvalid.
        """
        key, parsed = decode_private_key(private_key), verify_issuing(certificate, root, at)
        _require_own(key, parsed)
        return cls(key, parsed, root, organisation_of(parsed.subject))

    @property
    def limit(self) -> int:
        """The end (UTC seconds) that no certificate may pass."""
        return self.certificate.not_after

    def issue(
        self,
        request: bytes,
        member: MemberName,
        number: int,
        issued: int,
        not_after: int,
        early: int = 0,
        statements: tuple[tuple[str, bytes], ...] = (),
    ) -> bytes:
        """Return the member's certificate (DER) for a request that the member's token signed.

        `number` is the certificate number as an integer of at most 63 bits. The certificate is valid from `early` seconds
        before it is issued, for clocks that are behind, but not from before the issuing CA's. `statements` are further
        extensions (`ports.KeyOrigin`). Raises RequestInvalid, PossessionNotProved, NameInvalid, OutsideNameConstraints, EndBeyondIssuer, IssueRefused.
        """
        if number <= 0 or number.bit_length() > MEMBER_SERIAL_BITS:
            raise IssueRefused(f"the number {number:X} has no 63 bits")
        verified = verify_request(request)
        require_permitted(verified.subject, self.certificate)
        if verified.subject != member_name(self.organisation, member):
            raise RequestInvalid("the request names another member")
        _require_period(self.certificate, issued, not_after)
        begin = max(issued - early, self.certificate.not_before)
        contents = Contents(
            serial=number,
            subject=verified.subject,
            algorithm=verified.algorithm,
            public_key=verified.public_key,
            not_before=begin,
            not_after=not_after,
        )
        signer = Signer(self.certificate.subject, self.private_key)
        return build_member(contents, signer, issued if begin < issued else None, statements)


def kiosk_request(organisation: str, request: bytes, kiosk: int) -> VerifiedRequest:
    """Check a kiosk's request for its issuing CA certificate. Raises RequestInvalid, PossessionNotProved."""
    verified = verify_request(request)
    if verified.subject != issuing_name(organisation, kiosk):
        raise RequestInvalid("the request names another kiosk")
    return verified


def key_fingerprint(public_key: bytes) -> str:
    """How people compare a key: the first 64 bits of its SHA-256, as `XXXX-XXXX-XXXX-XXXX`."""
    digits = hashlib.sha256(public_key).hexdigest()[:16].upper()
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def private_key_fingerprint(encoded: bytes) -> str:
    """The same of a key pair's public half (PKCS#8). Raises PkiError."""
    return key_fingerprint(decode_private_key(encoded).public_key)


def issuing_request(organisation: str, kiosk: int, private_key: PrivateKey) -> bytes:
    """Return a kiosk's own request (PKCS#10, DER) for its issuing CA certificate. Raises NameInvalid."""
    algorithm: KeyAlgorithm = private_key.algorithm
    info = request_info_for(issuing_name(organisation, kiosk), algorithm, private_key.public_key)
    return assemble(info, algorithm, suite(algorithm).sign(private_key, info))


def _require_own(private_key: PrivateKey, certificate: ParsedCertificate) -> None:
    if (private_key.algorithm, private_key.public_key) != (certificate.algorithm, certificate.public_key):
        raise CertificateInvalid("the certificate is for another key")


def _require_period(issuer: ParsedCertificate, not_before: int, not_after: int) -> None:
    if not_before < issuer.not_before or not_after <= not_before:
        raise IssueRefused(
            f"the validity {not_before} to {not_after} is empty or begins before the issuing CA's"
        )
    if not_after > issuer.not_after:
        raise EndBeyondIssuer(not_after, issuer.not_after)
