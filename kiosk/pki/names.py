"""Distinguished names: everything that a kiosk certifies is below one fixed prefix.

    prefix      C=CN, O=<exchange>, OU=Keydesk
    member      prefix, OU=<enterprise>, CN=<account>
    issuing CA  prefix, CN=Kiosk <number> Issuing CA
    root        C=CN, O=<exchange>, CN=Keydesk Root CA

A directoryName constraint permits the names that begin with it (RFC 5280, section 4.2.1.10), so one with the prefix
permits members and nothing else. Texts are UTF8String, the country a PrintableString (RFC 5280, section 4.1.2.4).
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import msgspec
from asn1crypto import core, x509  # type: ignore[import-untyped]  # the package has no types

from kiosk.domain.exchange import ORGANISATION
from kiosk.pki.encodings import DER_ERRORS
from kiosk.pki.errors import NameInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNTRY = "CN"
UNIT = "Keydesk"
DEFAULT_ORGANISATION = ORGANISATION
MAXIMUM_LENGTH = 64  # ub-organizational-unit-name and ub-common-name, RFC 5280, appendix A.1

_COUNTRY = "country_name"
_ORGANISATION = "organization_name"
_UNIT = "organizational_unit_name"
_COMMON = "common_name"
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

Part = tuple[str, str]


class MemberName(msgspec.Struct, frozen=True):
    """Whom a member certificate is for: an account (the operator's login) of an enterprise."""

    account: str
    enterprise: str


def _require_text(part: str, text: str) -> str:
    """Return the text composed (NFC) and with single spaces. Raises NameInvalid.

    OpenSSL compares names with their spaces trimmed and folded: so they are written that way.
    """
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    unprintable = any(unicodedata.category(character) in _UNPRINTABLE for character in tidy)
    if not tidy or len(tidy) > MAXIMUM_LENGTH or unprintable:
        raise NameInvalid(part)
    return tidy


def build_name(parts: Iterable[Part]) -> x509.Name:
    """Make a name of one-valued RDNs in the order given."""
    rdns = [x509.RelativeDistinguishedName([_attribute(kind, text)]) for kind, text in parts]
    return x509.Name(name="", value=x509.RDNSequence(rdns))


def _attribute(kind: str, text: str) -> x509.NameTypeAndValue:
    if kind == _COUNTRY:
        value = x509.DirectoryString(name="printable_string", value=core.PrintableString(text))
    else:
        value = x509.DirectoryString(name="utf8_string", value=core.UTF8String(text))
    return x509.NameTypeAndValue({"type": kind, "value": value})


def parts_of(name: x509.Name) -> tuple[Part, ...]:
    """Take a name apart; no name made here has multi-valued RDNs. Raises NameInvalid."""
    parts = []
    try:
        for rdn in name.chosen:
            if len(rdn) != 1:
                raise NameInvalid("multi-valued RDN")
            parts.append((str(rdn[0]["type"].native), str(rdn[0]["value"].native)))
    except DER_ERRORS as error:
        raise NameInvalid("encoding") from error
    return tuple(parts)


def encode_name(name: x509.Name) -> bytes:
    """Return a name's DER after reading every part of it. Raises NameInvalid."""
    try:
        der, _ = bytes(name.dump()), readable(name)
    except DER_ERRORS as error:
        raise NameInvalid("encoding") from error
    return der


def prefix_parts(organisation: str) -> tuple[Part, ...]:
    """Return the prefix that name constraints permit. Raises NameInvalid."""
    return ((_COUNTRY, COUNTRY), (_ORGANISATION, _require_text("organisation", organisation)), (_UNIT, UNIT))


def prefix_name(organisation: str) -> x509.Name:
    """Return the prefix as a name. Raises NameInvalid."""
    return build_name(prefix_parts(organisation))


def root_name(organisation: str) -> x509.Name:
    """Return the name of the exchange's root. Raises NameInvalid."""
    parts = ((_COUNTRY, COUNTRY), (_ORGANISATION, _require_text("organisation", organisation)))
    return build_name((*parts, (_COMMON, "Keydesk Root CA")))


def issuing_name(organisation: str, kiosk: int) -> x509.Name:
    """Return the name of one kiosk's issuing CA. Raises NameInvalid."""
    return build_name((*prefix_parts(organisation), (_COMMON, f"Kiosk {kiosk} Issuing CA")))


def member_name(organisation: str, member: MemberName) -> x509.Name:
    """Return the name in a member's certificate. Raises NameInvalid."""
    return build_name(
        (
            *prefix_parts(organisation),
            (_UNIT, _require_text("enterprise", member.enterprise)),
            (_COMMON, _require_text("account", member.account)),
        )
    )


def read_member_name(name: x509.Name) -> MemberName:
    """Read account and enterprise from a member's name. Raises NameInvalid."""
    parts = parts_of(name)
    match parts:
        case ((country, _), (organisation, _), (unit, "Keydesk"), (below, enterprise), (common, account)):
            kinds = (country, organisation, unit, below, common)
        case _:
            raise NameInvalid("form")
    if kinds != (_COUNTRY, _ORGANISATION, _UNIT, _UNIT, _COMMON):
        raise NameInvalid("form")
    return MemberName(account=account, enterprise=enterprise)


def organisation_of(name: x509.Name) -> str:
    """Return the exchange that a prefix, or a name below it, belongs to. Raises NameInvalid."""
    for kind, text in parts_of(name):
        if kind == _ORGANISATION:
            return text
    raise NameInvalid("organisation")


def is_within(name: x509.Name, permitted: x509.Name) -> bool:
    """Whether a name begins with the permitted one, RDN by RDN, in the same encoding."""
    rdns, prefix = ([bytes(rdn.dump()) for rdn in each.chosen] for each in (name, permitted))
    return rdns[: len(prefix)] == prefix


def readable(name: x509.Name) -> str:
    """Return a name for a message or a log: OU=…, CN=…."""
    return str(name.human_friendly)
