"""Card files of either kind: which kind a file is, and the card in it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, assert_never

import msgspec

from hardware.virtual.card_file import CardFileUnreadable
from hardware.virtual.gmt.factory import open_or_make_key
from hardware.virtual.piv.factory import open_or_make_piv_key

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard
    from hardware.virtual.piv.card import PivCard


class KeyProfile(enum.StrEnum):
    """The kinds of virtual keys."""

    GMT = "gmt"
    PIV = "piv"


class OtherProfile(Exception):
    """The card file holds a key of another kind than the one asked for."""

    def __init__(self, path: Path, found: KeyProfile) -> None:
        super().__init__(f"{path} holds a {found} key")
        self.path = path
        self.found = found


class _Heading(msgspec.Struct):
    """What tells card files apart: GM/T keys do not name their kind, since their files are older."""

    profile: KeyProfile = KeyProfile.GMT


def profile_of(path: Path) -> KeyProfile:
    """Tell the kind of key that a file says it holds. Raises CardFileUnreadable for one that is not a card's."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Heading).profile
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        raise CardFileUnreadable(path) from None


def open_or_make(path: Path, serial: str, profile: KeyProfile | None = None) -> GmtCard | PivCard:
    """Return the card of a file, made blank with that serial number where there is no file yet.

    Without a profile a file's card is whatever it is, and a new one is a GM/T key. Raises OtherProfile where the
    file holds another kind, CardFileUnreadable where it is not a card's (either is left as it is), OSError.
    """
    found = profile_of(path) if path.exists() else None
    if found is not None and profile is not None and found is not profile:
        raise OtherProfile(path, found)
    chosen = found or profile or KeyProfile.GMT
    match chosen:
        case KeyProfile.GMT:
            return open_or_make_key(path, serial)
        case KeyProfile.PIV:
            return open_or_make_piv_key(path, serial)
    assert_never(chosen)
