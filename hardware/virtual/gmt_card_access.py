"""The virtual card's commands on the device, its applications and their PINs."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.token.gmt_layout import (
    CHALLENGE,
    CHALLENGE_PADDING,
    DEVICE_CHALLENGE,
    LAYOUTS,
    Instruction,
    PinKind,
    StatusWord,
)
from hardware.virtual.gmt_card_request import Refusal, Request, read_body, refuse
from hardware.virtual.gmt_card_session import Memory, application_of, name_in, unseal
from hardware.virtual.gmt_card_state import ApplicationRecord, PinRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_APPLICATIONS: Final = 4
_LIMITS: Final = bytes((0, 0, 0, 0x10, 8, 16, 0, 0))
_MOST_RANDOM: Final = 256
_MOST_TRIES: Final = 15


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


def create_application(memory: Memory, request: Request) -> bytes:
    """CreateApplication."""
    body, record = read_body(request), memory.record
    if not memory.session.device_authenticated:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    name = name_in(body)
    if any(each.name == name for each in record.applications):
        refuse(StatusWord.ALREADY_THERE)
    if len(record.applications) >= _MOST_APPLICATIONS:
        refuse(StatusWord.NO_ROOM)
    number = max((each.number for each in record.applications), default=0) + 1
    application = ApplicationRecord(
        number, name, _new_pin(memory, body, "administrator"), _new_pin(memory, body, "user")
    )
    memory.store(record.with_application(application))
    return b""


def _new_pin(memory: Memory, body: Mapping[str, bytes], whose: str) -> PinRecord:
    tries = body[f"{whose}_tries"][0]
    if not 1 <= tries <= _MOST_TRIES:
        refuse(StatusWord.WRONG_DATA)
    return PinRecord(unseal(memory.record.device_key, body[f"{whose}_key"]), tries, tries, factory=True)


def open_application(memory: Memory, request: Request) -> bytes:
    """OpenApplication."""
    name = name_in(read_body(request))
    application = next((each for each in memory.record.applications if each.name == name), None)
    if application is None:
        refuse(StatusWord.NO_APPLICATION)
    memory.session.opened.add(application.number)
    return _LIMITS + application.number.to_bytes(2)


def close_application(memory: Memory, request: Request) -> bytes:
    """CloseApplication."""
    application = application_of(memory, read_body(request))
    memory.session.opened.discard(application.number)
    memory.session.verified.discard(application.number)
    return b""


def clear_secure_state(memory: Memory, request: Request) -> bytes:
    """ClearSecureState."""
    application = application_of(memory, read_body(request))
    memory.session.verified.discard(application.number)
    memory.session.device_authenticated = False
    return b""


def pin_information(memory: Memory, request: Request) -> bytes:
    """GetPinInfo."""
    application = application_of(memory, read_body(request))
    pin = application.user if request.p2 == PinKind.USER else application.administrator
    return bytes((pin.tries_allowed, pin.tries_left, pin.factory))


def verify_pin(memory: Memory, request: Request) -> bytes:
    """VerifyPin."""
    body = read_body(request)
    application = application_of(memory, body)
    _prove_user_pin(memory, request, application, body["proof"])
    memory.session.verified.add(application.number)
    return b""


def change_pin(memory: Memory, request: Request) -> bytes:
    """ChangePin."""
    body = read_body(request)
    proved = _prove_user_pin(memory, request, application_of(memory, body), body["proof"])
    key = unseal(proved.user.key, body["sealed_key"])
    _store_user_pin(memory, proved, msgspec.structs.replace(proved.user, key=key, factory=False))
    return b""


def _prove_user_pin(
    memory: Memory, request: Request, application: ApplicationRecord, proof: bytes
) -> ApplicationRecord:
    """Check a proof of the user PIN; the try is counted on the disk before the comparison."""
    if request.p2 != PinKind.USER:
        refuse(StatusWord.WRONG_PARAMETERS)
    challenge = memory.session.take_challenge(CHALLENGE)
    pin, left = application.user, application.user.tries_left - 1
    memory.session.verified.discard(application.number)
    if left < 0:
        refuse(StatusWord.PIN_BLOCKED)
    _store_user_pin(memory, application, msgspec.structs.replace(pin, tries_left=left))
    if not hmac.compare_digest(unseal(pin.key, proof), challenge + CHALLENGE_PADDING):
        raise Refusal(StatusWord.PIN_TRIES + left if left else StatusWord.PIN_BLOCKED)
    return _store_user_pin(memory, application, msgspec.structs.replace(pin, tries_left=pin.tries_allowed))


def _store_user_pin(memory: Memory, application: ApplicationRecord, pin: PinRecord) -> ApplicationRecord:
    changed = msgspec.structs.replace(application, user=pin)
    memory.store(memory.record.with_application(changed))
    return changed
