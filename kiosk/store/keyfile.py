"""The database's key in a file of its own: 64 hex digits and a line end, readable by the owner alone (0600)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from hardware.disk import create_durably
from kiosk.store.errors import KeyFileInvalid
from kiosk.store.key_derivation import KEY_LENGTH

_OTHERS = 0o077


def load_or_create(path: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The key in that file; made there first when there is none. Raises KeyFileInvalid, OSError.

    The file appears whole or not at all; several that make it at once get the same key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another was first; its key counts
            save(path, random(KEY_LENGTH))
    return load(path)


def save(path: Path, key: bytes) -> None:
    """Keep a key in a new file. Raises FileExistsError, OSError."""
    create_durably(path, key.hex().encode("ascii") + b"\n")


def load(path: Path, *, private: bool = True) -> bytes:
    """The key in that file, which others cannot read unless it is not `private`. Raises KeyFileInvalid, OSError."""
    if private and path.stat().st_mode & _OTHERS:
        raise KeyFileInvalid(path, "others than its owner can read it")
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except ValueError as error:
        raise KeyFileInvalid(path, "not hex digits") from error
    if len(key) != KEY_LENGTH:
        raise KeyFileInvalid(path, f"{len(key)} bytes, not {KEY_LENGTH}")
    return key
