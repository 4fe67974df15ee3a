"""What the status words of a GM/T key mean: each one a typed error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from hardware.ports import (
    DeviceKeyRefused,
    NoKeyPair,
    NotSupported,
    PinBlocked,
    SecurityNotSatisfied,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.gmt_layout import Instruction, StatusWord

if TYPE_CHECKING:
    from hardware.apdu import Response

_TRIES: Final = 0x0F
_HIGH: Final = 0xFF00
_WARNING: Final = 0x6300


def accept(instruction: Instruction, response: Response) -> bytes:
    """Return the data of an answer that says 9000, else raise the error that its status word means."""
    if response.status_word != StatusWord.SUCCESS:
        refuse(instruction, response.status_word)
    return response.data


def refuse(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means.

    TokenFault, with the word, for all that say no more than that the card could not or would not.
    """
    match status_word:
        case StatusWord.SECURITY_NOT_SATISFIED:
            raise SecurityNotSatisfied("the card wants a verified PIN or an authenticated device")
        case StatusWord.PIN_BLOCKED:
            raise PinBlocked("the PIN has no tries left")
        case StatusWord.NO_ROOM:
            raise TokenFull("the card has no room left")
        case StatusWord.NO_APPLICATION | StatusWord.NO_CONTAINER:
            raise TokenNotPrepared(f"the card answered {status_word:04X}")
        case StatusWord.NO_KEY_PAIR:
            raise NoKeyPair("the container holds no key pair")
        case StatusWord.UNKNOWN_INSTRUCTION | StatusWord.UNKNOWN_CLASS:
            raise NotSupported(_function(instruction))
        case _:
            raise TokenFault(instruction, status_word)


def refuse_pin(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means in answer to a user PIN: 63Cx tells the tries left."""
    if _refused(status_word):
        left = _tries_left(status_word)
        if left == 0:
            raise PinBlocked("the PIN has no tries left")
        raise WrongPin(left)
    refuse(instruction, status_word)


def refuse_unblocking(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means in answer to an administrator PIN."""
    if status_word == StatusWord.PIN_BLOCKED:
        raise UnblockingPinBlocked("the administrator PIN has no tries left")
    if _refused(status_word):
        left = _tries_left(status_word)
        if left == 0:
            raise UnblockingPinBlocked("the administrator PIN has no tries left")
        raise UnblockingPinRefused(left)
    refuse(instruction, status_word)


def refuse_device_key(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means in answer to the device key's proof."""
    if _refused(status_word) or status_word in (StatusWord.SECURITY_NOT_SATISFIED, StatusWord.PIN_BLOCKED):
        raise DeviceKeyRefused("the configured device authentication key is not this key's")
    refuse(instruction, status_word)


def _refused(status_word: int) -> bool:
    """Whether it is 63xx: a comparison failed (ISO/IEC 7816-4, 5.6)."""
    return status_word & _HIGH == _WARNING


def _tries_left(status_word: int) -> int | None:
    """Return the tries that 63Cx counts; None for another 63xx."""
    return status_word & _TRIES if status_word & ~_TRIES == StatusWord.PIN_TRIES else None


def _function(instruction: Instruction) -> str:
    return instruction.name.lower().replace("_", " ")
