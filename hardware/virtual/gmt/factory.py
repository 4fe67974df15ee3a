"""Blank virtual GM/T keys, as they come from the vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.token.gmt.application import authenticate_device, create_application
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.session import GmtSession
from hardware.virtual.card_file import write_card_file
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.state import CardRecord

if TYPE_CHECKING:
    from pathlib import Path

ROOM: Final = 64 * 1024
"""The bytes that a virtual key has for applications, key pairs and certificates."""


def unprepared_key(
    path: Path, serial: str, profile: GmtProfile | None = None, *, room: int = ROOM
) -> GmtCard:
    """Make a card file, in place of one that is there, without any application.

    Its device key is the profile's. Raises OSError; ValueError for a serial number that is not 1 to 32
    printable ASCII characters.
    """
    if not (1 <= len(serial) <= 32 and serial.isascii() and serial.isprintable()):  # noqa: PLR2004 - DEVINFO
        raise ValueError("a serial number has 1 to 32 printable ASCII characters")
    chosen = profile or GmtProfile()
    write_card_file(path, CardRecord(serial, bytes.fromhex(chosen.device_key), room))
    return GmtCard(path)


def blank_key(
    path: Path,
    serial: str,
    profile: GmtProfile | None = None,
    *,
    pin_tries: int | None = None,
    room: int = ROOM,
) -> GmtCard:
    """Make a card file, in place of one that is there, and prepare it by the commands of a real key.

    The key has its factory PIN with `pin_tries` tries, else the profile's, and no key pair. Raises as
    `unprepared_key`, and TokenFull where `room` is too little for an application.
    """
    chosen = profile or GmtProfile()
    card = unprepared_key(path, serial, chosen, room=room)
    add_application(
        card, chosen if pin_tries is None else msgspec.structs.replace(chosen, pin_tries=pin_tries)
    )
    return card


def add_application(card: GmtCard, profile: GmtProfile) -> None:
    """Create the application that a profile names beside those that are there, and end the session.

    Raises DeviceKeyRefused, TokenFull.
    """
    session = GmtSession(card, profile)
    authenticate_device(session)
    create_application(session)
    card.power_on()


def open_or_make_key(path: Path, serial: str, profile: GmtProfile | None = None) -> GmtCard:
    """Return the card of a file, made blank with that serial number where there is no file yet.

    Raises CardFileUnreadable for a file that is not a card's: it is left as it is.
    """
    return GmtCard(path) if path.exists() else blank_key(path, serial, profile)
