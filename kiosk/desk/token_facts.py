"""What the desk reads from a token before it does anything with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hardware.ports import MalformedAnswer

if TYPE_CHECKING:
    from hardware.ports import Token

# Stands for what is on a token and makes no sense: it is no certificate of ours, and the token is not blank.
UNREADABLE = b"\0"


class TokenFacts(msgspec.Struct, frozen=True):
    """What was read from the token: its serial, its public key (04 ‖ x ‖ y) and its certificate (DER)."""

    serial: str
    public_key: bytes | None
    certificate: bytes | None

    @classmethod
    def of(cls, token: Token) -> TokenFacts:
        """Read them. Raises TokenError."""
        return cls(token.serial, token.public_key(), token.certificate())

    @classmethod
    def as_far_as_readable(cls, token: Token) -> TokenFacts:
        """Read them for whoever only looks at the token or erases it; UNREADABLE for what makes no sense. Raises TokenError."""
        return cls(token.serial, _readable(token.public_key), _readable(token.certificate))


def _readable(read: Callable[[], bytes | None]) -> bytes | None:
    # Twice, since an answer may also have been spoilt on its way.
    for _ in range(2):
        with contextlib.suppress(MalformedAnswer):
            return read()
    return UNREADABLE
