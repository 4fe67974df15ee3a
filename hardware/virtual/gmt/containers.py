"""The virtual card's commands on containers, key pairs and certificates."""

from __future__ import annotations

from typing import Final

import msgspec

from hardware.crypto import signatures
from hardware.crypto.sm2 import LONGEST_USER_ID, ORDER, sm2
from hardware.token.gmt.commands import COORDINATE, KEY_BITS, KeyPurpose, SignatureInput, StatusWord
from hardware.virtual.gmt.apdu import read_body
from hardware.virtual.gmt.state import (
    ApplicationRecord,
    ContainerRecord,
    Memory,
    application_of,
    container_of,
    name_in,
    store_within_room,
    verified_application_of,
)
from hardware.virtual.iso7816 import Request, refuse

_MOST_CONTAINERS: Final = 8
_BITS: Final = KEY_BITS.to_bytes(4)


def create_container(memory: Memory, request: Request) -> bytes:
    """CreateContainer."""
    body = read_body(request)
    application, name = verified_application_of(memory, body), name_in(body)
    if any(each.name == name for each in application.containers):
        refuse(StatusWord.ALREADY_THERE)
    if len(application.containers) >= _MOST_CONTAINERS:
        refuse(StatusWord.NO_ROOM)
    number = max((each.number for each in application.containers), default=0) + 1
    _store(memory, application, ContainerRecord(number, name))
    return number.to_bytes(2)


def open_container(memory: Memory, request: Request) -> bytes:
    """OpenContainer."""
    body = read_body(request)
    application, name = application_of(memory, body), name_in(body)
    container = next((each for each in application.containers if each.name == name), None)
    if container is None:
        refuse(StatusWord.NO_CONTAINER)
    return container.number.to_bytes(2)


def close_container(memory: Memory, request: Request) -> bytes:
    """CloseContainer."""
    body = read_body(request)
    container_of(application_of(memory, body), body)
    return b""


def enumerate_containers(memory: Memory, request: Request) -> bytes:
    """EnumContainer."""
    application = application_of(memory, read_body(request))
    return b"".join(each.name.encode() + b"\0" for each in application.containers) + b"\0"


def generate_key_pair(memory: Memory, request: Request) -> bytes:
    """GenECCKeyPair: a new pair in place of the old one, whose certificate goes with it."""
    body = read_body(request)
    _signature_only(request)
    application = verified_application_of(memory, body)
    container = container_of(application, body)
    if body["bits"] != _BITS:
        refuse(StatusWord.WRONG_DATA)
    private_key, point = sm2().generate()
    public_key = point[1:]
    _store(
        memory,
        application,
        msgspec.structs.replace(container, private_key=private_key, public_key=public_key, certificate=None),
    )
    return _BITS + public_key


def export_public_key(memory: Memory, request: Request) -> bytes:
    """ExportPubKey."""
    body = read_body(request)
    _signature_only(request)
    container = container_of(application_of(memory, body), body)
    if container.public_key is None:
        refuse(StatusWord.NO_KEY_PAIR)
    return _BITS + container.public_key


def sign(memory: Memory, request: Request) -> bytes:
    """ECCSignData of a message (GB/T 32918.2, with SM3 and the user ID that the body names)."""
    body = read_body(request)
    if request.p1 != SignatureInput.MESSAGE:
        refuse(StatusWord.WRONG_PARAMETERS)
    container = container_of(verified_application_of(memory, body), body)
    if container.private_key is None or container.public_key is None:
        refuse(StatusWord.NO_KEY_PAIR)
    if not body["message"] or not 1 <= len(body["user_id"]) <= LONGEST_USER_ID:
        refuse(StatusWord.WRONG_DATA)
    point = b"\x04" + container.public_key
    encoded = sm2().sign(container.private_key, point, body["message"], body["user_id"])
    r, s = signatures.decode(encoded, ORDER)
    return _BITS + r.to_bytes(COORDINATE) + s.to_bytes(COORDINATE)


def import_certificate(memory: Memory, request: Request) -> bytes:
    """ImportCertificate."""
    body = read_body(request)
    _signature_only(request)
    application = verified_application_of(memory, body)
    container = container_of(application, body)
    if container.public_key is None:
        refuse(StatusWord.NO_KEY_PAIR)
    if not body["certificate"]:
        refuse(StatusWord.WRONG_DATA)
    _store(memory, application, msgspec.structs.replace(container, certificate=body["certificate"]))
    return b""


def export_certificate(memory: Memory, request: Request) -> bytes:
    """ExportCertificate."""
    body = read_body(request)
    _signature_only(request)
    container = container_of(application_of(memory, body), body)
    if container.certificate is None:
        refuse(StatusWord.NO_CERTIFICATE)
    return container.certificate


def _signature_only(request: Request) -> None:
    if request.p1 != KeyPurpose.SIGNATURE:
        refuse(StatusWord.WRONG_PARAMETERS)


def _store(memory: Memory, application: ApplicationRecord, container: ContainerRecord) -> None:
    """Put a container in its application. Raises Refusal with 6A84 where the card has no room for it."""
    others = tuple(each for each in application.containers if each.number != container.number)
    changed = msgspec.structs.replace(application, containers=(*others, container))
    store_within_room(memory, memory.record.with_application(changed))
