"""SMS codes: how one is drawn, sent, hashed and for how long it counts, whatever it is for."""

from __future__ import annotations

import secrets

from django.utils.crypto import salted_hmac

from kiosk.domain.login_check import CODE_DIGITS
from sync.central.login.messages import Code, Purpose

CODE_SECONDS = 300
CODE_TRIES = 3


def new_code() -> str:
    """A code nobody can guess within its tries."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def hashed(place: str, code: str) -> str:
    """What is stored of a code; `place` is what it belongs to, so that no other has the same hash.

    Six digits are tried through at once, so the key that is not in the database (django.key) goes in.
    """
    return salted_hmac("sync.central.login.codes", f"{place} {code}", algorithm="sha256").hexdigest()


def code_message(code: str, purpose: Purpose) -> Code:
    """What brings a code."""
    return Code(code, CODE_SECONDS // 60, purpose)
