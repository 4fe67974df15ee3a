"""A key wrapped with a passphrase, or with a code that people keep on paper: Argon2id (RFC 9106), then AES-256-GCM."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import msgspec
from argon2.low_level import Type, hash_secret_raw

from kiosk.domain.base32 import ALPHABET, encode_base32
from kiosk.pki.device_keys import SEAL_KEY_LENGTH, SEAL_NONCE_LENGTH, seal, unseal
from kiosk.pki.errors import SealBroken

SHORTEST = 12
"""Characters of a passphrase that people choose."""
CODE_BYTES = 15  # 24 characters in groups of four
_SALT_LENGTH = 16
_MOST_MEMORY = 2 * 1024 * 1024  # KiB, of a file that was made elsewhere
_GROUP = 4


class Wrapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret under a passphrase; `memory` in KiB (RFC 9106, section 4, the second recommended option)."""

    salt: bytes
    sealed: bytes
    memory: int = 65536
    passes: int = 3
    lanes: int = 4


def wrap(secret: bytes, passphrase: str, context: bytes, random: Callable[[int], bytes]) -> Wrapped:
    """Wrap a secret; `context` says what it is and must be given again to open it."""
    empty = Wrapped(random(_SALT_LENGTH), b"")
    sealed = seal(_key(empty, passphrase), random(SEAL_NONCE_LENGTH), secret, context)
    return msgspec.structs.replace(empty, sealed=sealed)


def unwrap(wrapped: Wrapped, passphrase: str, context: bytes) -> bytes:
    """Open what `wrap` made. Raises SealBroken, as for a wrong passphrase."""
    return unseal(_key(wrapped, passphrase), wrapped.sealed, context)


def recovery_code(random: Callable[[int], bytes]) -> str:
    """A new code of 120 random bits, as `XXXX-XXXX-…`."""
    text = encode_base32(random(CODE_BYTES))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def plain_code(typed: str) -> str:
    """A code as it was given out, however it was typed: small letters, without hyphens, with O for 0."""
    text = "".join(typed.split()).replace("-", "").upper()
    return text.translate(str.maketrans("OIL", "011"))


def may_be_code(typed: str) -> bool:
    """Whether what was typed has the form of a code."""
    plain = plain_code(typed)
    return len(plain) == CODE_BYTES * 8 // 5 and set(plain) <= set(ALPHABET)


def _key(wrapped: Wrapped, passphrase: str) -> bytes:
    if not 0 < wrapped.memory <= _MOST_MEMORY:
        raise SealBroken("its cost is out of bounds")
    # The same characters give the same bytes, however the keyboard composes them.
    secret = unicodedata.normalize("NFKC", passphrase.strip()).encode()
    return hash_secret_raw(
        secret, wrapped.salt, wrapped.passes, wrapped.memory, wrapped.lanes, SEAL_KEY_LENGTH, Type.ID
    )
