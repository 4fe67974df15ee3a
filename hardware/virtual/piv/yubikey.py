"""What YubiKeys understand besides the standard (Yubico's command reference), for cards that are made so."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from hardware.virtual.iso7816 import Request, refuse
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import pack
from hardware.virtual.piv.slots import P256
from hardware.virtual.piv.state import KeyReference, Memory, PinRecord, PivCardRecord

VERSION: Final = bytes((5, 7, 1))
"""The firmware that is played: the first whose management key is AES-192 from the factory."""

_PIN_ALGORITHM: Final = b"\xff"
_NEVER: Final = 1
_ONCE: Final = 2
_ALWAYS: Final = 3
_MADE_ON_CARD: Final = b"\x01"
_SERIAL: Final = 4


class YubicoInstruction(enum.IntEnum):
    """The instruction bytes that are Yubico's own."""

    GET_METADATA = 0xF7
    GET_SERIAL = 0xF8
    ATTEST = 0xF9
    RESET = 0xFB
    GET_VERSION = 0xFD


def version(_memory: Memory, _request: Request) -> bytes:
    """GET VERSION."""
    return VERSION


def serial(memory: Memory, _request: Request) -> bytes:
    """GET SERIAL."""
    return (memory.record.yubikey_serial or 0).to_bytes(_SERIAL)


def metadata(memory: Memory, request: Request) -> bytes:
    """GET METADATA of a PIN, the management key or a slot; 6A88 for an empty one."""
    if request.p1 != 0:
        refuse(StatusWord.WRONG_PARAMETERS)
    record = memory.record
    match request.p2:
        case KeyReference.PIN:
            return _pin_metadata(record.pin)
        case KeyReference.UNBLOCKING_PIN:
            return _pin_metadata(record.unblocking_pin)
        case KeyReference.MANAGEMENT:
            management = record.management
            default = bytes((management.key == management.factory,))
            return pack(1, bytes((management.algorithm,))) + pack(2, bytes((0, _NEVER))) + pack(5, default)
        case _:
            return _key_metadata(record, request.p2)


def _pin_metadata(pin: PinRecord) -> bytes:
    tries = bytes((pin.tries_allowed, pin.tries_left))
    return pack(1, _PIN_ALGORITHM) + pack(5, bytes((pin.value == pin.factory,))) + pack(6, tries)


def _key_metadata(record: PivCardRecord, slot: int) -> bytes:
    key = record.key(slot)
    if key is None:
        refuse(StatusWord.NO_REFERENCE)
    pin = {KeyReference.SIGNATURE: _ALWAYS, KeyReference.CARD_AUTHENTICATION: _NEVER}.get(
        KeyReference(slot), _ONCE
    )
    policy = pack(2, bytes((pin, _NEVER)))
    return pack(1, bytes((P256,))) + policy + pack(3, _MADE_ON_CARD) + pack(4, pack(0x86, key.public_key))


def reset(memory: Memory, _request: Request) -> bytes:
    """RESET: everything as at the factory, once neither PIN nor PUK has a try left; data objects and keys go."""
    record = memory.record
    if record.pin.tries_left or record.unblocking_pin.tries_left:
        refuse(StatusWord.NOT_ALLOWED_NOW)
    management = record.management
    memory.store(
        msgspec.structs.replace(
            record,
            pin=_as_new(record.pin),
            unblocking_pin=_as_new(record.unblocking_pin),
            management=msgspec.structs.replace(management, key=management.factory),
            keys=(),
            objects=(),
        )
    )
    memory.session.verified = memory.session.administrator = False
    return b""


def _as_new(pin: PinRecord) -> PinRecord:
    return msgspec.structs.replace(pin, value=pin.factory, tries_left=pin.tries_allowed)
