"""The database's key in a file of its own, readable by the owner alone (0600): the one door to it.

Plain, the file has 64 hex digits and a line end; sealed, it is JSON (sealing/sealed_key.py). Sealing it in another way
replaces this file in one step and touches nothing else: the key, and so the database, stays the same.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.disk import create_durably, write_durably
from kiosk.store.errors import KeyFileInvalid
from kiosk.store.key_derivation import KEY_LENGTH, file_salt
from kiosk.store.sealing import held
from kiosk.store.sealing.ways import Asking, Way, ask_nobody

if TYPE_CHECKING:
    from kiosk.store.sealing.sealed_key import SealedKey

_OTHERS = 0o077


def load_or_create(path: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The key in that file; made there first when there is none, plain. Raises KeyFileInvalid, KeyClosed, OSError.

    The file appears whole or not at all; several that make it at once get the same key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another was first; its key counts
            save(path, random(KEY_LENGTH))
    return load(path)


def save(path: Path, key: bytes) -> None:
    """Keep a key in a new file, plain. Raises FileExistsError, OSError."""
    create_durably(path, content(key))


def content(key: bytes) -> bytes:
    """What the file of a plain key holds."""
    return key.hex().encode("ascii") + b"\n"


def load(path: Path, *, private: bool = True, asking: Asking = ask_nobody) -> bytes:
    """The key in that file, which others cannot read unless it is not `private`; opened first where it is sealed.

    Raises KeyFileInvalid, KeyClosed, PassphraseWrong, OSError.
    """
    if private and path.stat().st_mode & _OTHERS:
        raise KeyFileInvalid(path, "others than its owner can read it")
    found = _content(path)
    sealed = _sealed(path, found)
    if sealed is None:
        return _read_plain(path, found)
    from kiosk.store.sealing.sealed_key import open_sealed  # noqa: PLC0415 - as in _sealed

    return open_sealed(path, sealed, asking)


def way(path: Path) -> Way:
    """How the key is kept. Raises KeyFileInvalid, OSError."""
    sealed = _sealed(path, _content(path))
    return Way.PLAIN if sealed is None else sealed.way


def is_of(path: Path, salt: bytes) -> bool:
    """Whether the file has the key of the database that begins with `salt`. Raises KeyFileInvalid, OSError."""
    found = _content(path)
    sealed = _sealed(path, found)
    return (file_salt(_read_plain(path, found)) if sealed is None else sealed.salt) == salt


def is_held(path: Path) -> bool:
    """Whether a sealed key was opened and is held for the programs of this machine. Raises KeyFileInvalid, OSError."""
    sealed = _sealed(path, _content(path))
    return sealed is not None and held.find(sealed.salt, path.stat().st_uid) is not None


def let_go(path: Path) -> bool:
    """Hold an opened key no longer; whether it was held. Raises KeyFileInvalid, OSError."""
    sealed = _sealed(path, _content(path))
    return sealed is not None and held.let_go(sealed.salt, path.stat().st_uid)


def replace(path: Path, kept: SealedKey | bytes) -> None:
    """Keep the same key in another way: sealed, or plain (its bytes). Raises KeyFileInvalid, OSError.

    A kill leaves the file as it was or as it is to be. What lay there plain is written over as far as the disk does that.
    """
    former = path.read_bytes()
    sealed = _sealed(path, former.removeprefix(codecs.BOM_UTF8))
    owner = path.stat()
    with path.open("r+b") as file:
        write_durably(path, content(kept) if isinstance(kept, bytes) else msgspec.json.encode(kept) + b"\n")
        if os.geteuid() != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)
        file.write(b"\x00" * len(former))
        file.flush()
        os.fsync(file.fileno())
    for draft in path.parent.glob(f".{path.name}.*"):  # of a kill while the file was made
        draft.unlink(missing_ok=True)
    if sealed is not None:
        held.let_go(sealed.salt, owner.st_uid)


def hold(path: Path, key: bytes) -> bool:
    """Hold the key, which somebody has opened, for the programs of this machine; whether it could be held. Raises OSError."""
    return held.hold(key, path.stat().st_uid)


def _content(path: Path) -> bytes:
    """What the file holds, without the mark that an editor may have put in front. Raises OSError."""
    return path.read_bytes().removeprefix(codecs.BOM_UTF8)


def _sealed(path: Path, found: bytes) -> SealedKey | None:
    if not found.startswith(b"{"):
        return None
    from kiosk.store.sealing.sealed_key import read_sealed  # noqa: PLC0415 - no cryptography for a plain key

    return read_sealed(path, found)


def _read_plain(path: Path, found: bytes) -> bytes:
    try:
        key = bytes.fromhex(found.decode("ascii"))
    except ValueError as error:
        raise KeyFileInvalid(path, "not hex digits") from error
    if len(key) != KEY_LENGTH:
        raise KeyFileInvalid(path, f"{len(key)} bytes, not {KEY_LENGTH}")
    return key
