"""How a GM/T key is shown that one knows its PIN, without the PIN travelling."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from hardware.ports import PinInvalid
from hardware.token.gmt_layout import CHALLENGE_PADDING, PIN_KEY
from hardware.token.gmt_profile import pin_possible


def pin_key(pin: str) -> bytes:
    """Return the SM4 key made of a PIN: SHA-1(PIN)[:16] (GM/T 0017, VerifyPin).

    Raises PinInvalid where the text can be no PIN.
    """
    if not pin_possible(pin):
        raise PinInvalid("a PIN has 6 to 16 printable ASCII characters")
    return hashlib.sha1(pin.encode(), usedforsecurity=False).digest()[:PIN_KEY]


def pin_proof(key: bytes, challenge: bytes) -> bytes:
    """Return the block that proves a PIN's key against the card's 8 random bytes."""
    return seal(key, challenge + CHALLENGE_PADDING)


def seal(key: bytes, block: bytes) -> bytes:
    """Encrypt one 16-byte block with SM4 (GB/T 32907)."""
    encryptor = Cipher(SM4(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as the standard says
    return encryptor.update(block) + encryptor.finalize()
