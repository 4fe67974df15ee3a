"""The virtual card's commands on applications; there may be several, of different owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.token.gmt.commands import MOST_PIN_TRIES, StatusWord
from hardware.virtual.gmt.apdu import read_body
from hardware.virtual.gmt.state import (
    ApplicationRecord,
    Memory,
    PinRecord,
    application_of,
    name_in,
    store_within_room,
    unseal,
)
from hardware.virtual.iso7816 import Request, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_APPLICATIONS: Final = 4
_LIMITS: Final = bytes((0, 0, 0, 0x10, 8, 16, 0, 0))


def enumerate_applications(memory: Memory, _request: Request) -> bytes:
    """EnumApplication."""
    names = (each.name.encode() + b"\0" for each in memory.record.applications)
    return b"".join(names) + b"\0"


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
    store_within_room(memory, record.with_application(application))
    return b""


def _new_pin(memory: Memory, body: Mapping[str, bytes], whose: str) -> PinRecord:
    tries = body[f"{whose}_tries"][0]
    if not 1 <= tries <= MOST_PIN_TRIES:
        refuse(StatusWord.WRONG_DATA)
    return PinRecord(unseal(memory.record.device_key, body[f"{whose}_key"]), tries, tries, factory=True)


def delete_application(memory: Memory, request: Request) -> bytes:
    """DeleteApplication, with all that is in it."""
    if not memory.session.device_authenticated:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    name, record = name_in(read_body(request)), memory.record
    application = next((each for each in record.applications if each.name == name), None)
    if application is None:
        refuse(StatusWord.NO_APPLICATION)
    others = tuple(each for each in record.applications if each is not application)
    memory.store(msgspec.structs.replace(record, applications=others))
    memory.session.opened.discard(application.number)
    memory.session.verified.discard(application.number)
    return b""


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
