"""Distinguished names: everything that a kiosk certifies is below one fixed prefix.

    prefix      C=CN, O=<exchange>, OU=Keydesk
    member      prefix, OU=<enterprise>, CN=<account>
    issuing CA  prefix, CN=Kiosk <number> Issuing CA
    root        C=CN, O=<exchange>, CN=Keydesk Root CA

A directoryName constraint permits the names that begin with it (RFC 5280, section 4.2.1.10), so one with the prefix
permits members and nothing else. Texts are UTF8String, the country a PrintableString (RFC 5280, section 4.1.2.4).
A name is its DER: only names of these four kinds of parts, one in each RDN, are read here.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

import msgspec

from kiosk.domain.exchange import ORGANISATION
from kiosk.domain.names import NameRefused, tidy_name
from kiosk.pki import asn1
from kiosk.pki.errors import NameInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNTRY = "CN"
UNIT = "Keydesk"
DEFAULT_ORGANISATION = ORGANISATION

_COUNTRY = "country_name"
_ORGANISATION = "organization_name"
_UNIT = "organizational_unit_name"
_COMMON = "common_name"

# RFC 5280, appendix A.1, and the short names of RFC 4514.
_KINDS: Final = {
    _COUNTRY: (asn1.identifier("2.5.4.6"), "C"),
    _ORGANISATION: (asn1.identifier("2.5.4.10"), "O"),
    _UNIT: (asn1.identifier("2.5.4.11"), "OU"),
    _COMMON: (asn1.identifier("2.5.4.3"), "CN"),
}
_KIND_OF: Final = {identifier: kind for kind, (identifier, _) in _KINDS.items()}
_PRINTABLE: Final = frozenset(string.ascii_letters + string.digits + " '()+,-./:=?")

Part = tuple[str, str]


class MemberName(msgspec.Struct, frozen=True):
    """Whom a member certificate is for: an account (the operator's login) of an enterprise."""

    account: str
    enterprise: str


def _require_text(part: str, text: str) -> str:
    """Return the text as it stands in a certificate. Raises NameInvalid."""
    try:
        return tidy_name(text)
    except NameRefused as error:
        raise NameInvalid(part) from error


def build_name(parts: Iterable[Part]) -> bytes:
    """Make a name of one-valued RDNs in the order given."""
    return asn1.sequence(*(asn1.element(asn1.SET, _attribute(kind, text)) for kind, text in parts))


def _attribute(kind: str, text: str) -> bytes:
    tag = asn1.PRINTABLE_STRING if kind == _COUNTRY else asn1.UTF8_STRING
    return asn1.sequence(_KINDS[kind][0], asn1.element(tag, text.encode()))


def parts_of(name: bytes) -> tuple[Part, ...]:
    """Take a name apart. Raises NameInvalid for one of another form."""
    try:
        return tuple(_part(rdn) for rdn in asn1.elements(asn1.only(name, asn1.SEQUENCE)))
    except ValueError as error:
        raise NameInvalid("encoding") from error


def _part(rdn: asn1.Element) -> Part:
    """Read an RDN of one part. Raises NameInvalid, ValueError."""
    attributes = asn1.elements(rdn.content)
    if rdn.tag != asn1.SET or [each.tag for each in attributes] != [asn1.SEQUENCE]:
        raise NameInvalid("multi-valued RDN")
    identifier, value = asn1.elements(attributes[0].content)
    kind = _KIND_OF.get(identifier.whole)
    if kind is None:
        raise NameInvalid("attribute")
    return kind, _text(value)


def _text(value: asn1.Element) -> str:
    text = value.content.decode()
    if value.tag == asn1.UTF8_STRING or (value.tag == asn1.PRINTABLE_STRING and _PRINTABLE.issuperset(text)):
        return text
    raise NameInvalid("encoding")


def prefix_parts(organisation: str) -> tuple[Part, ...]:
    """Return the prefix that name constraints permit. Raises NameInvalid."""
    return ((_COUNTRY, COUNTRY), (_ORGANISATION, _require_text("organisation", organisation)), (_UNIT, UNIT))


def prefix_name(organisation: str) -> bytes:
    """Return the prefix as a name. Raises NameInvalid."""
    return build_name(prefix_parts(organisation))


def root_name(organisation: str) -> bytes:
    """Return the name of the exchange's root. Raises NameInvalid."""
    parts = ((_COUNTRY, COUNTRY), (_ORGANISATION, _require_text("organisation", organisation)))
    return build_name((*parts, (_COMMON, "Keydesk Root CA")))


def issuing_name(organisation: str, kiosk: int) -> bytes:
    """Return the name of one kiosk's issuing CA. Raises NameInvalid."""
    return build_name((*prefix_parts(organisation), (_COMMON, f"Kiosk {kiosk} Issuing CA")))


def member_name(organisation: str, member: MemberName) -> bytes:
    """Return the name in a member's certificate. Raises NameInvalid."""
    return build_name(
        (
            *prefix_parts(organisation),
            (_UNIT, _require_text("enterprise", member.enterprise)),
            (_COMMON, _require_text("account", member.account)),
        )
    )


def read_member_name(name: bytes) -> MemberName:
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


def organisation_of(name: bytes) -> str:
    """Return the exchange that a prefix, or a name below it, belongs to. Raises NameInvalid."""
    for kind, text in parts_of(name):
        if kind == _ORGANISATION:
            return text
    raise NameInvalid("organisation")


def is_within(name: bytes, permitted: bytes) -> bool:
    """Whether a name begins with the permitted one, RDN by RDN, in the same encoding."""
    rdns, prefix = (asn1.elements(asn1.only(each, asn1.SEQUENCE)) for each in (name, permitted))
    return rdns[: len(prefix)] == prefix


def readable(name: bytes) -> str:
    """Return a name for a message or a log, e.g. OU=Keydesk, CN=11000001. Raises NameInvalid."""
    return ", ".join(f"{_KINDS[kind][1]}={text}" for kind, text in parts_of(name))
