"""One conversation with a GM/T key: commands by the layout table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from hardware.apdu import EVERYTHING, LONGEST_LENGTH, Command, Response, Transport, exchange
from hardware.ports import (
    DeviceKeyRefused,
    MalformedAnswer,
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
from hardware.token.gmt.codec import pack, unpack
from hardware.token.gmt.commands import LAYOUTS, Instruction, StatusWord

if TYPE_CHECKING:
    from hardware.token.gmt.profile import GmtProfile


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


_REPEATABLE: Final = frozenset(
    {
        Instruction.GET_DEVICE_INFORMATION,
        Instruction.GET_PIN_INFORMATION,
        Instruction.ENUMERATE_APPLICATIONS,
        Instruction.ENUMERATE_CONTAINERS,
        Instruction.OPEN_APPLICATION,
        Instruction.OPEN_CONTAINER,
        Instruction.EXPORT_CERTIFICATE,
        Instruction.EXPORT_PUBLIC_KEY,
        Instruction.GENERATE_RANDOM,
        Instruction.ECC_SIGN_DATA,
        Instruction.CREATE_CONTAINER,
        Instruction.GENERATE_ECC_KEY_PAIR,
    }
)
"""What may be sent again to fetch the rest of its answer: it presents no secret, and what it makes is read back."""

_WHOLE: Final = frozenset(
    {
        Instruction.DEVICE_AUTHENTICATION,
        Instruction.VERIFY_PIN,
        Instruction.CHANGE_PIN,
        Instruction.UNBLOCK_PIN,
    }
)


class GmtSession:
    """Sends the commands of one profile's key; every method may raise TokenError."""

    def __init__(self, transport: Transport, profile: GmtProfile) -> None:
        self.profile = profile
        self._transport = transport

    def send(
        self,
        instruction: Instruction,
        p1: int = 0,
        p2: int = 0,
        *,
        expected: int | None = None,
        **values: int | bytes,
    ) -> Response:
        """Send one command with the values of its fields, and return its answer whatever the status word.

        The proof of a PIN or key goes in one piece: a card without chaining would count its first link as a try.
        """
        once = instruction not in _REPEATABLE
        command = Command(instruction, p1, p2, pack(instruction, values), expected, once=once)
        longest = LONGEST_LENGTH if instruction in _WHOLE else self.profile.longest_data
        return exchange(self._transport, command, longest=longest)

    def demand(
        self,
        instruction: Instruction,
        p1: int = 0,
        p2: int = 0,
        *,
        expected: int | None = None,
        **values: int | bytes,
    ) -> bytes:
        """Send one command and return its answer's data; any other status word than 9000 is an error."""
        return accept(instruction, self.send(instruction, p1, p2, expected=expected, **values))

    def fields(self, instruction: Instruction, p2: int = 0, **values: int | bytes) -> dict[str, bytes]:
        """Send one command and read its answer by the table."""
        data = self.demand(instruction, 0, p2, expected=EVERYTHING, **values)
        return unpack(LAYOUTS[instruction].answer, data)

    def random(self, count: int) -> bytes:
        """Have the card make random bytes, which it will take for its challenge."""
        data = self.demand(Instruction.GENERATE_RANDOM, expected=count)
        if len(data) != count:
            raise MalformedAnswer(f"asked for {count} random bytes, got {len(data)}")
        return data
