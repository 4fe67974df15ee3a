"""What a virtual GM/T card remembers without power, and the file that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.virtual.file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ROOM: Final = 64
"""The bytes that an application takes of the card's room, empty."""
CONTAINER_ROOM: Final = 32
"""The bytes that a container takes, empty."""


class CardFileUnreadable(Exception):
    """The card file is not there, cut off, or not a card's."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no virtual card can be read from {path}")
        self.path = path


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


def read_card(path: Path) -> CardRecord:
    """Read a card file. Raises CardFileUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=CardRecord)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        raise CardFileUnreadable(path) from None


def write_card(path: Path, card: CardRecord) -> None:
    """Write a card file whole. Raises OSError; the old one then stands."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(card)) + b"\n")
