"""Why keys, requests and certificates are refused.

    PkiError
    ├── PrivateKeyMalformed         the stored bytes are no private key of a known suite
    ├── PublicKeyInvalid            not a point on its curve, or of no known suite
    ├── NameInvalid                 a name's part is empty, too long, or has forbidden characters (part)
    ├── SealBroken                  the sealed bytes were changed, or the key or context is another
    ├── RequestInvalid              a certification request is malformed or for another member (reason)
    │   └── PossessionNotProved     its signature is not by the key it asks for
    ├── IssueRefused                the issuing CA may not issue this (reason)
    │   └── EndBeyondIssuer         the end is after the issuing CA's own (end, limit)
    └── CertificateInvalid          a certificate is not valid (reason)
        ├── CertificateMalformed    the bytes are no certificate of the form that is issued here
        ├── SignatureInvalid        it is not signed by its issuer's key
        ├── CertificateNotYetValid  (not_before, at)
        ├── CertificateExpired      (not_after, at)
        └── OutsideNameConstraints  its subject is not below a name that its issuer permits (subject)

Times are UTC seconds. None of them carries a private key.
"""

from __future__ import annotations


class PkiError(Exception):
    """Something is wrong with a key, a request or a certificate."""


class PrivateKeyMalformed(PkiError):
    """The bytes are no private key of a known suite."""


class PublicKeyInvalid(PkiError):
    """The public key is not a point on its curve, or of no known suite."""


class NameInvalid(PkiError):
    """A part of a name is not allowed in a certificate."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} cannot be in a certificate's name")
        self.part = part


class SealBroken(PkiError):
    """Sealed bytes were changed, or they were sealed with another key or for another context."""


class RequestInvalid(PkiError):
    """A certification request cannot be taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PossessionNotProved(RequestInvalid):
    """The request was not signed by the private key of the public key in it."""


class IssueRefused(PkiError):
    """The issuing CA may not issue this certificate."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EndBeyondIssuer(IssueRefused):
    """The certificate would outlive its issuing CA (UTC seconds)."""

    def __init__(self, end: int, limit: int) -> None:
        super().__init__(f"the end {end} passes the issuing CA's, {limit}")
        self.end = end
        self.limit = limit


class CertificateInvalid(PkiError):
    """A certificate is not valid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CertificateMalformed(CertificateInvalid):
    """The bytes are no certificate of the form that is issued here."""


class SignatureInvalid(CertificateInvalid):
    """The issuer's key did not sign the certificate."""


class CertificateNotYetValid(CertificateInvalid):
    """The certificate's validity has not begun (UTC seconds)."""

    def __init__(self, not_before: int, at: int) -> None:
        super().__init__(f"valid from {not_before}, not at {at}")
        self.not_before = not_before
        self.at = at


class CertificateExpired(CertificateInvalid):
    """The certificate's validity has ended (UTC seconds)."""

    def __init__(self, not_after: int, at: int) -> None:
        super().__init__(f"valid until {not_after}, not at {at}")
        self.not_after = not_after
        self.at = at


class OutsideNameConstraints(CertificateInvalid):
    """The subject is not below a name that the issuer permits."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"not permitted: {subject}")
        self.subject = subject
