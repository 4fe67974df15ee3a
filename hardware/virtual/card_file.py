"""The files that hold the cards in software."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from hardware.disk import write_durably

if TYPE_CHECKING:
    from pathlib import Path

RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class CardFileUnreadable(Exception):
    """The card file is not there, cut off, or not a card's."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no virtual card can be read from {path}")
        self.path = path


def read_card_file(path: Path, kind: type[RecordT]) -> RecordT:
    """Read a card of that kind. Raises CardFileUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        raise CardFileUnreadable(path) from None


def write_card_file(path: Path, card: msgspec.Struct) -> None:
    """Write a card whole. Raises OSError; the old one then stands."""
    write_durably(path, msgspec.json.format(msgspec.json.encode(card)) + b"\n")
