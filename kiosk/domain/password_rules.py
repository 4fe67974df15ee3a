"""Which passwords members, the desk's staff and users of the console may choose; whoever sets one asks here, at the kiosk, on the phone and at the centre."""

from __future__ import annotations

import enum
import unicodedata

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 64
"""Characters of a password in normal form C."""


class PasswordFault(enum.StrEnum):
    """Why a password cannot be chosen."""

    SHORT = "short"
    LONG = "long"
    CHARACTER = "character"
    """One that no keyboard types everywhere alike: only printable ASCII is taken, without spaces."""
    PLAIN = "plain"
    """Of one kind alone: letters and digits, or one of them with signs, are wanted."""
    ACCOUNT = "account"
    """The account is within it."""


def tidy_password(text: str) -> str:
    """A password as it is hashed and compared: normal form C."""
    return unicodedata.normalize("NFC", text)


def password_fault(password: str, account: str) -> PasswordFault | None:
    """Return why an account cannot have this password, None where it can."""
    password = tidy_password(password)
    if len(password) < SHORTEST_PASSWORD:
        return PasswordFault.SHORT
    if len(password) > LONGEST_PASSWORD:
        return PasswordFault.LONG
    if not all("!" <= each <= "~" for each in password):
        return PasswordFault.CHARACTER
    if len({_kind(each) for each in password}) == 1:
        return PasswordFault.PLAIN
    return PasswordFault.ACCOUNT if account and account in password else None


def _kind(character: str) -> str:
    if character.isalpha():
        return "letter"
    return "digit" if character.isdigit() else "sign"
