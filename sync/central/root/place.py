"""Where the root's key is: in the centre's data directory, or elsewhere, in a file under a passphrase.

    root.key    the key, while it is here
    root.away   JSON Away, once it was moved out and the file was opened again

While both are there, a move was cut short and the file elsewhere was proved already: the key here counts for nothing, and the
same command finishes it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from hardware.disk import create_durably, flush_folder, write_durably
from kiosk.text.command_line import spoken
from sync.central.centre_keys import AWAY, ROOT_KEY, Away, CentreKeys
from sync.central.errors import RootFileRefused
from sync.central.root.ceremony import MOVED, MovedRoot, open_root, read_file, wrap_root


def move_out(keys: CentreKeys, file: Path, passphrase: str, now: int) -> None:
    """Move the root's key to a file; one that is there already from a move cut short is taken if it opens to this key.

    What a restore set aside beside it is deleted along.

    Raises RootFileRefused, KeysUnusable, OSError; then the key is still here.
    """
    here = keys.directory / ROOT_KEY
    if keys.root_is_here:
        keys.root()  # nothing that does not work is moved
        key = here.read_bytes()
        if not file.exists():
            create_durably(file, msgspec.json.encode(wrap_root(key, keys.root_certificate, passphrase)))
        _opened(keys, file, passphrase)
        write_durably(keys.directory / AWAY, msgspec.json.encode(Away(now, str(file.resolve()))))
    else:
        key = _opened(keys, file, passphrase)
    for kept in keys.directory.glob(f"*/{ROOT_KEY}"):
        if kept.read_bytes() in {key, bytes(len(key))}:
            _remove(kept)
    if here.exists():
        _remove(here)


def bring_back(keys: CentreKeys, file: Path, passphrase: str) -> None:
    """Take the root's key back from its file, which stays. Raises RootFileRefused, OSError."""
    key = _opened(keys, file, passphrase)
    write_durably(keys.directory / ROOT_KEY, key)
    (keys.directory / AWAY).unlink(missing_ok=True)
    flush_folder(keys.directory)


def _opened(keys: CentreKeys, file: Path, passphrase: str) -> bytes:
    """The key in a file, which is this centre's root's. Raises RootFileRefused, OSError."""
    key, root = open_root(file, read_file(file, MovedRoot, MOVED), passphrase)
    if root.certificate.der != keys.root_certificate:
        raise RootFileRefused(file, spoken().text("里面是另一个根密钥"))
    return key


def _remove(path: Path) -> None:
    """Delete a file, written over as far as the disk does that."""
    with path.open("r+b") as file:
        file.write(b"\x00" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    flush_folder(path.parent)
