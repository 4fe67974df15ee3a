"""What vendors' headers disagree about, found out from what a library fills in.

    what                         one family of public headers     the other
    SGD_SM2_1                    0x00020100                       0x00020200     disputed: about half and half
    ULONG in DEVINFO             4 bytes                          8 bytes
    ULONG in ECCPUBLICKEYBLOB    4 bytes                          8 bytes        not always as in DEVINFO
    gaps in DEVINFO              none (packed)                    as the compiler aligns

The profile says what to expect, and that is looked at first. A structure is read by the first layout whose numbers can be; the
texts of DEVINFO, the serial number among them, stand at the same place in all of them.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from hardware.ports import MalformedAnswer
from hardware.token.skf import layout
from hardware.token.skf.codes import SarCode

if TYPE_CHECKING:
    from hardware.token.skf.layout import DeviceInformation

WIDTHS: Final = (4, 8)
"""Bytes of a ULONG."""

SM2_1: Final = (0x00020200, 0x00020100)
"""SGD_SM2_1 in the two families, both disputed: in the second the first number is SGD_SM2_2, in the first the second is SGD_SM2."""

NOT_THIS_ALGORITHM: Final = frozenset(
    {
        None,
        SarCode.FAIL,
        SarCode.UNKNOWN,
        SarCode.NOT_SUPPORTED_YET,
        SarCode.INVALID_PARAMETER,
        SarCode.KEY_USAGE,
        SarCode.INPUT_DATA,
    }
)
"""What libraries answer to the number of an algorithm that they do not know; None is a number in no table."""

_ASYMMETRIC: Final = 0x0003FFFF
_SM2: Final = 0x00020000
_SM2_BITS: Final = 0xFF00
_UPPER_ALONE: Final = 0x0800
"""SGD_SM2_3 where SGD_SM2_1 is 0x00020200; in the other family no algorithm has this bit."""

_SYMMETRIC: Final = 0x00FFFFFF
_HASH: Final = 0x000000FF
_AUTHENTICATION: Final = 0x0000FFFF
_LARGEST_SPACE: Final = 0xFFFFFFFF


def device_information(data: bytes, ulong_bytes: int, *, packed: bool) -> DeviceInformation:
    """Read DEVINFO, by the layout that is expected or, where its numbers cannot be so, by another one.

    Where no layout makes them plausible, the expected one stands. Raises MalformedAnswer.
    """
    expected = layout.device_information(data, ulong_bytes, packed=packed)
    if _plausible(expected):
        return expected
    for width, without_gaps in itertools.product(WIDTHS, (True, False)):
        try:
            found = layout.device_information(data, width, packed=without_gaps)
        except MalformedAnswer:
            continue
        if _plausible(found):
            return found
    return expected


def public_key(data: bytes, ulong_bytes: int) -> tuple[bytes, int]:
    """Read ECCPUBLICKEYBLOB: the point 04 ‖ x ‖ y, and the bytes of the ULONG before it, the expected ones first.

    Only one width makes 256 bits and a point of the curve of it. Raises MalformedAnswer where none does.
    """
    others = (width for width in WIDTHS if width != ulong_bytes)
    try:
        return layout.public_point(data, ulong_bytes), ulong_bytes
    except MalformedAnswer as malformed:
        for width in others:
            try:
                return layout.public_point(data, width), width
            except MalformedAnswer:
                continue
        raise malformed from None


def key_algorithms(capabilities: int) -> tuple[int, ...]:
    """Return both numbers of SGD_SM2_1, the likelier one first by what DEVINFO tells of the key (AlgAsymCap)."""
    first, second = SM2_1
    lower = capabilities & _SM2 and capabilities & second & _SM2_BITS and not capabilities & _UPPER_ALONE
    return (second, first) if lower else (first, second)


def _plausible(found: DeviceInformation) -> bool:
    """Whether the algorithms are some that GM/T 0006 numbers, and no more room is free than there is."""
    return (
        found.symmetric_algorithms <= _SYMMETRIC
        and found.asymmetric_algorithms <= _ASYMMETRIC
        and found.hash_algorithms <= _HASH
        and found.authentication_algorithm <= _AUTHENTICATION
        and found.free_space <= found.total_space <= _LARGEST_SPACE
    )
