"""A GM/T 0017 key in software: it speaks the APDUs of a real one and keeps its contents in a file.

The file holds the private key in clear: it stands for the chip, and is for demonstrations and tests.
"""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.token.gmt_layout import Instruction, StatusWord
from hardware.virtual import gmt_card_access as access
from hardware.virtual import gmt_card_applications as applications
from hardware.virtual import gmt_card_keys as keys
from hardware.virtual import gmt_card_pins as pins
from hardware.virtual.gmt_card_answer import PAGE, Answers, Chaining
from hardware.virtual.gmt_card_request import (
    Refusal,
    Request,
    read_get_response,
    read_request,
    refuse,
)
from hardware.virtual.gmt_card_session import Memory, Session
from hardware.virtual.gmt_card_state import CardRecord, read_card, write_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_HISTORICAL: Final = b"KEYDESK"
_INTERFACE: Final = bytes((0x80 | len(_HISTORICAL), 0x01))
_LONGEST_CHAIN: Final = 1 << 16

_COMMANDS: Final[Mapping[Instruction, Callable[[Memory, Request], bytes]]] = MappingProxyType(
    {
        Instruction.GET_DEVICE_INFORMATION: access.device_information,
        Instruction.DEVICE_AUTHENTICATION: access.authenticate_device,
        Instruction.GET_PIN_INFORMATION: pins.pin_information,
        Instruction.CHANGE_PIN: pins.change_pin,
        Instruction.VERIFY_PIN: pins.verify_pin,
        Instruction.UNBLOCK_PIN: pins.unblock_pin,
        Instruction.CLEAR_SECURE_STATE: access.clear_secure_state,
        Instruction.CREATE_APPLICATION: applications.create_application,
        Instruction.ENUMERATE_APPLICATIONS: applications.enumerate_applications,
        Instruction.DELETE_APPLICATION: applications.delete_application,
        Instruction.OPEN_APPLICATION: applications.open_application,
        Instruction.CLOSE_APPLICATION: applications.close_application,
        Instruction.GENERATE_RANDOM: access.give_random,
        Instruction.CREATE_CONTAINER: keys.create_container,
        Instruction.OPEN_CONTAINER: keys.open_container,
        Instruction.CLOSE_CONTAINER: keys.close_container,
        Instruction.ENUMERATE_CONTAINERS: keys.enumerate_containers,
        Instruction.IMPORT_CERTIFICATE: keys.import_certificate,
        Instruction.EXPORT_CERTIFICATE: keys.export_certificate,
        Instruction.GENERATE_ECC_KEY_PAIR: keys.generate_key_pair,
        Instruction.ECC_SIGN_DATA: keys.sign,
        Instruction.EXPORT_PUBLIC_KEY: keys.export_public_key,
    }
)


def _answer_to_reset() -> bytes:
    """Compose the ATR (ISO/IEC 7816-3, 8.2): T=1, seven historical bytes, check byte."""
    check = 0
    for byte in _INTERFACE + _HISTORICAL:
        check ^= byte
    return b"\x3b" + _INTERFACE + _HISTORICAL + bytes((check,))


class GmtCard:
    """A virtual GM/T key over its file (`card.VirtualCard`). Raises CardFileUnreadable.

    `random` gives the card's challenges; key pairs come from GmSSL's own generator. An answer longer than
    `page` bytes or than Le is handed out in pieces, as `chaining` says.
    """

    def __init__(
        self,
        path: Path,
        random: Callable[[int], bytes] = secrets.token_bytes,
        *,
        chaining: Chaining = Chaining.SAME_AGAIN,
        page: int = PAGE,
    ) -> None:
        self._path = path
        self._random = random
        self._atr = _answer_to_reset()
        self._record = read_card(path)
        self._answers = Answers(chaining, page)
        self.power_on()

    @property
    def atr(self) -> bytes:
        """The same for every virtual key."""
        return self._atr

    @property
    def serial(self) -> str:
        """The serial number, as on a key's case."""
        return self._record.serial

    @property
    def record(self) -> CardRecord:
        """What the card remembers."""
        return self._record

    @property
    def session(self) -> Session:
        """What it forgets."""
        return self._session

    def power_on(self) -> None:
        """Begin a session."""
        self._session = Session()
        self._chain: Request | None = None
        self._answers.forget()

    def transmit(self, command: bytes) -> bytes:
        """Execute a command; whatever the bytes, the answer ends in a status word."""
        try:
            wanted = read_get_response(command)
            if wanted is not None:
                return self._answers.get_response(wanted)
            return self._execute(read_request(command))
        except Refusal as refusal:
            self._chain = None
            self._answers.forget()
            return refusal.status_word.to_bytes(2)

    def store(self, record: CardRecord) -> None:
        """Write the file, then remember. Raises Refusal with 6581 where the disk refuses."""
        try:
            write_card(self._path, record)
        except OSError:
            refuse(StatusWord.MEMORY)
        self._record = record

    def random(self, count: int) -> bytes:
        """Return that many random bytes."""
        return self._random(count)

    def _execute(self, request: Request) -> bytes:
        if self._answers.repeats(request):
            return self._answers.repeat(request.expected)
        whole = self._joined(request)
        if whole.chained:
            self._chain = whole
            return StatusWord.SUCCESS.to_bytes(2)
        self._chain = None
        if self._answers.repeats(whole):
            return self._answers.repeat(request.expected)
        return self._answers.begin(whole, request, _COMMANDS[whole.instruction](self, whole))

    def _joined(self, request: Request) -> Request:
        """Add a link to the chain that is being received. Raises Refusal where it does not fit."""
        begun = self._chain
        if begun is None:
            return request
        same = (begun.instruction, begun.p1, begun.p2) == (request.instruction, request.p1, request.p2)
        if not same or len(begun.data) + len(request.data) > _LONGEST_CHAIN:
            refuse(StatusWord.NOT_ALLOWED_NOW)
        return msgspec.structs.replace(request, data=begun.data + request.data)
