"""The database's key and what is derived from it.

The key is 32 random bytes, used raw. SQLCipher keeps a salt in the first 16 bytes of the file, in the clear; here it
identifies the file and its key, so that a wrong key is not taken for a damaged file:

    offset  length  field
         0       8  "KEYDESK1"
         8       8  derived from the key

Other keys are derived with HKDF-Expand (RFC 5869, section 2.3) alone: the key is uniformly random (section 3.3).
"""

from __future__ import annotations

import hmac

KEY_LENGTH = 32
SALT_LENGTH = 16
MARK = b"KEYDESK1"


def derive(key: bytes, purpose: bytes) -> bytes:
    """32 bytes derived from the database's key for one purpose."""
    require_key(key)
    return hmac.digest(key, purpose + b"\x01", "sha256")


def require_key(key: bytes) -> None:
    """Raise ValueError unless the key has its length."""
    if len(key) != KEY_LENGTH:
        raise ValueError(f"a database key has {KEY_LENGTH} bytes, not {len(key)}")


def file_salt(key: bytes) -> bytes:
    """The first 16 bytes of a database made with this key."""
    return MARK + derive(key, b"keydesk database salt 1")[: SALT_LENGTH - len(MARK)]


def is_of_another(salt: bytes, key: bytes) -> bool:
    """Whether a file that begins with `salt` was made by the desk and with another key."""
    return len(salt) == SALT_LENGTH and salt.startswith(MARK) and salt != file_salt(key)


def vault_key(key: bytes) -> bytes:
    """The key of the vault (AES-256)."""
    return derive(key, b"keydesk vault 1")
