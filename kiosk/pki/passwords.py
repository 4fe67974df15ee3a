"""Passwords and their verifiers: Argon2id over the password in NFC."""

from __future__ import annotations

import re

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from kiosk.domain.password_rules import tidy_password

DUMMY_VERIFIER = (
    "$argon2id$v=19$m=65536,t=3,p=4$YXvkFx6HjtXdIlIGR+6f9w$gURvCXCSNaQH9P5gNPwCiX+U/J6jDzN5fTCfAY8zEx0"
)
"""The verifier of a password that nobody has, with the parameters that the centre gives to all: checked where an account is unknown."""
LONGEST_VERIFIER = 200
"""Characters of a verifier, as the centre's column has them."""
_HASHER = PasswordHasher()
_FORM = re.compile(r"\$argon2id\$v=19\$[a-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


def password_matches(verifier: str, password: str) -> bool:
    """Whether it is the verifier's password; slow. An empty verifier has none."""
    try:
        return _HASHER.verify(verifier, tidy_password(password))
    except (
        VerificationError,
        InvalidHashError,
        UnicodeEncodeError,
    ):  # the last of what is no text, in either
        return False


def make_verifier(password: str) -> str:
    """The verifier of a password; slow."""
    return _HASHER.hash(tidy_password(password))


def is_verifier(text: str) -> bool:
    """Whether that is a verifier as `make_verifier` makes them: of its parameters, no weaker and no costlier to check."""
    if len(text) > LONGEST_VERIFIER or _FORM.fullmatch(text) is None:
        return False
    try:
        return extract_parameters(text) == extract_parameters(DUMMY_VERIFIER)
    except (InvalidHashError, ValueError):
        return False
