"""Data objects in BER-TLV as a PIV card makes and reads them (ISO/IEC 7816-4, 5.2.2)."""

from __future__ import annotations

from typing import Final

from hardware.virtual.iso7816 import refuse
from hardware.virtual.piv.apdu import StatusWord

_MORE_TAG: Final = 0x1F
_LONG: Final = 0x80
_LENGTHS: Final = {0x81: 1, 0x82: 2}
_LONGEST: Final = 0xFFFF


def pack(tag: int, value: bytes) -> bytes:
    """Make one object with a length of one to three bytes."""
    length = len(value)
    if length < _LONG:
        lengths = bytes((length,))
    elif length < 1 << 8:
        lengths = bytes((0x81, length))
    else:
        lengths = b"\x82" + length.to_bytes(2)
    return tag.to_bytes((tag.bit_length() + 7) // 8) + lengths + value


def unpack(data: bytes) -> dict[int, bytes]:
    """Read objects to the end of the data. Raises Refusal with 6A80 where they have not that form, or none is there."""
    objects: dict[int, bytes] = {}
    while data:
        tag, data = _tag(data)
        length, data = _length(data)
        if length > len(data) or tag in objects:
            refuse(StatusWord.WRONG_DATA)
        objects[tag], data = data[:length], data[length:]
    if not objects:
        refuse(StatusWord.WRONG_DATA)
    return objects


def only(data: bytes, tag: int) -> bytes:
    """Return the value of the one object that the data is. Raises Refusal with 6A80 where it is another."""
    objects = unpack(data)
    if tuple(objects) != (tag,):
        refuse(StatusWord.WRONG_DATA)
    return objects[tag]


def _tag(data: bytes) -> tuple[int, bytes]:
    """Cut off a tag of one or two bytes, the longest that PIV's templates have."""
    size = 2 if data[0] & _MORE_TAG == _MORE_TAG else 1
    if len(data) <= size:
        refuse(StatusWord.WRONG_DATA)
    return int.from_bytes(data[:size]), data[size:]


def _length(data: bytes) -> tuple[int, bytes]:
    if data[0] < _LONG:
        return data[0], data[1:]
    size = 1 + _LENGTHS.get(data[0], _LONGEST)
    if len(data) < size:
        refuse(StatusWord.WRONG_DATA)
    return int.from_bytes(data[1:size]), data[size:]
