"""Making certificates (X.509 v3, RFC 5280, section 4): the root, a kiosk's issuing CA, a member's.

Key identifiers are the leftmost 160 bits of SHA-256 over the point (RFC 7093, section 2, method 1).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec
from asn1crypto import core, x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.certificates import CERTIFICATE_SIGNING, CLIENT_AUTHENTICATION, DIGITAL_SIGNATURE
from kiosk.pki.encodings import public_key_info, signature_algorithm
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite

KEY_IDENTIFIER_LENGTH = 20
_GENERALIZED_TIME_FROM = 2050  # RFC 5280, section 4.1.2.5


class Contents(msgspec.Struct, frozen=True):
    """A certificate's contents besides its extensions; both times in UTC seconds."""

    serial: int
    subject: x509.Name
    algorithm: KeyAlgorithm
    public_key: bytes
    not_before: int
    not_after: int


class Signer(msgspec.Struct, frozen=True):
    """Who signs: the issuer's name and private key."""

    name: x509.Name
    private_key: PrivateKey


def key_identifier(public_key: bytes) -> bytes:
    """Return the 20 bytes by which certificates name a key."""
    return hashlib.sha256(public_key).digest()[:KEY_IDENTIFIER_LENGTH]


def build_root(contents: Contents, private_key: PrivateKey) -> bytes:
    """Make a self-signed root (DER)."""
    extensions = [
        _extension("basic_constraints", x509.BasicConstraints({"ca": True}), critical=True),
        _extension("key_usage", x509.KeyUsage({CERTIFICATE_SIGNING, "crl_sign"}), critical=True),
    ]
    return _sign(contents, Signer(contents.subject, private_key), extensions)


def build_issuing(contents: Contents, signer: Signer, permitted: x509.Name) -> bytes:
    """Make an issuing CA's certificate (DER): no CA below it, and members' names only below `permitted`."""
    subtree = x509.GeneralSubtree({"base": x509.GeneralName(name="directory_name", value=permitted)})
    constraints = x509.NameConstraints({"permitted_subtrees": x509.GeneralSubtrees([subtree])})
    basic = x509.BasicConstraints({"ca": True, "path_len_constraint": 0})
    extensions = [
        _extension("basic_constraints", basic, critical=True),
        _extension("key_usage", x509.KeyUsage({CERTIFICATE_SIGNING, "crl_sign"}), critical=True),
        _extension("name_constraints", constraints, critical=True),
    ]
    return _sign(contents, signer, extensions)


def build_member(contents: Contents, signer: Signer) -> bytes:
    """Make a member's certificate (DER): for signatures that authenticate a client, and nothing else."""
    extensions = [
        _extension("basic_constraints", x509.BasicConstraints({"ca": False}), critical=True),
        _extension("key_usage", x509.KeyUsage({DIGITAL_SIGNATURE}), critical=True),
        _extension("extended_key_usage", x509.ExtKeyUsageSyntax([CLIENT_AUTHENTICATION]), critical=False),
    ]
    return _sign(contents, signer, extensions)


def _extension(name: str, value: core.Asn1Value, *, critical: bool) -> x509.Extension:
    return x509.Extension(
        {
            "extn_id": name,
            "critical": critical,
            "extn_value": core.ParsableOctetString(value.dump()),
        }
    )


def _time(seconds: int) -> x509.Time:
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.year < _GENERALIZED_TIME_FROM:
        return x509.Time(name="utc_time", value=core.UTCTime(moment))
    return x509.Time(name="general_time", value=core.GeneralizedTime(moment))


def _sign(contents: Contents, signer: Signer, extensions: list[x509.Extension]) -> bytes:
    of = suite(signer.private_key.algorithm)
    authority = x509.AuthorityKeyIdentifier(
        {
            "key_identifier": key_identifier(signer.private_key.public_key),
        }
    )
    identifier = core.OctetString(key_identifier(contents.public_key))
    fields = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": contents.serial,
            "signature": signature_algorithm(of),
            "issuer": signer.name,
            "validity": {"not_before": _time(contents.not_before), "not_after": _time(contents.not_after)},
            "subject": contents.subject,
            "subject_public_key_info": public_key_info(contents.algorithm, contents.public_key),
            "extensions": x509.Extensions(
                [
                    *extensions,
                    _extension("key_identifier", identifier, critical=False),
                    _extension("authority_key_identifier", authority, critical=False),
                ]
            ),
        }
    )
    certificate = x509.Certificate(
        {
            "tbs_certificate": fields,
            "signature_algorithm": signature_algorithm(of),
            "signature_value": core.OctetBitString(of.sign(signer.private_key, bytes(fields.dump()))),
        }
    )
    return bytes(certificate.dump())
