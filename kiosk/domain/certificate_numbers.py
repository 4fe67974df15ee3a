"""Certificate numbers: unique across kiosks and epochs without coordination.

63 bits, so that the first of the 16 hex digits is at most 7 and the DER integer stays positive:

    kiosk 15 bits ‖ epoch 24 bits ‖ journal sequence 24 bits
"""

from __future__ import annotations

import re

import msgspec

from kiosk.domain.identifiers import MAXIMUM_EPOCH, MAXIMUM_KIOSK, IdentifierError, require_range

MAXIMUM_JOURNAL_SEQUENCE = 0xFF_FFFF

_NUMBER = re.compile(r"[0-7][0-9A-F]{15}")


class CertificateNumberMalformed(IdentifierError):
    """The text is not a certificate number: 16 upper-case hex digits, the first at most 7, the kiosk not zero."""


class CertificateNumber(msgspec.Struct, frozen=True, order=True):
    """The number of the certificate issued with one journal entry; raises IdentifierOutOfRange when made too wide."""

    kiosk: int
    epoch: int
    sequence: int

    def __post_init__(self) -> None:
        require_range("kiosk", self.kiosk, 1, MAXIMUM_KIOSK)
        require_range("epoch", self.epoch, 0, MAXIMUM_EPOCH)
        require_range("sequence", self.sequence, 0, MAXIMUM_JOURNAL_SEQUENCE)

    def __int__(self) -> int:
        """The X.509 serial number."""
        return self.kiosk << 48 | self.epoch << 24 | self.sequence

    def __str__(self) -> str:
        """The number as people read it: 16 upper-case hex digits."""
        return f"{int(self):016X}"


def parse_certificate_number(text: str) -> CertificateNumber:
    """Read a number back from its 16 hex digits, in either case. Raises CertificateNumberMalformed."""
    upper = text.strip().upper()
    if _NUMBER.fullmatch(upper) is None or int(upper, 16) >> 48 == 0:
        raise CertificateNumberMalformed(text)
    value = int(upper, 16)
    return CertificateNumber(value >> 48, value >> 24 & MAXIMUM_EPOCH, value & MAXIMUM_JOURNAL_SEQUENCE)
