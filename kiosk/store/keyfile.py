"""The database's key in a file of its own: 64 hex digits and a line end, readable by the owner alone (0600)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from kiosk.store.errors import KeyFileInvalid
from kiosk.store.key_derivation import KEY_LENGTH

_OTHERS = 0o077


def load_or_create(path: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The key in that file; made there first when there is none. Raises KeyFileInvalid, OSError.

    The file appears whole or not at all; several that make it at once get the same key.
    """
    if not path.exists():
        _create(path, random(KEY_LENGTH))
    return load(path)


def load(path: Path) -> bytes:
    """The key in that file. Raises KeyFileInvalid, OSError."""
    if path.stat().st_mode & _OTHERS:
        raise KeyFileInvalid(path, "others than its owner can read it")
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except ValueError as error:
        raise KeyFileInvalid(path, "not hex digits") from error
    if len(key) != KEY_LENGTH:
        raise KeyFileInvalid(path, f"{len(key)} bytes, not {KEY_LENGTH}")
    return key


def _create(path: Path, key: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        publish(draft, path)
    except FileExistsError:
        return  # another was first; its key counts
    finally:
        draft.unlink(missing_ok=True)


def publish(draft: Path, path: Path) -> None:
    """Give a finished file its name, durably. Raises FileExistsError when the name is taken."""
    os.link(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
