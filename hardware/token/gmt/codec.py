"""Bodies of GM/T 0017 commands and answers, made and read by the rows of the layout table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.crypto import signatures
from hardware.crypto.sm2 import ORDER, PointInvalid, sm2
from hardware.ports import MalformedAnswer
from hardware.token.gmt.commands import COORDINATE, KEY_BITS, LAYOUTS, LONGEST_NAME, Field, Instruction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDE: Final = 64
"""The coordinate of GM/T 0016's structures: right-aligned in 64 bytes."""


def pack(instruction: Instruction, values: Mapping[str, int | bytes]) -> bytes:
    """Make the body of a command from the values of its fields.

    Raises KeyError for a missing value and ValueError for one of another length than its field's.
    """
    return b"".join(_packed(field, values[field.name]) for field in LAYOUTS[instruction].body)


def _packed(field: Field, value: int | bytes) -> bytes:
    if isinstance(value, int) and isinstance(field.length, int):
        return value.to_bytes(field.length)
    if isinstance(value, int) or (isinstance(field.length, int) and len(value) != field.length):
        raise ValueError(f"{field.name} has another length")
    return value


def unpack(fields: Sequence[Field], data: bytes) -> dict[str, bytes]:
    """Read an answer's fields. Raises MalformedAnswer where its length is not theirs."""
    values: dict[str, bytes] = {}
    at = 0
    for field in fields:
        length = len(data) - at if field.length is None else field.length
        if not isinstance(length, int):
            length = int.from_bytes(values[length])
        values[field.name] = data[at : at + length]
        if len(values[field.name]) != length:
            raise MalformedAnswer(f"the answer ends within {field.name}")
        at += length
    if at != len(data):
        raise MalformedAnswer(f"the answer is {len(data) - at} bytes too long")
    return values


def listed_names(data: bytes) -> tuple[bytes, ...]:
    """Read a list of names, each with its ending zero, that may end in any number of zeros.

    Raises MalformedAnswer where a name is empty or longer than 32 bytes.
    """
    names = tuple(data.rstrip(b"\0").split(b"\0")) if any(data) else ()
    if not all(1 <= len(name) <= LONGEST_NAME for name in names):
        raise MalformedAnswer("a name is empty or too long")
    return names


def public_point(data: bytes) -> bytes:
    """Read a public key's answer (bits, x, y) as the point 04 ‖ x ‖ y.

    Raises MalformedAnswer for another form or a point off the curve.
    """
    x, y = _pair(Instruction.EXPORT_PUBLIC_KEY, data)
    point = b"\x04" + x + y
    try:
        sm2().require_point(point)
    except PointInvalid:
        raise MalformedAnswer("the public key is no point of the SM2 curve") from None
    return point


def der_signature(data: bytes) -> bytes:
    """Read a signature's answer (bits, r, s) as DER. Raises MalformedAnswer for what no signature can be."""
    r, s = (int.from_bytes(part) for part in _pair(Instruction.ECC_SIGN_DATA, data))
    try:
        return signatures.encode(r, s, ORDER)
    except ValueError as error:
        raise MalformedAnswer(str(error)) from None


def _pair(instruction: Instruction, data: bytes) -> tuple[bytes, bytes]:
    """Read two numbers of 256 bits, each in 32 bytes or right-aligned in 64 as in GM/T 0016."""
    bits, first, second = LAYOUTS[instruction].answer
    wide = len(data) == len(KEY_BITS.to_bytes(4)) + 2 * _WIDE
    if wide:
        first, second = Field(first.name, _WIDE), Field(second.name, _WIDE)
    values = unpack((bits, first, second), data)
    if int.from_bytes(values[bits.name]) != KEY_BITS:
        raise MalformedAnswer("the numbers have not 256 bits")
    numbers = values[first.name], values[second.name]
    if wide and any(any(number[:-COORDINATE]) for number in numbers):
        raise MalformedAnswer("the numbers are not right-aligned")
    return numbers[0][-COORDINATE:], numbers[1][-COORDINATE:]
