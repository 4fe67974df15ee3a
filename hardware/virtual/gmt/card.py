"""A GM/T 0017 key in software: it speaks the APDUs of a real one and keeps its contents in a file.

The file holds the private key in clear: it stands for the chip, and is for demonstrations and tests.
"""

from __future__ import annotations

import hmac
import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hardware.token.gmt.commands import DEVICE_CHALLENGE, LAYOUTS, Instruction, StatusWord
from hardware.virtual.card_file import read_card_file, write_card_file
from hardware.virtual.gmt import applications, containers, pins
from hardware.virtual.gmt.apdu import (
    PAGE,
    Answers,
    Chaining,
    read_body,
    read_get_response,
    read_request,
)
from hardware.virtual.gmt.state import (
    CardRecord,
    Memory,
    Session,
    application_of,
    unseal,
)
from hardware.virtual.iso7816 import CommandChain, Refusal, Request, answer_to_reset, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


_MOST_RANDOM: Final = 256


def device_information(memory: Memory, _request: Request) -> bytes:
    """GetDevInfo."""
    record = memory.record
    values = {
        "version": b"\x01\x00",
        "manufacturer": b"Keydesk",
        "issuer": b"Keydesk",
        "label": b"Virtual key",
        "serial": record.serial.encode(),
        "hardware_version": b"\x01\x00",
        "firmware_version": b"\x01\x00",
        "total_space": record.room.to_bytes(4),
        "free_space": max(record.room - record.used, 0).to_bytes(4),
    }
    fields = LAYOUTS[Instruction.GET_DEVICE_INFORMATION].answer
    widths = ((field.name, field.length) for field in fields if isinstance(field.length, int))
    return b"".join(values.get(name, b"").ljust(width, b"\0") for name, width in widths)


def give_random(memory: Memory, request: Request) -> bytes:
    """GenRandom; what was given last is the challenge of the next proof."""
    if request.expected is None or request.expected > _MOST_RANDOM:
        refuse(StatusWord.WRONG_LENGTH)
    memory.session.challenge = memory.random(request.expected)
    return memory.session.challenge


def authenticate_device(memory: Memory, request: Request) -> bytes:
    """DevAuth."""
    proof = read_body(request)["proof"]
    challenge = memory.session.take_challenge(DEVICE_CHALLENGE)
    if not hmac.compare_digest(unseal(memory.record.device_key, proof), challenge):
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    memory.session.device_authenticated = True
    return b""


def clear_secure_state(memory: Memory, request: Request) -> bytes:
    """ClearSecureState."""
    application = application_of(memory, read_body(request))
    memory.session.verified.discard(application.number)
    memory.session.device_authenticated = False
    return b""


_HISTORICAL: Final = b"KEYDESK"

_COMMANDS: Final[Mapping[Instruction, Callable[[Memory, Request], bytes]]] = MappingProxyType(
    {
        Instruction.GET_DEVICE_INFORMATION: device_information,
        Instruction.DEVICE_AUTHENTICATION: authenticate_device,
        Instruction.GET_PIN_INFORMATION: pins.pin_information,
        Instruction.CHANGE_PIN: pins.change_pin,
        Instruction.VERIFY_PIN: pins.verify_pin,
        Instruction.UNBLOCK_PIN: pins.unblock_pin,
        Instruction.CLEAR_SECURE_STATE: clear_secure_state,
        Instruction.CREATE_APPLICATION: applications.create_application,
        Instruction.ENUMERATE_APPLICATIONS: applications.enumerate_applications,
        Instruction.DELETE_APPLICATION: applications.delete_application,
        Instruction.OPEN_APPLICATION: applications.open_application,
        Instruction.CLOSE_APPLICATION: applications.close_application,
        Instruction.GENERATE_RANDOM: give_random,
        Instruction.CREATE_CONTAINER: containers.create_container,
        Instruction.OPEN_CONTAINER: containers.open_container,
        Instruction.CLOSE_CONTAINER: containers.close_container,
        Instruction.ENUMERATE_CONTAINERS: containers.enumerate_containers,
        Instruction.IMPORT_CERTIFICATE: containers.import_certificate,
        Instruction.EXPORT_CERTIFICATE: containers.export_certificate,
        Instruction.GENERATE_ECC_KEY_PAIR: containers.generate_key_pair,
        Instruction.ECC_SIGN_DATA: containers.sign,
        Instruction.EXPORT_PUBLIC_KEY: containers.export_public_key,
    }
)


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
        self._atr = answer_to_reset(_HISTORICAL)
        self._record = read_card_file(path, CardRecord)
        self._chain = CommandChain(StatusWord.NOT_ALLOWED_NOW, StatusWord.NOT_ALLOWED_NOW)
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
        self._chain.forget()
        self._answers.forget()

    def transmit(self, command: bytes) -> bytes:
        """Execute a command; whatever the bytes, the answer ends in a status word."""
        try:
            wanted = read_get_response(command)
            if wanted is not None:
                return self._answers.get_response(wanted)
            return self._execute(read_request(command))
        except Refusal as refusal:
            self._chain.forget()
            self._answers.forget()
            return refusal.status_word.to_bytes(2)

    def store(self, record: CardRecord) -> None:
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
        if self._answers.repeats(request):
            return self._answers.repeat(request.expected)
        whole = self._chain.receive(request)
        if whole is None:
            return StatusWord.SUCCESS.to_bytes(2)
        if self._answers.repeats(whole):
            return self._answers.repeat(request.expected)
        return self._answers.begin(whole, request, _COMMANDS[Instruction(whole.instruction)](self, whole))
