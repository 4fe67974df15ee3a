"""What a token keeps its certificate in: often a file of a fixed size, filled behind the certificate.

Every driver hands a card's bytes through here, so that one certificate has one form, whatever stands behind it.
"""

from __future__ import annotations

from typing import Final

PADDING: Final = b"\x00\xff"
"""The bytes that files and objects are filled with (erased and never written; ISO/IEC 7816-4, 5.2.2)."""

SEQUENCE: Final = 0x30
"""The first byte of a certificate in DER."""

_LONG_LENGTH: Final = 0x80
_MOST_LENGTH_BYTES: Final = 4


def certificate_in(data: bytes) -> bytes | None:
    """Return the certificate at the beginning of a file, without what stands behind it; None for no bytes at all.

    It ends where its outer length says (X.690, 8.1.3), be it followed by padding or by the rest of a longer one that
    was there before. Bytes that are no such element are returned as they stand: they are not understood, and so the
    file is not empty.
    """
    return data[: _end(data)] or None


def certificate_in_file(data: bytes) -> bytes | None:
    """Return the certificate of a file whose key pair the token tells of besides; None too where nothing was ever written.

    Where the certificate is all that tells of a key pair, padding alone does not say that there is none (`certificate_in`).
    """
    return certificate_in(data) if data.strip(PADDING) else None


def _end(data: bytes) -> int:
    """Where the outer element ends; the end of the data where it is none, or cut off.

    No certificate is so short that its length is in one byte: such an element is followed by padding alone.
    """
    whole = len(data)
    if whole < 2 or data[0] != SEQUENCE:  # noqa: PLR2004 - tag and length
        return whole
    length, start = data[1], 2
    if length < _LONG_LENGTH:
        end = start + length
        return whole if data[end:].strip(PADDING) else end
    count = length - _LONG_LENGTH
    if not 1 <= count <= _MOST_LENGTH_BYTES:
        return whole
    return start + count + int.from_bytes(data[start : start + count])
