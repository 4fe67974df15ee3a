"""The virtual card's commands on the device itself."""

from __future__ import annotations

import hmac
from typing import Final

from hardware.token.gmt_layout import DEVICE_CHALLENGE, LAYOUTS, Instruction, StatusWord
from hardware.virtual.gmt_card_request import Request, read_body, refuse
from hardware.virtual.gmt_card_session import Memory, application_of, unseal

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
