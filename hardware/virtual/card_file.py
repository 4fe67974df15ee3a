"""The files that hold the cards in software."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import msgspec

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
    write_whole(path, msgspec.json.format(msgspec.json.encode(card)) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content so that a power cut leaves the old or the new one; readable by its owner only.

    Raises OSError; the old content then stands.
    """
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make the renaming itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
