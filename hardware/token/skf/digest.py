"""The hash that an SM2 signature signs: SM3 over the signer's Z and the message (GB/T 32918.2, 5.5 and 6.1)."""

from __future__ import annotations

from typing import Final

from gmssl_pyx import sm3_hash  # type: ignore[import-untyped]  # stubs for its extension, but no py.typed

USER_ID: Final = b"1234567812345678"
"""The default user ID (GM/T 0009, chapter 10)."""

_CURVE: Final = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"  # a
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"  # b
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"  # x of G
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"  # y of G
)
"""The SM2 curve's parameters in the order in which Z takes them (GB/T 32918.5)."""


def signer_digest(point: bytes, user_id: bytes = USER_ID) -> bytes:
    """Return Z of a public key (04 ‖ x ‖ y), 32 bytes."""
    return bytes(sm3_hash((8 * len(user_id)).to_bytes(2) + user_id + _CURVE + point[1:]))


def message_digest(point: bytes, message: bytes, user_id: bytes = USER_ID) -> bytes:
    """Return the 32 bytes that are signed for a message."""
    return bytes(sm3_hash(signer_digest(point, user_id) + message))
