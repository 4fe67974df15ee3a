"""DER (ITU-T X.690), as far as certificates need it: cutting bytes into elements, and making elements.

Tags have one byte and are written with their class, e.g. 0xA0 for [0] EXPLICIT.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
IMPLICIT: Final = 0x80
"""Plus its number, of a string: IMPLICIT + 1 is [1] IMPLICIT."""

EXPLICIT: Final = 0xA0
"""Plus its number: EXPLICIT + 3 is [3] EXPLICIT."""

_LONG_TAG: Final = 0x1F
_LONG_LENGTH: Final = 0x80
_MOST_LENGTH_BYTES: Final = 4


class Element(NamedTuple):
    """One element: its tag, its content, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes


def elements(data: bytes) -> list[Element]:
    """Cut bytes into the elements that they are made of. Raises ValueError where they are none in DER."""
    found = []
    at = 0
    while at < len(data):
        start, length = _header(data, at)
        stop = start + length
        if stop > len(data):
            raise ValueError("an element ends too early")
        found.append(Element(data[at], data[start:stop], data[at:stop]))
        at = stop
    return found


def only(data: bytes, tag: int) -> bytes:
    """Return the content of the one element that these bytes are. Raises ValueError."""
    found = elements(data)
    if len(found) != 1 or found[0].tag != tag:
        raise ValueError(f"not one element with the tag {tag:#04x}")
    return found[0].content


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at that place begins, and its length."""
    header = data[at : at + 2]
    if len(header) != 2 or header[0] & _LONG_TAG == _LONG_TAG:  # noqa: PLR2004 - tag and length
        raise ValueError("no element")
    start, length = at + 2, header[1]
    if length < _LONG_LENGTH:
        return start, length
    count = length - _LONG_LENGTH
    length = int.from_bytes(data[start : start + count])
    shortest = length >= _LONG_LENGTH and length.bit_length() > 8 * (count - 1)
    if not 1 <= count <= _MOST_LENGTH_BYTES or not shortest:
        raise ValueError("a length that is not in its shortest form")
    return start + count, length


def element(tag: int, *contents: bytes) -> bytes:
    """Make an element of its content's parts."""
    content = b"".join(contents)
    length = len(content)
    if length < _LONG_LENGTH:
        return bytes((tag, length)) + content
    written = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG_LENGTH + len(written))) + written + content


def sequence(*contents: bytes) -> bytes:
    """Make a SEQUENCE."""
    return element(SEQUENCE, *contents)


def integer(number: int) -> bytes:
    """Make an INTEGER of a number that is not negative."""
    return element(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def bits(content: bytes) -> bytes:
    """Make a BIT STRING of whole bytes."""
    return element(BIT_STRING, b"\0", content)


def identifier(dotted: str) -> bytes:
    """Make an OBJECT IDENTIFIER, e.g. of 1.2.840.10045.2.1."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    return element(OBJECT_IDENTIFIER, *(_base_128(number) for number in (40 * first + second, *rest)))


def _base_128(number: int) -> bytes:
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.append(number & 0x7F | 0x80)
    return bytes(reversed(septets))
