"""What a certificate's extensions say (RFC 5280, section 4.2.1), each in the one form in which it is issued here.

The compiled parser could read them too, but takes more than that, and tells of odd names on standard error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from kiosk.pki import asn1
from kiosk.pki.errors import CertificateMalformed
from kiosk.pki.names import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRUE: Final = asn1.element(asn1.BOOLEAN, b"\xff")
_CLIENT_AUTHENTICATION: Final = asn1.identifier("1.3.6.1.5.5.7.3.2")
_DIRECTORY_NAME: Final = asn1.EXPLICIT + 4  # GeneralName, section 4.2.1.6

# KeyUsage has nine bits, of which the first octet holds these.
_DIGITAL_SIGNATURE: Final = 0x80
_CERTIFICATE_SIGNING: Final = 0x04
_USAGE_OCTETS: Final = 2

_MOMENT: Final = "%Y%m%d%H%M%SZ"
"""GeneralizedTime in the one form that DER has (RFC 5280, section 4.1.2.5.2)."""


class Extensions(msgspec.Struct, frozen=True):
    """What they say together.

    `path_length` is None where the certificate sets none; `permitted` holds the names (DER) of its name constraints and is
    None without them. `used_from` is when the key is first used (UTC seconds), which is when a member's certificate was
    issued; None where that is not told.
    """

    key_identifier: bytes | None = None
    authority_key_identifier: bytes | None = None
    is_authority: bool = False
    path_length: int | None = None
    signs_certificates: bool = False
    signs_messages: bool = False
    authenticates_clients: bool = False
    permitted: tuple[bytes, ...] | None = None
    used_from: int | None = None


def read_extensions(listed: bytes) -> Extensions:
    """Read the SEQUENCE OF Extension, of which the parser has found the form right.

    Raises CertificateMalformed for one twice, or critical and not understood; ValueError or NameInvalid for one of another
    form.
    """
    told: dict[str, object] = {}
    seen = set()
    extensions = asn1.elements(asn1.only(listed, asn1.SEQUENCE))
    if not extensions:
        raise ValueError("no extensions")
    for extension in extensions:
        identifier, *critical, value = asn1.elements(extension.content)
        read = _READERS.get(identifier.whole)
        if identifier in seen or (read is None and critical):
            raise CertificateMalformed(f"extension {identifier.content.hex()}")
        seen.add(identifier)
        if read is not None:
            told |= read(value.content)
    return msgspec.structs.replace(Extensions(), **told)


def _basic_constraints(value: bytes) -> dict[str, object]:
    match asn1.elements(asn1.only(value, asn1.SEQUENCE)):
        case []:
            return {}
        case [authority] if authority.whole == _TRUE:
            return {"is_authority": True}
        case [authority, length] if authority.whole == _TRUE and len(length.content) == 1:
            number = length.content[0]
            if length.whole == asn1.integer(number):
                return {"is_authority": True, "path_length": number}
        case _:
            pass
    raise ValueError("basic constraints")


def _key_usage(value: bytes) -> dict[str, object]:
    unused, *octets = asn1.only(value, asn1.BIT_STRING)
    # DER leaves out the bits after the last that is set.
    if not 1 <= len(octets) <= _USAGE_OCTETS or octets[-1] & -octets[-1] != 1 << unused:
        raise ValueError("key usage")
    return {
        "signs_messages": bool(octets[0] & _DIGITAL_SIGNATURE),
        "signs_certificates": bool(octets[0] & _CERTIFICATE_SIGNING),
    }


def _extended_key_usage(value: bytes) -> dict[str, object]:
    purposes = asn1.elements(asn1.only(value, asn1.SEQUENCE))
    if not purposes or any(purpose.tag != asn1.OBJECT_IDENTIFIER for purpose in purposes):
        raise ValueError("extended key usage")
    return {"authenticates_clients": any(purpose.whole == _CLIENT_AUTHENTICATION for purpose in purposes)}


def _name_constraints(value: bytes) -> dict[str, object]:
    """Read permitted directory names; neither excluded ones nor other kinds, nor depths."""
    subtrees = asn1.elements(asn1.only(asn1.only(value, asn1.SEQUENCE), asn1.EXPLICIT))
    names = tuple(asn1.only(asn1.only(each.whole, asn1.SEQUENCE), _DIRECTORY_NAME) for each in subtrees)
    for name in names:
        parts_of(name)
    return {"permitted": names}


def _subject_key(value: bytes) -> dict[str, object]:
    return {"key_identifier": asn1.only(value, asn1.OCTET_STRING)}


def _authority_key(value: bytes) -> dict[str, object]:
    return {"authority_key_identifier": asn1.only(asn1.only(value, asn1.SEQUENCE), asn1.IMPLICIT)}


def _usage_period(value: bytes) -> dict[str, object]:
    """Read when the key is first used; no end, which is the certificate's."""
    text = asn1.only(asn1.only(value, asn1.SEQUENCE), asn1.IMPLICIT).decode("ascii")
    moment = datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    if moment.strftime(_MOMENT) != text:
        raise ValueError("usage period")
    return {"used_from": int(moment.timestamp())}


_READERS: Final[Mapping[bytes, Callable[[bytes], dict[str, object]]]] = {
    asn1.identifier("2.5.29.14"): _subject_key,
    asn1.identifier("2.5.29.15"): _key_usage,
    asn1.identifier("2.5.29.16"): _usage_period,
    asn1.identifier("2.5.29.19"): _basic_constraints,
    asn1.identifier("2.5.29.30"): _name_constraints,
    asn1.identifier("2.5.29.35"): _authority_key,
    asn1.identifier("2.5.29.37"): _extended_key_usage,
}
