"""One conversation with a GM/T key: commands by the layout table, status words as errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from hardware.apdu import EVERYTHING, Command, Response, Transport, exchange
from hardware.ports import (
    MalformedAnswer,
    NoKeyPair,
    PinBlocked,
    SecurityNotSatisfied,
    TokenFault,
    TokenFull,
    TokenNotPrepared,
    WrongPin,
)
from hardware.token.gmt_codec import pack, unpack
from hardware.token.gmt_layout import LAYOUTS, Instruction, StatusWord

if TYPE_CHECKING:
    from hardware.token.gmt_profile import GmtProfile

_TRIES = 0x0F
_WARNING = 0x6300


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
        """Send one command with the values of its fields, and return its answer whatever the status word."""
        command = Command(instruction, p1, p2, pack(instruction, values), expected)
        return exchange(self._transport, command, longest=self.profile.longest_data)

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


def accept(instruction: Instruction, response: Response) -> bytes:
    """Return the data of an answer that says 9000, else raise the error that its status word means."""
    if response.status_word != StatusWord.SUCCESS:
        refuse(instruction, response.status_word)
    return response.data


def refuse(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means."""
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
        case _:
            raise TokenFault(instruction, status_word)


def refuse_pin(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means in answer to a PIN: 63Cx tells the tries left."""
    if status_word & ~_TRIES == StatusWord.PIN_TRIES:
        if status_word & _TRIES:
            raise WrongPin(status_word & _TRIES)
        raise PinBlocked("the PIN has no tries left")
    if status_word & 0xFF00 == _WARNING:
        raise WrongPin(None)
    refuse(instruction, status_word)
