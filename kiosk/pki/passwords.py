"""Passwords and their verifiers: Argon2id over the password in NFC."""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

DUMMY_VERIFIER = (
    "$argon2id$v=19$m=65536,t=3,p=4$YXvkFx6HjtXdIlIGR+6f9w$gURvCXCSNaQH9P5gNPwCiX+U/J6jDzN5fTCfAY8zEx0"
)
"""The verifier of a password that nobody has, with the parameters that the centre gives to all: checked where an account is unknown."""
_HASHER = PasswordHasher()


def password_matches(verifier: str, password: str) -> bool:
    """Whether it is the verifier's password; slow."""
    try:
        return _HASHER.verify(verifier, unicodedata.normalize("NFC", password))
    except (VerificationError, InvalidHashError):
        return False
