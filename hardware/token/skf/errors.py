"""What a library's answer means in the terms of hardware/ports.py."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from hardware.ports import (
    NoKeyPair,
    NotSupported,
    PinBlocked,
    PinInvalid,
    SecurityNotSatisfied,
    TokenError,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    TokenRemoved,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.skf.codes import SarCode

if TYPE_CHECKING:
    from collections.abc import Mapping

FROM_A_LIVE_KEY: Final = frozenset(
    {SarCode.PIN_INCORRECT, SarCode.PIN_LOCKED, SarCode.PIN_INVALID, SarCode.PIN_LENGTH_RANGE}
)
"""The failures that only a key which is there can tell."""

REMOVED: Final = frozenset({SarCode.DEVICE_REMOVED, SarCode.INVALID_HANDLE})
"""What a connection answers whose key was pulled; handles die with the insertion that they were opened in."""

WRONG: Final = frozenset({SarCode.PIN_INCORRECT, SarCode.PIN_INVALID})
"""The answers to a PIN that is another."""


class FunctionFailed(TokenFault):
    """A function of the vendor's library answered with a code that no better error tells.

    `status_word` is the code; a library's functions have no instruction byte, so `instruction` is 0.
    """

    def __init__(self, function: str, code: int) -> None:
        super().__init__(0, code)
        self.function = function

    def __str__(self) -> str:
        """Name the function and its code."""
        return f"{self.function} answered {self.status_word:08X}"


def error_of(function: str, answer: int, code: SarCode | None) -> TokenError:  # noqa: PLR0911 - one row a code
    """Return the error that a code means in answer to anything but a PIN."""
    match code:
        case SarCode.DEVICE_REMOVED:
            return TokenRemoved(f"{function} answered {answer:08X}")
        case SarCode.PIN_LOCKED:
            return PinBlocked("the PIN has no tries left")
        case SarCode.PIN_LENGTH_RANGE:
            return PinInvalid("the key takes no PIN of this length")
        case SarCode.USER_NOT_LOGGED_IN | SarCode.DEVICE_NOT_AUTHENTICATED:
            return SecurityNotSatisfied(f"{function} wants a verified PIN or an authenticated device")
        case (
            SarCode.APPLICATION_NOT_EXISTS
            | SarCode.CONTAINER_NOT_EXISTS
            | SarCode.INVALID_CONTAINER
            | SarCode.USER_PIN_NOT_INITIALISED
        ):
            return TokenNotPrepared(f"{function} answered {answer:08X}")
        case SarCode.KEY_NOT_FOUND:
            return NoKeyPair("the container holds no key pair")
        case SarCode.NO_ROOM | SarCode.REACH_MAX_CONTAINER_COUNT:
            return TokenFull("the key has no room left")
        case SarCode.NOT_SUPPORTED_YET:
            return NotSupported(function)
        case _:
            return FunctionFailed(function, answer)


def pin_error_of(function: str, answer: int, code: SarCode | None, tries_left: int | None) -> TokenError:
    """Return the error that a code means in answer to the user PIN."""
    if code in WRONG:
        # A library that calls a PIN invalid may have counted it as a try: it is not reported as unsent.
        if tries_left == 0:
            return PinBlocked("the PIN has no tries left")
        return WrongPin(tries_left)
    return error_of(function, answer, code)


def unblocking_error_of(
    function: str, answer: int, code: SarCode | None, tries_left: int | None
) -> TokenError:
    """Return the error that a code means in answer to the administrator PIN."""
    if code == SarCode.PIN_LOCKED or (code in WRONG and tries_left == 0):
        return UnblockingPinBlocked("the administrator PIN has no tries left")
    if code in WRONG:
        return UnblockingPinRefused(tries_left)
    return error_of(function, answer, code)


def named_codes(table: Mapping[str, str]) -> dict[int, SarCode]:
    """Read a profile's table of codes: numbers in hexadecimal to the names of SarCode. Raises ValueError."""
    found: dict[int, SarCode] = {}
    for number, name in table.items():
        if name not in SarCode.__members__:
            near = difflib.get_close_matches(name.upper(), SarCode.__members__) or ("KEY_NOT_FOUND",)
            raise ValueError(
                f"codes: there is no {name}; names are those of GM/T 0016, such as {', '.join(near)}"
            )
        if not re.fullmatch("(0[xX])?[0-9A-Fa-f]{1,8}", number):
            raise ValueError(f"codes: {number} is no number of up to 8 hexadecimal digits, such as 0A000033")
        found[int(number, 16)] = SarCode[name]
    return found
