"""A key that somebody opened with a passphrase, held for the other programs of this machine until it is switched off.

It lies in memory (a tmpfs), readable by the key file's owner alone:

    /dev/shm/keydesk-UID/SALT       64 hex digits; SALT names the database (key_derivation.py)
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from hardware.disk import write_durably
from kiosk.store.key_derivation import KEY_LENGTH, file_salt

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder within it is ours alone, or is not used
_MOUNTS = Path("/proc/mounts")
_OTHERS = 0o077


def find(salt: bytes, owner: int) -> bytes | None:
    """The key of that database, where it is held for that user."""
    if not _is_ours(_folder(owner), owner):
        return None
    try:
        key = bytes.fromhex((_folder(owner) / salt.hex()).read_text("ascii"))
    except (OSError, ValueError):
        return None
    return key if len(key) == KEY_LENGTH and file_salt(key) == salt else None


def hold(key: bytes, owner: int) -> bool:
    """Hold a key for that user's programs; whether it could be held."""
    folder = _folder(owner)
    if not _is_memory(folder.parent):
        return False
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if os.geteuid() != owner:
                os.chown(folder, owner, -1)
        if not _is_ours(folder, owner):
            return False
        file = folder / file_salt(key).hex()
        write_durably(file, key.hex().encode("ascii"))
        if os.geteuid() != owner:
            os.chown(file, owner, -1)
    except OSError:
        return False  # the others ask for themselves
    return True


def let_go(salt: bytes, owner: int) -> bool:
    """Hold it no longer, nor what a program that was killed had begun to hold; whether it was held."""
    folder, name = _folder(owner), salt.hex()
    for draft in folder.glob(f".{name}.*"):  # as hardware.disk names them
        draft.unlink(missing_ok=True)
    try:
        (folder / name).unlink()
    except OSError:
        return False
    return True


def _folder(owner: int) -> Path:
    return MEMORY / f"keydesk-{owner}"


def _is_ours(folder: Path, owner: int) -> bool:
    """Whether a folder, which anybody could have made, is that user's alone."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & _OTHERS


def _is_memory(folder: Path) -> bool:
    try:
        mounts = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(line.split()[1:3] == [str(folder), "tmpfs"] for line in mounts)
