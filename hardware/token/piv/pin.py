"""The PIN and the PUK of a PIV card: each presented once a call, never repeated here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from hardware.ports import (
    MalformedAnswer,
    PinBlocked,
    PinInvalid,
    PinState,
    TokenFault,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.piv.commands import (
    FACTORY_PIN,
    LONGEST_PIN,
    PIN_PADDING,
    Instruction,
    KeyReference,
    MetadataTag,
    StatusWord,
)
from hardware.token.piv.profile import PivProfile, pin_possible, unblocking_pin_possible
from hardware.token.piv.session import PivSession, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

_COUNT: Final = 0x0F
_DRAWN: Final = 16
"""Random bytes for a PIN: so many that no PIN is likelier than another."""
_FIRST_BYTE: Final = 0xFF00


def pin_block(pin: str) -> bytes:
    """Return a PIN as cards take it: its digits, filled to 8 bytes with FF.

    Raises PinInvalid where the text can be no PIN.
    """
    if not pin_possible(pin):
        raise PinInvalid("a PIN has 6 to 8 digits")
    return _filled(pin)


def drawn_pin(random: Callable[[int], bytes]) -> str:
    """Draw a PIN of 8 digits that nobody is told."""
    return f"{int.from_bytes(random(_DRAWN)) % 10**LONGEST_PIN:0{LONGEST_PIN}d}"


def unblocking_block(unblocking_pin: str) -> bytes:
    """Return a PUK as cards take it. Raises PinInvalid where the text can be none."""
    if not unblocking_pin_possible(unblocking_pin):
        raise PinInvalid("a PUK has 6 to 8 printable ASCII characters")
    return _filled(unblocking_pin)


def _filled(text: str) -> bytes:
    return text.encode().ljust(LONGEST_PIN, bytes((PIN_PADDING,)))


def pin_state(session: PivSession, profile: PivProfile) -> PinState:
    """Ask for the PIN's tries without presenting one (SP 800-73-4 part 2, 3.2.1: VERIFY without data).

    Where the card tells its tries by GET METADATA, so is it taken; else the profile says how many are allowed. A
    PIN that was verified in this connection has all its tries, since that gives them back.
    """
    told = _told_state(session, profile)
    if told is not None:
        return told
    instruction = Instruction.VERIFY
    status_word = session.send(instruction, 0, KeyReference.PIN).status_word
    match status_word:
        case StatusWord.SUCCESS:
            return PinState(profile.pin_tries, profile.pin_tries)
        case StatusWord.PIN_BLOCKED:
            return PinState(0, profile.pin_tries)
        case StatusWord.WARNING | StatusWord.WRONG_LENGTH:
            return PinState(None, profile.pin_tries)
    left = _tries_left(status_word)
    if left is None:
        refuse(instruction, status_word)
    # with more left than it allows, the profile does not know this card
    return PinState(left, profile.pin_tries if left <= profile.pin_tries else None)


def _told_state(session: PivSession, profile: PivProfile) -> PinState | None:
    told = session.metadata(KeyReference.PIN)
    tries = None if told is None else told.get(MetadataTag.TRIES)
    if told is None or tries is None:
        return None
    factory = _is_factory(told.get(MetadataTag.FACTORY), profile)
    match tries:
        case bytes() if len(tries) == 2 and tries[1] <= tries[0]:  # noqa: PLR2004 - allowed and left
            return PinState(tries[1], tries[0], factory)
    raise MalformedAnswer("the PIN's tries are not two numbers, or more are left than allowed")


def _is_factory(told: bytes | None, profile: PivProfile) -> bool | None:
    """Whether the PIN is the profile's factory PIN, where the card tells whether it is the card's own default."""
    if not told:
        return None
    default = any(told)
    if profile.factory_pin == FACTORY_PIN:
        return default
    return False if default else None


def verify(session: PivSession, block: bytes) -> None:
    """Present the PIN once. Raises WrongPin, PinBlocked."""
    instruction = Instruction.VERIFY
    status_word = session.send(instruction, 0, KeyReference.PIN, block).status_word
    if status_word != StatusWord.SUCCESS:
        _refuse_pin(instruction, status_word)


def change(session: PivSession, old: bytes, new: bytes) -> None:
    """Give the PIN another value, once. Raises WrongPin, PinBlocked; PinInvalid where the card declines the new one."""
    instruction = Instruction.CHANGE_REFERENCE_DATA
    status_word = session.send(instruction, 0, KeyReference.PIN, old + new).status_word
    if status_word != StatusWord.SUCCESS:
        _refuse_new_pin(status_word)
        _refuse_pin(instruction, status_word)


def unblock(session: PivSession, unblocking: bytes, new: bytes) -> None:
    """Give the PIN a new value and all its tries by the PUK, once.

    Raises UnblockingPinRefused, UnblockingPinBlocked; PinInvalid where the card declines the new PIN.
    """
    instruction = Instruction.RESET_RETRY_COUNTER
    status_word = session.send(instruction, 0, KeyReference.PIN, unblocking + new).status_word
    if status_word == StatusWord.SUCCESS:
        return
    _refuse_new_pin(status_word)
    left = _tries_left(status_word)
    if left == 0 or status_word == StatusWord.PIN_BLOCKED:
        raise UnblockingPinBlocked("the PUK has no tries left")
    if left is not None or status_word & _FIRST_BYTE == StatusWord.WARNING:
        raise UnblockingPinRefused(left)
    refuse(instruction, status_word)


def _tries_left(status_word: int) -> int | None:
    return status_word & _COUNT if status_word & ~_COUNT == StatusWord.PIN_TRIES else None


def _refuse_new_pin(status_word: int) -> None:
    """Some cards decline simple PINs; what exactly they answer is this project's reading (see the layout)."""
    if status_word in (StatusWord.WRONG_DATA, StatusWord.NOT_ALLOWED_NOW):
        raise PinInvalid("the card does not take this new PIN")


def _refuse_pin(instruction: Instruction, status_word: int) -> NoReturn:
    left = _tries_left(status_word)
    if left == 0:
        raise PinBlocked("the PIN has no tries left")
    if left is not None or status_word & _FIRST_BYTE == StatusWord.WARNING:
        raise WrongPin(left)
    if status_word == StatusWord.NO_REFERENCE:
        raise TokenFault(instruction, status_word)
    refuse(instruction, status_word)
