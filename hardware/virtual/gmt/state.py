"""What a virtual GM/T card remembers: without power in its file, and in a session."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from hardware.token.gmt.commands import LONGEST_NAME, StatusWord
from hardware.virtual.iso7816 import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping


APPLICATION_ROOM: Final = 64
"""The bytes that an application takes of the card's room, empty."""
CONTAINER_ROOM: Final = 32
"""The bytes that a container takes, empty."""


class PinRecord(msgspec.Struct, frozen=True):
    """A PIN as the key that is made of it, with its tries."""

    key: bytes
    tries_left: int
    tries_allowed: int
    factory: bool


class ContainerRecord(msgspec.Struct, frozen=True):
    """A container: its number, and the signature key pair and certificate in it.

    `private_key` is 32 bytes, `public_key` x ‖ y in 64.
    """

    number: int
    name: str
    private_key: bytes | None = None
    public_key: bytes | None = None
    certificate: bytes | None = None


class ApplicationRecord(msgspec.Struct, frozen=True):
    """An application with its two PINs and its containers."""

    number: int
    name: str
    administrator: PinRecord
    user: PinRecord
    containers: tuple[ContainerRecord, ...] = ()


class CardRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole card. `room` is the bytes that it has for all that is in it."""

    serial: str
    device_key: bytes
    room: int
    applications: tuple[ApplicationRecord, ...] = ()

    def application(self, number: int) -> ApplicationRecord | None:
        """Return the application with that number."""
        return next((each for each in self.applications if each.number == number), None)

    def with_application(self, application: ApplicationRecord) -> CardRecord:
        """Return the card with that application added, or in place of the one with its number."""
        others = tuple(each for each in self.applications if each.number != application.number)
        return msgspec.structs.replace(self, applications=(*others, application))

    @property
    def used(self) -> int:
        """The bytes that applications, containers, key pairs and certificates take."""
        containers = [each for application in self.applications for each in application.containers]
        parts = (
            part for each in containers for part in (each.private_key, each.public_key, each.certificate)
        )
        empty = len(self.applications) * APPLICATION_ROOM + len(containers) * CONTAINER_ROOM
        return empty + sum(len(part) for part in parts if part is not None)


@dataclasses.dataclass
class Session:
    """One time between power on and power off; applications are named by their numbers."""

    challenge: bytes | None = None
    device_authenticated: bool = False
    opened: set[int] = dataclasses.field(default_factory=set)
    verified: set[int] = dataclasses.field(default_factory=set)

    def take_challenge(self, length: int) -> bytes:
        """Return the random bytes last given out, which serve once. Raises Refusal with 6985."""
        challenge, self.challenge = self.challenge, None
        if challenge is None or len(challenge) != length:
            refuse(StatusWord.NOT_ALLOWED_NOW)
        return challenge


class Memory(Protocol):
    """The parts of the card that a command works with."""

    @property
    def record(self) -> CardRecord:
        """What the card remembers."""
        ...

    @property
    def session(self) -> Session:
        """What it forgets."""
        ...

    def store(self, record: CardRecord) -> None:
        """Make a new state last before the answer goes out. Raises Refusal with 6581."""
        ...

    def random(self, count: int) -> bytes:
        """Return that many random bytes."""
        ...


def application_of(memory: Memory, body: Mapping[str, bytes]) -> ApplicationRecord:
    """Return the open application that a body names. Raises Refusal with 6A88."""
    number = int.from_bytes(body["application"])
    application = memory.record.application(number)
    if application is None or number not in memory.session.opened:
        refuse(StatusWord.NO_APPLICATION)
    return application


def verified_application_of(memory: Memory, body: Mapping[str, bytes]) -> ApplicationRecord:
    """Return the open application that a body names, its user PIN verified. Raises Refusal with 6982 too."""
    application = application_of(memory, body)
    if application.number not in memory.session.verified:
        refuse(StatusWord.SECURITY_NOT_SATISFIED)
    return application


def container_of(application: ApplicationRecord, body: Mapping[str, bytes]) -> ContainerRecord:
    """Return the container that a body names. Raises Refusal with 6A94."""
    number = int.from_bytes(body["container"])
    container = next((each for each in application.containers if each.number == number), None)
    if container is None:
        refuse(StatusWord.NO_CONTAINER)
    return container


def name_in(body: Mapping[str, bytes]) -> str:
    """Return the name in a body: 1 to 32 bytes of UTF-8. Raises Refusal with 6A80."""
    try:
        name = body["name"].decode()
    except UnicodeDecodeError:
        refuse(StatusWord.WRONG_DATA)
    if not 1 <= len(body["name"]) <= LONGEST_NAME:
        refuse(StatusWord.WRONG_DATA)
    return name


def store_within_room(memory: Memory, record: CardRecord) -> None:
    """Store a state that takes more of the card. Raises Refusal with 6A84 where it has no room, and 6581."""
    if record.used > record.room:
        refuse(StatusWord.NO_ROOM)
    memory.store(record)


def unseal(key: bytes, block: bytes) -> bytes:
    """Decrypt one 16-byte block with SM4 (GB/T 32907)."""
    decryptor = Cipher(SM4(key), modes.ECB()).decryptor()  # noqa: S305 - one block, as the standard says
    return decryptor.update(block) + decryptor.finalize()
