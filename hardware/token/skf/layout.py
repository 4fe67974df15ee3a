"""The structures of GM/T 0016 as bytes (GM/T 0016-2012, 6.4), read and made by one table of fields.

The standard packs them without gaps; ULONG has four bytes, with some vendors eight, in the machine's order
(little-endian). Verified by several public headers; the four-byte, packed DEVINFO also by a published
dump from a key (294 bytes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from asn1crypto.algos import DSASignature  # type: ignore[import-untyped]  # the package has no types
from gmssl_pyx import (  # type: ignore[import-untyped]  # stubs for its extension, but no py.typed
    InvalidValueError,
    normalize_sm2_public_key,
)

from hardware.ports import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

ULONG: Final = 0
"""Stands for a ULONG's length in the tables below."""

DEVICE_INFORMATION: Final = (
    ("version", 2),
    ("manufacturer", 64),
    ("issuer", 64),
    ("label", 32),
    ("serial", 32),
    ("hardware_version", 2),
    ("firmware_version", 2),
    ("symmetric_algorithms", ULONG),
    ("asymmetric_algorithms", ULONG),
    ("hash_algorithms", ULONG),
    ("authentication_algorithm", ULONG),
    ("total_space", ULONG),
    ("free_space", ULONG),
    ("longest_ecc_input", ULONG),
    ("longest_input", ULONG),
    ("reserved", 64),
)
"""DEVINFO. Some vendors' headers lack the two ULONGs before `reserved`; nothing is read from there on."""

PUBLIC_KEY: Final = (("bits", ULONG), ("x", 64), ("y", 64))
"""ECCPUBLICKEYBLOB: coordinates right-aligned, big-endian."""

SIGNATURE: Final = (("r", 64), ("s", 64))
"""ECCSIGNATUREBLOB: right-aligned, big-endian."""

KEY_BITS: Final = 256
COORDINATE: Final = 32

_ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
"""The order of the SM2 curve (GB/T 32918.5)."""


class DeviceInformation(msgspec.Struct, frozen=True):
    """What SKF_GetDevInfo says of a key; spaces in bytes."""

    manufacturer: str
    label: str
    serial: str
    authentication_algorithm: int
    total_space: int
    free_space: int


def length_of(fields: Sequence[tuple[str, int]], ulong_bytes: int) -> int:
    """Return a packed structure's length in bytes."""
    return sum(length or ulong_bytes for _, length in fields)


def unpack(
    fields: Sequence[tuple[str, int]], data: bytes, ulong_bytes: int, *, packed: bool = True
) -> dict[str, bytes]:
    """Cut a structure into its fields' bytes. Raises MalformedAnswer where it is too short."""
    values: dict[str, bytes] = {}
    at = 0
    for name, length in fields:
        if not length and not packed:
            at += -at % ulong_bytes
        values[name] = data[at : at + (length or ulong_bytes)]
        if len(values[name]) != (length or ulong_bytes):
            raise MalformedAnswer(f"the structure ends within {name}")
        at += length or ulong_bytes
    return values


def device_information(data: bytes, ulong_bytes: int, *, packed: bool) -> DeviceInformation:
    """Read DEVINFO. Raises MalformedAnswer where the serial number is no printable text."""
    values = unpack(DEVICE_INFORMATION[:-3], data, ulong_bytes, packed=packed)
    serial = _text(values["serial"])
    if not (serial and serial.isascii() and serial.isprintable()):
        raise MalformedAnswer("the serial number is no printable text")
    return DeviceInformation(
        manufacturer=_text(values["manufacturer"]),
        label=_text(values["label"]),
        serial=serial,
        authentication_algorithm=_number(values["authentication_algorithm"]),
        total_space=_number(values["total_space"]),
        free_space=_number(values["free_space"]),
    )


def public_point(data: bytes, ulong_bytes: int) -> bytes:
    """Read ECCPUBLICKEYBLOB as the point 04 ‖ x ‖ y.

    Raises MalformedAnswer for another form or a point off the curve.
    """
    values = unpack(PUBLIC_KEY, data, ulong_bytes)
    if _number(values["bits"]) != KEY_BITS:
        raise MalformedAnswer("the public key has not 256 bits")
    x, y = _aligned(values["x"]), _aligned(values["y"])
    try:
        return b"\x04" + bytes(normalize_sm2_public_key(x + y))
    except InvalidValueError:
        raise MalformedAnswer("the public key is no point of the SM2 curve") from None


def public_key_blob(point: bytes, ulong_bytes: int) -> bytes:
    """Make ECCPUBLICKEYBLOB of the point 04 ‖ x ‖ y."""
    x, y = point[1 : 1 + COORDINATE], point[1 + COORDINATE :]
    return KEY_BITS.to_bytes(ulong_bytes, "little") + x.rjust(64, b"\0") + y.rjust(64, b"\0")


def der_signature(data: bytes) -> bytes:
    """Read ECCSIGNATUREBLOB as DER (r, s). Raises MalformedAnswer for what no signature can be."""
    values = unpack(SIGNATURE, data, 4)
    r, s = (int.from_bytes(_aligned(values[name])) for name in ("r", "s"))
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise MalformedAnswer("the signature's numbers are out of range")
    encoded: bytes = DSASignature({"r": r, "s": s}).dump()
    return encoded


def names(data: bytes) -> tuple[bytes, ...]:
    """Read a list of texts, each with its ending zero, that a further zero ends."""
    return tuple(name for name in data.split(b"\0\0", 1)[0].split(b"\0") if name)


def _aligned(number: bytes) -> bytes:
    if any(number[:-COORDINATE]):
        raise MalformedAnswer("a number is not right-aligned")
    return number[-COORDINATE:]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def text_of(data: bytes) -> str:
    """Read a vendor's text, UTF-8 or else GB 18030, with what cannot be shown on a screen replaced."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _text(data: bytes) -> str:
    return text_of(data.split(b"\0", 1)[0].rstrip())
