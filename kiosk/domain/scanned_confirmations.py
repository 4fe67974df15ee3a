"""The confirmation that a payer's phone shows as a QR code and the desk's scanner reads.

The text is `KDESK1:` and the base 32 of 76 bytes, 129 characters of QR alphanumeric mode:

    offset  length  field
         0       8  the code's identity: the first bytes of SHA-256 over the order code
         8       4  amount in fen
        12      64  the centre's Ed25519 signature over `scanned_message`, which holds the whole code

The identity only selects the order; the signature covers the code itself.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.base32 import Base32Malformed, decode_base32, encode_base32
from kiosk.domain.payment_codes import (
    CodeFieldOutOfRange,
    ConfirmationMalformed,
    ConfirmationOfAnotherOrder,
    ConfirmationWrong,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "KDESK1:"
IDENTITY_LENGTH = 8
SIGNATURE_LENGTH = 64
MAXIMUM_AMOUNT = 0xFFFF_FFFF

_AMOUNT_END = IDENTITY_LENGTH + 4
_LENGTH = _AMOUNT_END + SIGNATURE_LENGTH
_LABEL = b"keydesk scanned confirmation 1\x00"


class ScannedConfirmation(msgspec.Struct, frozen=True):
    """What was scanned, not yet verified; the amount in fen."""

    identity: bytes
    amount: int
    signature: bytes


def order_code_identity(data: bytes) -> bytes:
    """Return the eight bytes by which a scanned confirmation names an order code."""
    return hashlib.sha256(data).digest()[:IDENTITY_LENGTH]


def scanned_message(data: bytes, amount_fen: int) -> bytes:
    """Return the bytes that the centre signs when a code's order was paid with that amount (fen)."""
    return _LABEL + data + amount_fen.to_bytes(8, "big")


def encode_scanned(data: bytes, amount_fen: int, signature: bytes) -> str:
    """Return the text of the QR code for a code, an amount (fen) and the signature over `scanned_message`.

    Raises CodeFieldOutOfRange.
    """
    if not 0 <= amount_fen <= MAXIMUM_AMOUNT:
        raise CodeFieldOutOfRange("amount")
    if len(signature) != SIGNATURE_LENGTH:
        raise CodeFieldOutOfRange("signature")
    return PREFIX + encode_base32(order_code_identity(data) + amount_fen.to_bytes(4, "big") + signature)


def is_scanned_confirmation(text: str) -> bool:
    """Whether a scan claims to be a confirmation, by its prefix."""
    return text.strip().upper().startswith(PREFIX)


def read_scanned(text: str) -> ScannedConfirmation:
    """Read a scan. Raises ConfirmationMalformed."""
    if not is_scanned_confirmation(text):
        raise ConfirmationMalformed("no scanned confirmation")
    try:
        payload = decode_base32(text.strip()[len(PREFIX) :], _LENGTH)
    except Base32Malformed as error:
        raise ConfirmationMalformed(str(error)) from error
    return ScannedConfirmation(
        identity=payload[:IDENTITY_LENGTH],
        amount=int.from_bytes(payload[IDENTITY_LENGTH:_AMOUNT_END], "big"),
        signature=payload[_AMOUNT_END:],
    )


def require_scanned(
    text: str, data: bytes, amount_fen: int, verify: Callable[[bytes, bytes], bool]
) -> ScannedConfirmation:
    """Return what was scanned if the centre confirms that code and amount, else raise.

    `verify(message, signature)` checks the centre's Ed25519 signature. Raises ConfirmationMalformed,
    ConfirmationOfAnotherOrder, ConfirmationWrong.
    """
    scanned = read_scanned(text)
    if not hmac.compare_digest(scanned.identity, order_code_identity(data)):
        raise ConfirmationOfAnotherOrder("the scanned confirmation names another order")
    if scanned.amount != amount_fen:
        raise ConfirmationWrong(f"confirms {scanned.amount} fen, not {amount_fen}")
    if not verify(scanned_message(data, amount_fen), scanned.signature):
        raise ConfirmationWrong("the centre did not sign this confirmation")
    return scanned
