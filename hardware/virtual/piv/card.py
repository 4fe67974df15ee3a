"""A PIV card in software (NIST SP 800-73-4): it speaks the APDUs of a real one and keeps its contents in a file.

The file holds PINs and private keys in clear: it stands for the chip, and is for demonstrations and tests.
"""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hardware.virtual.card_file import read_card_file, write_card_file
from hardware.virtual.iso7816 import CommandChain, Refusal, Request, answer_to_reset, refuse
from hardware.virtual.piv import attestation, data, pins, slots, yubikey
from hardware.virtual.piv.apdu import Instruction, StatusWord, read_request
from hardware.virtual.piv.state import Memory, PivCardRecord, Session
from hardware.virtual.piv.yubikey import YubicoInstruction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_COMPACT: Final = b"\x80"
"""The historical bytes are compact objects (ISO/IEC 7816-4, 8.1.1)."""
_SHORT_REST: Final = 0xFF

_STANDARD: Final[Mapping[int, Callable[[Memory, Request], bytes]]] = MappingProxyType(
    {
        Instruction.SELECT: pins.select,
        Instruction.VERIFY: pins.verify,
        Instruction.CHANGE_REFERENCE_DATA: pins.change_reference_data,
        Instruction.RESET_RETRY_COUNTER: pins.reset_retry_counter,
        Instruction.GENERATE_ASYMMETRIC_KEY_PAIR: slots.generate_key_pair,
        Instruction.GENERAL_AUTHENTICATE: slots.general_authenticate,
        Instruction.GET_DATA: data.get_data,
        Instruction.PUT_DATA: data.put_data,
    }
)
_YUBIKEY: Final[Mapping[int, Callable[[Memory, Request], bytes]]] = MappingProxyType(
    {
        **_STANDARD,
        YubicoInstruction.GET_VERSION: yubikey.version,
        YubicoInstruction.GET_SERIAL: yubikey.serial,
        YubicoInstruction.GET_METADATA: yubikey.metadata,
        YubicoInstruction.ATTEST: attestation.attest,
        YubicoInstruction.RESET: yubikey.reset,
    }
)
_CHAINABLE: Final = (
    Instruction.GENERATE_ASYMMETRIC_KEY_PAIR,
    Instruction.GENERAL_AUTHENTICATE,
    Instruction.PUT_DATA,
)
"""The commands that may come in a chain (SP 800-73-4 part 2, table 2)."""


def _historical_bytes(record: PivCardRecord) -> bytes:
    """Return what the card says of itself in its ATR, as an object of tag F or 5."""
    if record.yubikey_serial is not None:
        return _COMPACT + b"\x57YubiKey"
    name = pins.APPLICATION[:-2]
    return _COMPACT + bytes((0xF0 | len(name),)) + name


class PivCard:
    """A virtual PIV card over its file (`card.VirtualCard`). Raises CardFileUnreadable.

    `random` gives the card's challenges; key pairs come from OpenSSL's own generator.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._path = path
        self._random = random
        self._record = read_card_file(path, PivCardRecord)
        self._atr = answer_to_reset(_historical_bytes(self._record))
        self._chain = CommandChain(StatusWord.LAST_OF_CHAIN_EXPECTED, StatusWord.NO_ROOM)
        self._commands = _STANDARD if self._record.yubikey_serial is None else _YUBIKEY
        self.power_on()

    @property
    def atr(self) -> bytes:
        """One for all cards of the standard, another for YubiKeys."""
        return self._atr

    @property
    def serial(self) -> str:
        """The serial number that the card was made with: a YubiKey's own in decimal digits, else its GUID."""
        number = self._record.yubikey_serial
        return self._record.guid.hex().upper() if number is None else str(number)

    @property
    def record(self) -> PivCardRecord:
        """What the card remembers."""
        return self._record

    @property
    def session(self) -> Session:
        """What it forgets."""
        return self._session

    def power_on(self) -> None:
        """Begin a session, in which no application is selected yet."""
        self._chain.forget()
        self._rest = b""
        self.forget()

    def forget(self) -> None:
        """Leave the application, with all that was proved to it."""
        self._session = Session()

    def transmit(self, command: bytes) -> bytes:
        """Execute a command; whatever the bytes, the answer ends in a status word."""
        try:
            return self._execute(read_request(command))
        except Refusal as refusal:
            self._chain.forget()
            self._rest, self._session.fresh_pin = b"", False
            return refusal.status_word.to_bytes(2)

    def store(self, record: PivCardRecord) -> None:
        """Write the file, then remember. Raises Refusal with 6581 where the disk refuses."""
        try:
            write_card_file(self._path, record)
        except OSError:
            refuse(StatusWord.MEMORY)
        self._record = record

    def random(self, count: int) -> bytes:
        """Return that many random bytes."""
        return self._random(count)

    def _execute(self, request: Request) -> bytes:
        if request.instruction == Instruction.GET_RESPONSE and self._rest:
            return self._answered(request, self._rest)
        self._rest = b""
        if request.instruction not in self._commands or not (
            self._session.selected or request.instruction == Instruction.SELECT
        ):
            refuse(StatusWord.UNKNOWN_INSTRUCTION)
        if request.chained and request.instruction not in _CHAINABLE:
            refuse(StatusWord.NO_CHAINING)
        whole = self._chain.receive(request)
        if whole is None:
            return StatusWord.SUCCESS.to_bytes(2)
        answer = self._commands[whole.instruction](self, whole)
        if whole.instruction != Instruction.VERIFY:
            self._session.fresh_pin = False
        return self._answered(whole, answer)

    def _answered(self, request: Request, answer: bytes) -> bytes:
        """Give as much of an answer as fits, with 61xx while more waits for GET RESPONSE (ISO/IEC 7816-4, 5.3.4)."""
        following = request.instruction == Instruction.GET_RESPONSE
        if following and not request.wants_all and request.most > len(answer):
            self._rest = answer
            return (StatusWord.WRONG_EXPECTED + len(answer)).to_bytes(2)
        piece, self._rest = answer[: request.most], answer[request.most :]
        if not self._rest:
            return piece + StatusWord.SUCCESS.to_bytes(2)
        left = len(self._rest) if len(self._rest) <= _SHORT_REST else 0
        return piece + (StatusWord.MORE_FOLLOWS + left).to_bytes(2)
