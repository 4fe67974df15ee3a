"""What the desk reads from a token before it does anything with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from hardware.ports import Token


class TokenFacts(msgspec.Struct, frozen=True):
    """What was read from the token: its serial, its public key (04 ‖ x ‖ y) and its certificate (DER)."""

    serial: str
    public_key: bytes | None
    certificate: bytes | None

    @classmethod
    def of(cls, token: Token) -> TokenFacts:
        """Read them. Raises TokenError."""
        return cls(token.serial, token.public_key(), token.certificate())
