"""One conversation with a PIV card: short commands, data objects, status words as errors."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NoReturn

from hardware.apdu import EVERYTHING, Command, Form, Response, Transport, exchange
from hardware.ports import (
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    PinBlocked,
    SecurityNotSatisfied,
    TokenFault,
    TokenFull,
)
from hardware.token.piv.commands import (
    APPLICATION,
    BY_NAME,
    CURRENT_APPLICATION,
    IMPORTED,
    Algorithm,
    Instruction,
    KeyReference,
    MetadataTag,
    ObjectIdentifier,
    StatusWord,
    Tag,
)
from hardware.token.piv.objects import encode, member, parse, read_container

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_BYTE: Final = 0xFF00
_FAULTS: Final = (StatusWord.EXECUTION, StatusWord.MEMORY)
_SERIAL: Final = 4
_REPEATABLE: Final = frozenset(
    {
        Instruction.SELECT,
        Instruction.GET_DATA,
        Instruction.GET_METADATA,
        Instruction.GET_SERIAL,
        Instruction.ATTEST,
        Instruction.GENERAL_AUTHENTICATE,
    }
)
"""What may be sent again to fetch the rest of its answer: it changes nothing that lasts."""

_MANAGEMENT: Final = (Instruction.GENERAL_AUTHENTICATE, KeyReference.MANAGEMENT)


_OURS: Final = bytes((Algorithm.P256,))


class KeyPair(enum.Enum):
    """What a slot holds."""

    NONE = enum.auto()
    LIKE_OURS = enum.auto()
    """A P-256 key pair that was made on the card, as the desk makes them."""
    FOREIGN = enum.auto()
    """One that was brought to the card or is of another kind: the desk never makes such a one."""


class PivSession:
    """Sends commands to the PIV application of one card; every method may raise TokenError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._metadata_offered = True

    def send(
        self, instruction: Instruction, p1: int = 0, p2: int = 0, data: bytes = b"", *, awaits: bool = False
    ) -> Response:
        """Send one command, in a chain where its data is long, and return its answer whatever the status word.

        `awaits` says that data is to come, all of which is fetched.
        """
        expected = EVERYTHING if awaits else None
        once = instruction not in _REPEATABLE or (instruction, p2) == _MANAGEMENT
        command = Command(instruction, p1, p2, data, expected, cla=0, form=Form.SHORT, once=once)
        return exchange(self._transport, command)

    def demand(
        self, instruction: Instruction, p1: int = 0, p2: int = 0, data: bytes = b"", *, awaits: bool = False
    ) -> bytes:
        """Send one command and return its answer's data; any other status word than 9000 is an error."""
        return accept(instruction, self.send(instruction, p1, p2, data, awaits=awaits))

    def select(self) -> bool:
        """Select the PIV application; False where the card has none. Raises TokenFault where it is faulty."""
        instruction = Instruction.SELECT
        answer = self.send(instruction, BY_NAME, 0, APPLICATION, awaits=True)
        refuse_fault(instruction, answer.status_word)
        if answer.status_word != StatusWord.SUCCESS:
            return False
        try:
            member(answer.data, Tag.APPLICATION_TEMPLATE, Tag.APPLICATION_IDENTIFIER)
        except MalformedAnswer:
            return False  # another application answers to a name that is none of its own
        return True

    def read(self, identifier: ObjectIdentifier) -> bytes:
        """Return the value of a data object (GET DATA), empty where there is none."""
        answer = self._get_data(identifier)
        if answer.status_word == StatusWord.NOT_FOUND:
            return b""
        data = accept(Instruction.GET_DATA, answer)
        return member(data, Tag.DATA) if data else b""

    def holds(self, identifier: int) -> bool:
        """Whether a certificate object is there and holds something, understood or not; no refusal is a failure."""
        answer = self._get_data(identifier)
        refuse_fault(Instruction.GET_DATA, answer.status_word)
        if answer.status_word != StatusWord.SUCCESS or not answer.data:
            return False
        try:
            return not read_container(member(answer.data, Tag.DATA)).empty
        except MalformedAnswer:
            return True

    def _get_data(self, identifier: int) -> Response:
        data = encode(Tag.OBJECT_IDENTIFIER, _name(identifier))
        return self.send(Instruction.GET_DATA, *CURRENT_APPLICATION, data, awaits=True)

    def write(self, identifier: ObjectIdentifier, value: bytes) -> None:
        """Put a value into a data object in place of what it holds (PUT DATA), at the last link of the chain."""
        data = encode(Tag.OBJECT_IDENTIFIER, _name(identifier)) + encode(Tag.DATA, value)
        self.demand(Instruction.PUT_DATA, *CURRENT_APPLICATION, data)

    def serial_number(self) -> int | None:
        """Return the serial number of cards that have Yubico's GET SERIAL, None from others or where it is 0."""
        instruction = Instruction.GET_SERIAL
        answer = self.send(instruction, awaits=True)
        refuse_fault(instruction, answer.status_word)
        if answer.status_word != StatusWord.SUCCESS:
            return None
        if len(answer.data) != _SERIAL:
            raise MalformedAnswer(f"a serial number of {len(answer.data)} bytes")
        return int.from_bytes(answer.data) or None

    def metadata(self, reference: KeyReference) -> Mapping[int, bytes] | None:
        """Return what Yubico's GET METADATA tells of a PIN or key, by MetadataTag; None where it is not offered."""
        if not self._metadata_offered:
            return None
        instruction = Instruction.GET_METADATA
        answer = self.send(instruction, 0, reference, awaits=True)
        refuse_fault(instruction, answer.status_word)
        if answer.status_word != StatusWord.SUCCESS:
            self._metadata_offered = False
            return None
        return parse(answer.data)

    def key_pair(self, slot: int) -> KeyPair | None:
        """Return what a slot holds, by Yubico's GET METADATA; None from cards without it."""
        if self.metadata(KeyReference.PIN) is None:
            return None
        instruction = Instruction.GET_METADATA
        answer = self.send(instruction, 0, slot, awaits=True)
        refuse_fault(instruction, answer.status_word)
        if answer.status_word == StatusWord.NO_REFERENCE:
            return KeyPair.NONE
        if answer.status_word != StatusWord.SUCCESS:
            return None
        told = parse(answer.data)
        imported = told.get(MetadataTag.ORIGIN) == bytes((IMPORTED,))
        another = told.get(MetadataTag.ALGORITHM, _OURS) != _OURS
        return KeyPair.FOREIGN if imported or another else KeyPair.LIKE_OURS

    def attest(self, slot: KeyReference) -> bytes | None:
        """Return what the card says of a key pair that it made itself (Yubico's ATTEST), a certificate.

        None from cards without it, and of a key pair that was not made there.
        """
        instruction = Instruction.ATTEST
        answer = self.send(instruction, slot, awaits=True)
        refuse_fault(instruction, answer.status_word)
        return answer.data if answer.status_word == StatusWord.SUCCESS and answer.data else None


def accept(instruction: Instruction, response: Response) -> bytes:
    """Return the data of an answer that says 9000, else raise the error that its status word means."""
    if response.status_word != StatusWord.SUCCESS:
        refuse(instruction, response.status_word)
    return response.data


def refuse_fault(instruction: Instruction, status_word: int) -> None:
    """Raise TokenFault where a status word says that the card is faulty, and not what it has or lacks."""
    if status_word in _FAULTS or status_word & _FIRST_BYTE == StatusWord.INTERNAL:
        raise TokenFault(instruction, status_word)


def refuse(instruction: Instruction, status_word: int) -> NoReturn:
    """Raise the error that a status word means."""
    match status_word:
        case StatusWord.SECURITY_NOT_SATISFIED:
            raise SecurityNotSatisfied("the card wants a verified PIN or the management key")
        case StatusWord.PIN_BLOCKED:
            raise PinBlocked("the PIN has no tries left")
        case StatusWord.NO_ROOM:
            raise TokenFull("the card has no room left")
        case StatusWord.NO_REFERENCE:
            raise NoKeyPair("the slot holds no key pair")
        case StatusWord.UNKNOWN_INSTRUCTION | StatusWord.FUNCTION_NOT_SUPPORTED:
            raise NotSupported(instruction.name.lower())
        case _:
            raise TokenFault(instruction, status_word)


def _name(identifier: int) -> bytes:
    return identifier.to_bytes(3)
