"""Reading certificates (X.509 v3, RFC 5280): the general form, and the contents of a member's.

Times are UTC seconds since 1970; a certificate is valid in its first and in its last second.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from asn1crypto import x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki.encodings import DER_ERRORS, read_public_key_info, signed_structure
from kiosk.pki.errors import CertificateMalformed, NameInvalid, PublicKeyInvalid
from kiosk.pki.names import encode_name, read_member_name

if TYPE_CHECKING:
    from kiosk.pki.suites import KeyAlgorithm

MEMBER_SERIAL_BITS = 63
DIGITAL_SIGNATURE = "digital_signature"
CERTIFICATE_SIGNING = "key_cert_sign"
CLIENT_AUTHENTICATION = "client_auth"

# The extensions that are understood here; a certificate with any other critical one is refused.
UNDERSTOOD = frozenset({
    "basic_constraints", "key_usage", "extended_key_usage", "name_constraints",
    "key_identifier", "authority_key_identifier",
})  # fmt: skip


class ParsedCertificate(msgspec.Struct, frozen=True):
    """The parts of a certificate that decide whether it is valid; names are DER.

    `path_length` is None where the certificate sets none; `permitted` holds the names of its name constraints and is
    None without that extension.
    """

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
    key_identifier: bytes | None
    authority_key_identifier: bytes | None
    is_authority: bool
    path_length: int | None
    key_usage: frozenset[str]
    extended_key_usage: frozenset[str]
    permitted: tuple[bytes, ...] | None

    def subject_name(self) -> x509.Name:
        """The subject as a name."""
        return x509.Name.load(self.subject)


class IssuedCertificate(msgspec.Struct, frozen=True):
    """A member's certificate: the number is 16 upper-case hex digits, the point 65 bytes."""

    number: str
    account: str
    enterprise: str
    algorithm: KeyAlgorithm
    public_key: bytes
    not_before: int
    not_after: int
    der: bytes


def parse_certificate(der: bytes) -> ParsedCertificate:
    """Read a certificate without judging it. Raises CertificateMalformed."""
    try:
        return _parse(x509.Certificate.load(der, strict=True), der)
    except (PublicKeyInvalid, NameInvalid) as error:
        raise CertificateMalformed(str(error)) from error
    except DER_ERRORS as error:
        raise CertificateMalformed("no certificate") from error


def _parse(certificate: x509.Certificate, der: bytes) -> ParsedCertificate:
    fields = certificate["tbs_certificate"]
    outer = bytes(certificate["signature_algorithm"].dump())
    if fields["version"].native != "v3" or bytes(fields["signature"].dump()) != outer:
        raise CertificateMalformed("version or signature algorithm")
    signed, signature = bytes(fields.dump()), bytes(certificate["signature_value"].native)
    if signed_structure(signed, outer, signature) != der:
        raise CertificateMalformed("not DER")
    extensions = _extensions(fields["extensions"])
    algorithm, public_key = read_public_key_info(fields["subject_public_key_info"])
    constraints = extensions.get("basic_constraints")
    authority = extensions.get("authority_key_identifier")
    identifier = extensions.get("key_identifier")
    return ParsedCertificate(
        der=der,
        signed=signed,
        signature=signature,
        signature_algorithm=outer,
        serial=int(fields["serial_number"].native),
        issuer=encode_name(fields["issuer"]),
        subject=encode_name(fields["subject"]),
        algorithm=algorithm,
        public_key=public_key,
        not_before=_seconds(fields["validity"]["not_before"]),
        not_after=_seconds(fields["validity"]["not_after"]),
        key_identifier=None if identifier is None else bytes(identifier.native),
        authority_key_identifier=None if authority is None else authority["key_identifier"].native,
        is_authority=constraints is not None and bool(constraints["ca"].native),
        path_length=None if constraints is None else constraints["path_len_constraint"].native,
        key_usage=_usages(extensions, "key_usage"),
        extended_key_usage=_usages(extensions, "extended_key_usage"),
        permitted=_permitted(extensions.get("name_constraints")),
    )


def _extensions(listed: x509.Extensions) -> dict[str, Any]:
    """Return the extensions by name. Raises CertificateMalformed for one twice, or critical and not understood."""
    found: dict[str, Any] = {}
    for extension in listed:
        name = str(extension["extn_id"].native)
        if name in found or (extension["critical"].native and name not in UNDERSTOOD):
            raise CertificateMalformed(f"extension {name}")
        found[name] = extension["extn_value"].parsed
    return found


def _seconds(time: x509.Time) -> int:
    """Return a time as UTC seconds. Raises CertificateMalformed where it is not given in UTC."""
    moment = time.native
    if not isinstance(moment, datetime) or moment.utcoffset() != timedelta(0):
        raise CertificateMalformed("a time that is not in UTC")
    return int(moment.timestamp())


def _usages(extensions: dict[str, Any], name: str) -> frozenset[str]:
    extension = extensions.get(name)
    return frozenset() if extension is None else frozenset(str(usage) for usage in extension.native)


def _permitted(constraints: x509.NameConstraints | None) -> tuple[bytes, ...] | None:
    """Return the permitted names. Raises CertificateMalformed for constraints of any other form."""
    if constraints is None:
        return None
    # An absent optional field gives asn1crypto's Void, which iterates as nothing.
    if len(constraints["excluded_subtrees"]):
        raise CertificateMalformed("excluded subtrees")
    names = []
    for subtree in constraints["permitted_subtrees"]:
        base = subtree["base"]
        if (
            base.name != "directory_name"
            or subtree["minimum"].native
            or subtree["maximum"].native is not None
        ):
            raise CertificateMalformed("name constraint")
        names.append(encode_name(x509.Name(name="", value=base.chosen.chosen)))
    return tuple(names)


def parse_member_certificate(der: bytes) -> IssuedCertificate:
    """Read a member's certificate, without checking who signed it. Raises CertificateMalformed."""
    parsed = parse_certificate(der)
    if parsed.is_authority or parsed.serial <= 0 or parsed.serial.bit_length() > MEMBER_SERIAL_BITS:
        raise CertificateMalformed("not a member's certificate")
    try:
        member = read_member_name(parsed.subject_name())
    except NameInvalid as error:
        raise CertificateMalformed(f"subject: {error.part}") from error
    return IssuedCertificate(
        number=f"{parsed.serial:016X}",
        account=member.account,
        enterprise=member.enterprise,
        algorithm=parsed.algorithm,
        public_key=parsed.public_key,
        not_before=parsed.not_before,
        not_after=parsed.not_after,
        der=der,
    )
