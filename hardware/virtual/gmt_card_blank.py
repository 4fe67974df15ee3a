"""Blank virtual GM/T keys, as they come from the vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hardware.token.gmt_preparation import create_application
from hardware.token.gmt_profile import GmtProfile
from hardware.virtual.gmt_card import GmtCard
from hardware.virtual.gmt_card_state import CardRecord, write_card

if TYPE_CHECKING:
    from pathlib import Path

ROOM: Final = 64 * 1024
"""The bytes that a virtual key has for key pairs and certificates."""

_ADMINISTRATOR_PIN: Final = "00000000"


def blank_key(
    path: Path,
    serial: str,
    profile: GmtProfile | None = None,
    *,
    pin_tries: int = 10,
    room: int = ROOM,
) -> GmtCard:
    """Make a card file, in place of one that is there, and prepare it by the commands of a real key.

    The key has its factory PIN with `pin_tries` tries, and no key pair. Raises OSError; ValueError for a
    serial number that is not 1 to 32 printable ASCII characters.
    """
    if not (1 <= len(serial) <= 32 and serial.isascii() and serial.isprintable()):  # noqa: PLR2004 - DEVINFO
        raise ValueError("a serial number has 1 to 32 printable ASCII characters")
    chosen = profile or GmtProfile()
    write_card(path, CardRecord(serial, bytes.fromhex(chosen.device_key), room))
    card = GmtCard(path)
    create_application(card, chosen, _ADMINISTRATOR_PIN, pin_tries)
    card.power_on()
    return card


def open_or_make_key(path: Path, serial: str, profile: GmtProfile | None = None) -> GmtCard:
    """Return the card of a file, made blank with that serial number where there is no file yet.

    Raises CardFileUnreadable for a file that is not a card's: it is left as it is.
    """
    return GmtCard(path) if path.exists() else blank_key(path, serial, profile)
