"""Which other programs may hold a card: PC/SC does not tell, but Linux tells who has libpcsclite loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_LIBRARY: Final = b"/libpcsclite"
_PROC: Final = Path("/proc")


def programs_with_pcsc(proc: Path = _PROC, own: int | None = None) -> tuple[str, ...]:
    """Name the other programs that have libpcsclite loaded and that this user may look into, as `name (number)`.

    `own` is the process that is left out, this one unless told.
    """
    myself = os.getpid() if own is None else own
    try:
        numbers = sorted(int(each.name) for each in proc.iterdir() if each.name.isdecimal())
    except OSError:
        return ()  # as where no more files can be opened: the card is held all the same
    named = (_named(proc / str(number)) for number in numbers if number != myself)
    return tuple(name for name in named if name is not None)


def _named(process: Path) -> str | None:
    """Name a process; None where it has no libpcsclite, has ended or belongs to another user."""
    try:
        if _LIBRARY not in (process / "maps").read_bytes():
            return None
        name = (process / "comm").read_bytes().decode("utf-8", errors="backslashreplace").strip()
    except OSError:
        return None
    shown = "".join(character for character in name if character.isprintable())
    return f"{shown} ({process.name})"
