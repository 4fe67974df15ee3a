"""Signatures as DER (r, s): SEQUENCE of two INTEGERs (RFC 3279, section 2.2.3; GM/T 0009, section 7.3)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature


def encode(r: int, s: int, limit: int) -> bytes:
    """Return the DER of two numbers. Raises ValueError unless both are in [1, limit − 1]."""
    if not (0 < r < limit and 0 < s < limit):
        raise ValueError("the signature's numbers are out of range")
    return encode_dss_signature(r, s)


def decode(signature: bytes, limit: int) -> tuple[int, int]:
    """Return (r, s). Raises ValueError unless both are in [1, limit − 1] and this is their only encoding."""
    r, s = decode_dss_signature(signature)
    if encode(r, s, limit) != signature:
        raise ValueError("the signature is not DER")
    return r, s
