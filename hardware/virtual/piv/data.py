"""The virtual PIV card's data objects: GET DATA and PUT DATA (SP 800-73-4 part 2, 3.1.2 and 3.3.1)."""

from __future__ import annotations

from typing import Final

from hardware.virtual.iso7816 import Request, refuse
from hardware.virtual.piv.apdu import StatusWord
from hardware.virtual.piv.objects import pack, unpack
from hardware.virtual.piv.pins import APPLICATION
from hardware.virtual.piv.state import Memory, demand_administrator, store_within_room

CARD_HOLDER_UNIQUE_IDENTIFIER: Final = 0x5FC102
CARD_CAPABILITY_CONTAINER: Final = 0x5FC107
KEY_HISTORY: Final = 0x5FC10C
DISCOVERY: Final = 0x7E

_CURRENT: Final = (0x3F, 0xFF)
_STANDARD: Final = range(0x5FC101, 0x5FC124)
_YUBICO: Final = range(0x5FFF00, 0x600000)
_PIN_TO_READ: Final = (0x5FC103, 0x5FC108, 0x5FC109, 0x5FC121, 0x5FC123)
"""Fingerprints, face, printed information, iris and the pairing code's container (part 1, table 2)."""

_IDENTIFIER: Final = 0x5C
_DATA: Final = 0x53
_PIV_PIN_ONLY: Final = b"\x40\x00"


def get_data(memory: Memory, request: Request) -> bytes:
    """GET DATA: an object that is there, of those that only a verified PIN may see, or that all may."""
    if (request.p1, request.p2) != _CURRENT:
        refuse(StatusWord.WRONG_PARAMETERS)
    fields = unpack(request.data)
    if tuple(fields) != (_IDENTIFIER,) or not fields[_IDENTIFIER]:
        refuse(StatusWord.WRONG_DATA)
    number = int.from_bytes(fields[_IDENTIFIER])
    if number == DISCOVERY:
        return pack(DISCOVERY, pack(0x4F, APPLICATION) + pack(0x5F2F, _PIV_PIN_ONLY))
    if number in _PIN_TO_READ and not memory.session.verified:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    value = memory.record.value(number)
    if value is None:
        refuse(StatusWord.NOT_FOUND)
    return pack(_DATA, value)


def put_data(memory: Memory, request: Request) -> bytes:
    """PUT DATA: an object of the standard, or one of Yubico's on a YubiKey; the discovery object is the card's own."""
    if (request.p1, request.p2) != _CURRENT:
        refuse(StatusWord.WRONG_PARAMETERS)
    demand_administrator(memory)
    fields = unpack(request.data)
    if tuple(fields) != (_IDENTIFIER, _DATA):
        refuse(StatusWord.WRONG_DATA)
    number = int.from_bytes(fields[_IDENTIFIER])
    yubico = memory.record.yubikey_serial is not None and number in _YUBICO
    if number not in _STANDARD and not yubico:
        refuse(StatusWord.NOT_FOUND)
    store_within_room(memory, memory.record.with_value(number, fields[_DATA]))
    return b""
