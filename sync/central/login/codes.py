"""SMS codes: how one is drawn, worded, hashed and for how long it counts, whatever it is for."""

from __future__ import annotations

import hashlib
import secrets

from kiosk.domain.login_check import CODE_DIGITS

CODE_SECONDS = 300
CODE_TRIES = 3


def new_code() -> str:
    """A code nobody can guess within its tries."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def hashed(place: str, code: str) -> str:
    """What is stored of a code; `place` is what it belongs to, so that no other has the same hash."""
    return hashlib.sha256(f"{place} {code}".encode()).hexdigest()


def code_text(system: str, code: str, purpose: str) -> str:
    """The message that brings a code."""
    return f"【{system}】验证码 {code}，{CODE_SECONDS // 60} 分钟内有效，用于{purpose}，请勿告诉他人。"
