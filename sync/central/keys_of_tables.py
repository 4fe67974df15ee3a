"""Primary keys of the big tables: they begin with the kiosk, so that a fleet's data can be split by it."""

from __future__ import annotations

_SEQUENCE_BITS = 32
LAST = (1 << _SEQUENCE_BITS) - 1


def row_key(kiosk: int, number: int) -> int:
    """The key of one numbered row of a kiosk: kiosk (15 bits) ‖ number (32 bits)."""
    return kiosk << _SEQUENCE_BITS | number


def fact_key(kiosk: int, sequence: int, digest: bytes) -> str:
    """The key of what one entry says, on whichever branch it stands: kiosk, sequence and 16 hex digits of its hash."""
    return f"{kiosk:05d}-{sequence:010d}-{digest[:8].hex()}"
