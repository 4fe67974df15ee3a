"""Certificate numbers: unique without coordination, also among copies of one kiosk.

63 bits, so that the first of the 16 hex digits is at most 7 and the DER integer stays positive:

    kiosk 15 bits ‖ random 48 bits
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from kiosk.domain.errors import EntryRefused
from kiosk.domain.identifiers import MAXIMUM_KIOSK, IdentifierError, require_range
from kiosk.domain.remarks import RemarkReason

RANDOM_LENGTH = 6
"""Random bytes in a number."""
MAXIMUM_RANDOM = 0xFFFF_FFFF_FFFF

_DRAWS = 8
_NUMBER = re.compile(r"[0-7][0-9A-F]{15}")


class CertificateNumberMalformed(IdentifierError):
    """The text is not a certificate number: 16 upper-case hex digits, the first at most 7, the kiosk not zero."""


class CertificateNumber(msgspec.Struct, frozen=True, order=True):
    """The number of a certificate that a kiosk issued; raises IdentifierOutOfRange when made too wide."""

    kiosk: int
    random: int

    def __post_init__(self) -> None:
        require_range("kiosk", self.kiosk, 1, MAXIMUM_KIOSK)
        require_range("random", self.random, 0, MAXIMUM_RANDOM)

    def __int__(self) -> int:
        """The X.509 serial number."""
        return self.kiosk << 48 | self.random

    def __str__(self) -> str:
        """The number as people read it: 16 upper-case hex digits."""
        return f"{int(self):016X}"


def draw_certificate_number(
    kiosk: int, random: Callable[[int], bytes], is_taken: Callable[[str], bool]
) -> CertificateNumber:
    """Draw a number that is not taken; `random` gives that many bytes.

    Raises EntryRefused when it is taken at every draw: the source of random bytes repeats itself; IdentifierOutOfRange.
    """
    for _ in range(_DRAWS):
        number = CertificateNumber(kiosk, int.from_bytes(random(RANDOM_LENGTH), "big"))
        if not is_taken(str(number)):
            return number
    raise EntryRefused(RemarkReason.CERTIFICATE_EXISTS, str(number))


def parse_certificate_number(text: str) -> CertificateNumber:
    """Read a number back from its 16 hex digits, in either case. Raises CertificateNumberMalformed."""
    upper = text.strip().upper()
    if _NUMBER.fullmatch(upper) is None or int(upper, 16) >> 48 == 0:
        raise CertificateNumberMalformed(text)
    value = int(upper, 16)
    return CertificateNumber(value >> 48, value & MAXIMUM_RANDOM)
