"""Making certificates (X.509 v3, RFC 5280, section 4): the root, a kiosk's issuing CA, a member's.

Key identifiers are the leftmost 160 bits of SHA-256 over the point (RFC 7093, section 2, method 1).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kiosk.pki import asn1
from kiosk.pki.encodings import encode_public_key, signature_algorithm, signed_structure
from kiosk.pki.suites import KeyAlgorithm, PrivateKey, suite

KEY_IDENTIFIER_LENGTH = 20
_VERSION_3 = 2
_GENERALIZED_TIME_FROM = 2050  # RFC 5280, section 4.1.2.5
_USAGE_PERIOD = x509.ObjectIdentifier("2.5.29.16")
_DIRECTORY_NAME = asn1.EXPLICIT + 4  # GeneralName, RFC 5280, section 4.2.1.6


class Contents(msgspec.Struct, frozen=True):
    """A certificate's contents besides its extensions; the subject is DER, both times in UTC seconds."""

    serial: int
    subject: bytes
    algorithm: KeyAlgorithm
    public_key: bytes
    not_before: int
    not_after: int


class Signer(msgspec.Struct, frozen=True):
    """Who signs: the issuer's name (DER) and private key."""

    name: bytes
    private_key: PrivateKey


def key_identifier(public_key: bytes) -> bytes:
    """Return the 20 bytes by which certificates name a key."""
    return hashlib.sha256(public_key).digest()[:KEY_IDENTIFIER_LENGTH]


def build_root(contents: Contents, private_key: PrivateKey) -> bytes:
    """Make a self-signed root (DER)."""
    extensions = (
        _critical(x509.BasicConstraints(ca=True, path_length=None)),
        _critical(_usage(certifies=True)),
    )
    return _sign(contents, Signer(contents.subject, private_key), extensions)


def build_issuing(contents: Contents, signer: Signer, permitted: bytes) -> bytes:
    """Make an issuing CA's certificate (DER): no CA below it, and members' names only below `permitted` (DER)."""
    # NameConstraints, RFC 5280, section 4.2.1.10: one permitted subtree, of every depth.
    subtree = asn1.sequence(asn1.element(_DIRECTORY_NAME, permitted))
    constraints = asn1.sequence(asn1.element(asn1.EXPLICIT, subtree))
    extensions = (
        _critical(x509.BasicConstraints(ca=True, path_length=0)),
        _critical(_usage(certifies=True)),
        _extension(x509.NameConstraints.oid, constraints, critical=True),
    )
    return _sign(contents, signer, extensions)


def build_member(
    contents: Contents,
    signer: Signer,
    issued: int | None = None,
    statements: tuple[tuple[str, bytes], ...] = (),
) -> bytes:
    """Make a member's certificate (DER): for signatures that authenticate a client, and nothing else.

    `issued` is the moment of issue (UTC seconds) where the certificate begins before it; `statements` are further
    extensions, none of them critical, by their identifiers.
    """
    told = [(_USAGE_PERIOD, _used_from(issued))] if issued is not None else []
    told += [(x509.ObjectIdentifier(identifier), value) for identifier, value in statements]
    extensions = (
        _critical(x509.BasicConstraints(ca=False, path_length=None)),
        _critical(_usage(certifies=False)),
        _plain(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
        *(_extension(identifier, value, critical=False) for identifier, value in told),
    )
    return _sign(contents, signer, extensions)


def _used_from(moment: int) -> bytes:
    """PrivateKeyUsagePeriod with its beginning alone (ITU-T X.509, 9.2.2.5)."""
    text = datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%SZ")
    return asn1.sequence(asn1.element(asn1.IMPLICIT, text.encode()))


def _usage(*, certifies: bool) -> x509.KeyUsage:
    """An authority signs certificates and their revocation, a member signs messages."""
    return x509.KeyUsage(
        digital_signature=not certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )


def _critical(value: x509.ExtensionType) -> bytes:
    return _extension(value.oid, value.public_bytes(), critical=True)


def _plain(value: x509.ExtensionType) -> bytes:
    return _extension(value.oid, value.public_bytes(), critical=False)


def _extension(oid: x509.ObjectIdentifier, value: bytes, *, critical: bool) -> bytes:
    # critical is FALSE where it is left out.
    flag = asn1.element(asn1.BOOLEAN, b"\xff") if critical else b""
    return asn1.sequence(asn1.identifier(oid.dotted_string), flag, asn1.element(asn1.OCTET_STRING, value))


def _time(seconds: int) -> bytes:
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.year < _GENERALIZED_TIME_FROM:
        return asn1.element(asn1.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return asn1.element(asn1.GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _sign(contents: Contents, signer: Signer, extensions: tuple[bytes, ...]) -> bytes:
    algorithm = signature_algorithm(suite(signer.private_key.algorithm))
    subject_key = x509.SubjectKeyIdentifier(key_identifier(contents.public_key))
    issuer_key = x509.AuthorityKeyIdentifier(key_identifier(signer.private_key.public_key), None, None)
    signed = asn1.sequence(
        asn1.element(asn1.EXPLICIT, asn1.integer(_VERSION_3)),
        asn1.integer(contents.serial),
        algorithm,
        signer.name,
        asn1.sequence(_time(contents.not_before), _time(contents.not_after)),
        contents.subject,
        encode_public_key(contents.algorithm, contents.public_key),
        asn1.element(asn1.EXPLICIT + 3, asn1.sequence(*extensions, _plain(subject_key), _plain(issuer_key))),
    )
    signature = suite(signer.private_key.algorithm).sign(signer.private_key, signed)
    return signed_structure(signed, algorithm, signature)
