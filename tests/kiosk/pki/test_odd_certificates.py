"""Certificates, requests and keys of every odd form: refused by their own errors, without a word on standard error.

The odd certificates are signed by the right key, so that nothing but their form speaks against them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from asn1crypto import x509 as judge  # type: ignore[import-untyped]  # the package has no types

from kiosk.pki import asn1
from kiosk.pki.certificates import parse_certificate, parse_member_certificate
from kiosk.pki.encodings import (
    decode_private_key,
    decode_public_key,
    encode_private_key,
    encode_public_key,
    signature_algorithm,
    signed_structure,
)
from kiosk.pki.errors import (
    CertificateInvalid,
    CertificateMalformed,
    PrivateKeyMalformed,
    PublicKeyInvalid,
    RequestInvalid,
)
from kiosk.pki.requests import verify_request
from kiosk.pki.suites import KeyAlgorithm, suite
from kiosk.pki.verification import verify_chain
from tests.support.odd_certificates import WITHOUT_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kiosk.pki.issuing import IssuingAuthority, RootAuthority

EC = asn1.identifier("1.2.840.10045.2.1")
NULL = b"\x05\0"
YEAR = 365 * 86_400

# The places in the signed part.
VERSION, NUMBER, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(8)


@pytest.fixture(autouse=True)
def _without_a_word() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_public_key_without_parameters_is_refused() -> None:
    with pytest.raises(PublicKeyInvalid):
        decode_public_key(WITHOUT_PARAMETERS)


def _rebuilt(data: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Change the elements within one element."""
    (outer,) = asn1.elements(data)
    return asn1.element(outer.tag, *change([each.whole for each in asn1.elements(outer.content)]))


def _replaced(place: int, by: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda parts: [*parts[:place], by, *parts[place + 1 :]]


class Forger:
    """Signs changed certificates with the issuing CA's key."""

    def __init__(self, issuing: IssuingAuthority, member: bytes) -> None:
        self._key = issuing.private_key
        self.algorithm = signature_algorithm(suite(self._key.algorithm))
        self.fields = [
            each.whole for each in asn1.elements(asn1.only(parse_certificate(member).signed, asn1.SEQUENCE))
        ]

    def sign(self, fields: list[bytes], algorithm: bytes | None = None) -> bytes:
        """Make the certificate of these fields."""
        signed = asn1.sequence(*fields)
        signature = suite(self._key.algorithm).sign(self._key, signed)
        return signed_structure(signed, algorithm or self.algorithm, signature)

    def with_field(self, place: int, by: bytes) -> bytes:
        """Make the certificate with one field replaced."""
        return self.sign(_replaced(place, by)(self.fields))

    def with_extension(self, *extensions: bytes) -> bytes:
        """Make the certificate with further extensions."""
        listed = asn1.only(asn1.only(self.fields[EXTENSIONS], asn1.EXPLICIT + 3), asn1.SEQUENCE)
        return self.with_field(EXTENSIONS, self.listed(listed, *extensions))

    @staticmethod
    def listed(*extensions: bytes) -> bytes:
        """Make the field of the extensions."""
        return asn1.element(asn1.EXPLICIT + 3, asn1.sequence(*extensions))

    def with_subject_part(self, value: bytes, *, more: bytes = b"", identifier: str = "2.5.4.3") -> bytes:
        """Make the certificate with another last RDN in its subject."""
        attribute = asn1.sequence(asn1.identifier(identifier), value)
        rdn = asn1.element(asn1.SET, attribute, more)
        parts = [each.whole for each in asn1.elements(asn1.only(self.fields[SUBJECT], asn1.SEQUENCE))]
        return self.with_field(SUBJECT, asn1.sequence(*parts[:-1], rdn))


@pytest.fixture
def forger(issuing: IssuingAuthority, member_certificate: bytes) -> Forger:
    return Forger(issuing, member_certificate)


def extension(oid: str, value: bytes, flag: bytes = b"") -> bytes:
    return asn1.sequence(asn1.identifier(oid), flag, asn1.element(asn1.OCTET_STRING, value))


CRITICAL = asn1.element(asn1.BOOLEAN, b"\xff")
NOT_CRITICAL = asn1.element(asn1.BOOLEAN, b"\0")


def name_constraints(*subtrees: bytes, kind: int = asn1.EXPLICIT) -> bytes:
    return extension("2.5.29.30", asn1.sequence(asn1.element(kind, *subtrees)), CRITICAL)


def subtree(base: bytes, *more: bytes) -> bytes:
    return asn1.sequence(base, *more)


def text(tag: int, content: bytes) -> bytes:
    return asn1.element(tag, content)


DIRECTORY = asn1.element(asn1.EXPLICIT + 4, asn1.sequence())
OTHER_PART = asn1.sequence(asn1.identifier("2.5.4.5"), text(asn1.PRINTABLE_STRING, b"1"))
POINT = suite(KeyAlgorithm.P256).generate().public_key


def spki(algorithm: bytes, point: bytes) -> bytes:
    return asn1.sequence(algorithm, asn1.bits(point))


P256_KEY = asn1.sequence(EC, asn1.identifier("1.2.840.10045.3.1.7"))
ODD: dict[str, Callable[[Forger], bytes]] = {
    "another algorithm inside": lambda f: f.with_field(ALGORITHM, asn1.sequence(asn1.identifier("1.2.840.10045.4.3.3"))),
    "another algorithm outside": lambda f: f.sign(f.fields, asn1.sequence(asn1.identifier("1.2.840.10045.4.3.3"))),
    "an algorithm with NULL inside": lambda f: f.with_field(ALGORITHM, asn1.sequence(asn1.only(f.algorithm, asn1.SEQUENCE), NULL)),
    "an algorithm with NULL": lambda f: f.sign(
        _replaced(ALGORITHM, asn1.sequence(asn1.only(f.algorithm, asn1.SEQUENCE), NULL))(f.fields),
        asn1.sequence(asn1.only(f.algorithm, asn1.SEQUENCE), NULL),
    ),
    "version 1": lambda f: f.sign(f.fields[1:]),
    "version 1 written": lambda f: f.with_field(VERSION, asn1.element(asn1.EXPLICIT, asn1.integer(0))),
    "version 2": lambda f: f.with_field(VERSION, asn1.element(asn1.EXPLICIT, asn1.integer(1))),
    "version 9": lambda f: f.with_field(VERSION, asn1.element(asn1.EXPLICIT, asn1.integer(8))),
    "a number of zero": lambda f: f.with_field(NUMBER, asn1.integer(0)),
    "a negative number": lambda f: f.with_field(NUMBER, asn1.element(asn1.INTEGER, b"\xff\x01")),
    "a padded number": lambda f: f.with_field(NUMBER, asn1.element(asn1.INTEGER, b"\0\x03\x01")),
    "an empty number": lambda f: f.with_field(NUMBER, asn1.element(asn1.INTEGER)),
    "a time without its zone": lambda f: f.with_field(
        VALIDITY, asn1.sequence(text(asn1.UTC_TIME, b"261118110640"), text(asn1.UTC_TIME, b"271118110640"))
    ),
    "a time with an offset": lambda f: f.with_field(
        VALIDITY, asn1.sequence(text(asn1.UTC_TIME, b"261118110640+0800"), text(asn1.UTC_TIME, b"271118110640+0800"))
    ),
    "a time without seconds": lambda f: f.with_field(
        VALIDITY, asn1.sequence(text(asn1.UTC_TIME, b"2611181106Z"), text(asn1.UTC_TIME, b"2711181106Z"))
    ),
    "a time with a fraction": lambda f: f.with_field(
        VALIDITY,
        asn1.sequence(text(asn1.UTC_TIME, b"261118110640Z"), text(asn1.GENERALIZED_TIME, b"20271118110640.5Z")),
    ),
    "a 30 February": lambda f: f.with_field(
        VALIDITY, asn1.sequence(text(asn1.UTC_TIME, b"260230110640Z"), text(asn1.UTC_TIME, b"271118110640Z"))
    ),
    "an OCTET STRING as CN": lambda f: f.with_subject_part(text(asn1.OCTET_STRING, b"11000001")),
    "a BIT STRING as CN": lambda f: f.with_subject_part(asn1.bits(b"11000001")),
    "an INTEGER as CN": lambda f: f.with_subject_part(asn1.integer(11_000_001)),
    "a SEQUENCE as CN": lambda f: f.with_subject_part(asn1.sequence(text(asn1.UTF8_STRING, b"11000001"))),
    "a TeletexString as CN": lambda f: f.with_subject_part(text(0x14, b"11000001")),
    "a BMPString as CN": lambda f: f.with_subject_part(text(0x1E, "11000001".encode("utf-16-be"))),
    "a UniversalString as CN": lambda f: f.with_subject_part(text(0x1C, "11000001".encode("utf-32-be"))),
    "an IA5String as CN": lambda f: f.with_subject_part(text(0x16, b"11000001")),
    "a PrintableString with an at sign": lambda f: f.with_subject_part(text(asn1.PRINTABLE_STRING, b"a@b_c*")),
    "a UTF8String that is none": lambda f: f.with_subject_part(text(asn1.UTF8_STRING, b"\xff\xfe")),
    "surrogates as UTF-8": lambda f: f.with_subject_part(text(asn1.UTF8_STRING, b"\xed\xa0\x80")),
    "a part of another kind": lambda f: f.with_subject_part(text(asn1.UTF8_STRING, b"11000001"), identifier="2.5.4.5"),
    "an RDN of two": lambda f: f.with_subject_part(text(asn1.UTF8_STRING, b"11000001"), more=OTHER_PART),
    "an empty RDN": lambda f: f.with_field(SUBJECT, asn1.sequence(asn1.element(asn1.SET))),
    "a name of one SET": lambda f: f.with_field(SUBJECT, asn1.element(asn1.SET)),
    "a key without parameters": lambda f: f.with_field(KEY, WITHOUT_PARAMETERS),
    "a key with NULL parameters": lambda f: f.with_field(KEY, spki(asn1.sequence(EC, NULL), POINT)),
    "a key on an explicit curve": lambda f: f.with_field(KEY, spki(asn1.sequence(EC, asn1.sequence(asn1.integer(1))), POINT)),
    "a key on P-384": lambda f: f.with_field(KEY, spki(asn1.sequence(EC, asn1.identifier("1.3.132.0.34")), POINT)),
    "a key on no curve known": lambda f: f.with_field(KEY, spki(asn1.sequence(EC, asn1.identifier("1.2.3")), POINT)),
    "an RSA key": lambda f: f.with_field(
        KEY, spki(asn1.sequence(asn1.identifier("1.2.840.113549.1.1.1"), NULL), asn1.sequence(asn1.integer(15)))
    ),
    "an Ed25519 key": lambda f: f.with_field(KEY, spki(asn1.sequence(asn1.identifier("1.3.101.112")), bytes(32))),
    "a compressed point": lambda f: f.with_field(KEY, spki(P256_KEY, bytes((2 + POINT[-1] % 2,)) + POINT[1:33])),
    "a hybrid point": lambda f: f.with_field(KEY, spki(P256_KEY, bytes((6 + POINT[-1] % 2,)) + POINT[1:])),
    "the point at infinity": lambda f: f.with_field(KEY, spki(P256_KEY, b"\0")),
    "a point off the curve": lambda f: f.with_field(KEY, spki(P256_KEY, POINT[:-1] + bytes((POINT[-1] ^ 1,)))),
    "no point": lambda f: f.with_field(KEY, spki(P256_KEY, b"")),
    "an SM2 point as P-256": lambda f: f.with_field(
        KEY, spki(P256_KEY, suite(KeyAlgorithm.SM2).generate().public_key)
    ),
    "a point with unused bits": lambda f: f.with_field(
        KEY, asn1.sequence(P256_KEY, asn1.element(asn1.BIT_STRING, b"\1", POINT[:-1] + b"\0"))
    ),
    "unique identifiers": lambda f: f.sign([*f.fields[:7], b"\x81\x02\0\1", f.fields[7]]),
    "a field more": lambda f: f.sign([*f.fields, NULL]),
    "no extensions": lambda f: f.sign(f.fields[:7]),
    "an empty list of extensions": lambda f: f.with_field(EXTENSIONS, f.listed()),
    "an unknown critical extension": lambda f: f.with_extension(extension("1.2.3.4", NULL, CRITICAL)),
    "a known critical extension that is not understood": lambda f: f.with_extension(
        extension("2.5.29.17", asn1.sequence(b"\x82\x01a"), CRITICAL)
    ),
    "an extension twice": lambda f: f.with_extension(extension("2.5.29.14", text(asn1.OCTET_STRING, b"1" * 20))),
    "a default that is written": lambda f: f.with_extension(extension("1.2.3.4", NULL, NOT_CRITICAL)),
    "an extension's flag of another value": lambda f: f.with_extension(
        extension("1.2.3.4", NULL, asn1.element(asn1.BOOLEAN, b"\1"))
    ),
    "an authority by a written default": lambda f: f.with_field(
        EXTENSIONS, f.listed(extension("2.5.29.19", asn1.sequence(NOT_CRITICAL), CRITICAL))
    ),
    "basic constraints with a byte after them": lambda f: f.with_field(
        EXTENSIONS, f.listed(extension("2.5.29.19", asn1.sequence() + b"\0", CRITICAL))
    ),
    "a negative path length": lambda f: f.with_field(
        EXTENSIONS, f.listed(extension("2.5.29.19", asn1.sequence(CRITICAL, b"\x02\x01\xff"), CRITICAL))
    ),
    "a path length that no number holds": lambda f: f.with_field(
        EXTENSIONS, f.listed(extension("2.5.29.19", asn1.sequence(CRITICAL, asn1.integer(1 << 90)), CRITICAL))
    ),
    "key usage with bits after its last": lambda f: f.with_field(
        EXTENSIONS, f.listed(extension("2.5.29.15", b"\x03\x02\x00\x80", CRITICAL))
    ),
    "key usage without a bit": lambda f: f.with_field(EXTENSIONS, f.listed(extension("2.5.29.15", b"\x03\x01\0", CRITICAL))),
    "constraints of host names": lambda f: f.with_extension(name_constraints(subtree(b"\x82\x01a"))),
    "constraints with a least depth": lambda f: f.with_extension(name_constraints(subtree(DIRECTORY, b"\x80\x01\x01"))),
    "constraints with a greatest depth": lambda f: f.with_extension(name_constraints(subtree(DIRECTORY, b"\x81\x01\x01"))),
    "a usage period with an end": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, b"20261118110640Z"), text(0x81, b"20271118110640Z")))
    ),
    "an empty usage period": lambda f: f.with_extension(extension("2.5.29.16", asn1.sequence())),
    "a usage period without its zone": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, b"20261118110640")))
    ),
    "a usage period with a fraction": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, b"20261118110640.5Z")))
    ),
    "a usage period with a short month": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, b"2026118110640Z")))
    ),
    "a usage period in other digits": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, "２0261118110640Z".encode())))
    ),
    "a usage period in the year 0": lambda f: f.with_extension(
        extension("2.5.29.16", asn1.sequence(text(0x80, b"00001118110640Z")))
    ),
    "excluded names": lambda f: f.with_extension(name_constraints(subtree(DIRECTORY), kind=asn1.EXPLICIT + 1)),
    "constraints of an unknown kind": lambda f: f.with_extension(name_constraints(subtree(b"\xa3\x00"))),
    "constraints of another name": lambda f: f.with_extension(
        name_constraints(subtree(asn1.element(asn1.EXPLICIT, asn1.identifier("1.2.3"), asn1.element(asn1.EXPLICIT, NULL))))
    ),
}  # fmt: skip


# Right in form, wrong for the chain.
WELL_FORMED = {"an algorithm with NULL"}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_certificate_is_refused(
    kind: str, forger: Forger, root: RootAuthority, issuing: IssuingAuthority, now: int
) -> None:
    odd = ODD[kind](forger)
    with pytest.raises(CertificateInvalid):
        verify_chain(odd, issuing.certificate.der, root.certificate.der, now)
    if kind in WELL_FORMED:
        return
    with pytest.raises(CertificateMalformed):
        parse_certificate(odd)
    with pytest.raises(CertificateMalformed):
        parse_member_certificate(odd)


def test_what_the_odd_ones_are_made_of_is_accepted(
    forger: Forger, root: RootAuthority, issuing: IssuingAuthority, now: int
) -> None:
    sound = (
        forger.sign(forger.fields),
        forger.with_subject_part(text(asn1.PRINTABLE_STRING, b"11000001")),
        forger.with_field(KEY, encode_public_key(KeyAlgorithm.P256, POINT)),
        forger.with_extension(extension("1.2.3.4", b"whatever")),
        forger.with_extension(extension("2.5.29.17", asn1.sequence(b"\x82\x01a"))),
    )
    for each in sound:
        assert verify_chain(each, issuing.certificate.der, root.certificate.der, now).account == "11000001"


def test_what_is_read_is_what_another_parser_reads(
    issuing: IssuingAuthority, member_certificate: bytes
) -> None:
    for der in (member_certificate, issuing.certificate.der):
        ours, theirs = parse_certificate(der), judge.Certificate.load(der, strict=True)
        assert ours.serial == theirs.serial_number
        assert ours.subject == theirs.subject.dump()
        assert ours.issuer == theirs.issuer.dump()
        assert ours.not_before == theirs.not_valid_before.timestamp()
        assert ours.not_after == theirs.not_valid_after.timestamp()
        assert ours.public_key == theirs.public_key["public_key"].native
        assert ours.signature == theirs.signature
        assert ours.signed == theirs["tbs_certificate"].dump()
        said = ours.extensions
        assert said.key_identifier == theirs.key_identifier
        assert said.authority_key_identifier == theirs.authority_key_identifier
        assert said.is_authority == theirs.ca
        assert said.path_length == theirs.max_path_length
        assert said.signs_messages == ("digital_signature" in theirs.key_usage_value.native)
        assert said.signs_certificates == ("key_cert_sign" in theirs.key_usage_value.native)
        purposes = theirs.extended_key_usage_value
        assert said.authenticates_clients == (purposes is not None and "client_auth" in purposes.native)
        assert (said.permitted is None) == (theirs.name_constraints_value is None)


def _variants(data: bytes) -> Iterator[bytes]:
    """Every element in turn left out, doubled, emptied, cut, filled, or with another tag; lengths are made right."""
    for place, each in enumerate(elements := asn1.elements(data)):
        before = b"".join(one.whole for one in elements[:place])
        after = b"".join(one.whole for one in elements[place + 1 :])
        changed = [
            b"",
            each.whole * 2,
            asn1.element(each.tag),
            asn1.element(each.tag, each.content[:-1]),
            asn1.element(each.tag, each.content, b"\0"),
            asn1.element(each.tag, bytes(len(each.content))),
            asn1.element(each.tag, b"\xff" * len(each.content)),
            NULL,
            *(
                asn1.element(tag, each.content)
                for tag in (1, 2, 3, 4, 5, 6, 12, 19, 23, 48, 49, 128, 160, 163)
            ),
            *_within(each),
        ]
        for one in changed:
            if one != each.whole:
                yield before + one + after


def _within(each: asn1.Element) -> Iterator[bytes]:
    """The variants of what lies in an element, also in a string that holds elements."""
    lead, content = (
        (each.content[:1], each.content[1:]) if each.tag == asn1.BIT_STRING else (b"", each.content)
    )
    if each.tag & 0x20 or each.tag in {asn1.BIT_STRING, asn1.OCTET_STRING}:
        try:
            asn1.elements(content)
        except ValueError:
            return
        yield from (asn1.element(each.tag, lead, variant) for variant in _variants(content))


def test_every_variant_of_a_certificate_is_refused_in_the_same_way(
    root: RootAuthority, issuing: IssuingAuthority, member_certificate: bytes, now: int
) -> None:
    count = 0
    for variant in _variants(member_certificate):
        with pytest.raises(CertificateInvalid):
            verify_chain(variant, issuing.certificate.der, root.certificate.der, now)
        count += 1
    for variant in _variants(issuing.certificate.der):
        with pytest.raises(CertificateInvalid):
            verify_chain(member_certificate, variant, root.certificate.der, now)
    assert count > 1000


def test_every_variant_of_a_signed_part_is_refused_or_read(forger: Forger, member_certificate: bytes) -> None:
    for variant in _variants(parse_certificate(member_certificate).signed):
        try:
            parse_member_certificate(_unsigned(variant, forger.algorithm))
        except CertificateMalformed:
            continue


def _unsigned(signed: bytes, algorithm: bytes) -> bytes:
    return signed_structure(signed, algorithm, b"\x30\x06\x02\x01\x01\x02\x01\x01")


def test_every_variant_of_a_request_is_refused(member_request: bytes) -> None:
    for variant in _variants(member_request):
        with pytest.raises(RequestInvalid):
            verify_request(variant)


def test_every_variant_of_a_key_is_refused(issuing: IssuingAuthority) -> None:
    key = issuing.private_key
    for variant in _variants(encode_private_key(key)):
        with pytest.raises(PrivateKeyMalformed):
            decode_private_key(variant)
    for variant in _variants(encode_public_key(key.algorithm, key.public_key)):
        with pytest.raises(PublicKeyInvalid):
            decode_public_key(variant)
