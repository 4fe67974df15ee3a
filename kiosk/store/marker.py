"""The marker: how far a store's journal came, in a file outside the data directory.

A data directory that was put back from a copy is behind it, or has another entry there; on another machine the name
of the machine differs. Then the numbers that the journal gave out after the copy are not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from kiosk.domain.entries.body import Tip

_MACHINE_ID = Path("/etc/machine-id")  # machine-id(5): not to be shown to others as it is
_LABEL = b"keydesk machine\x00"


class Marker:
    """The markers in one directory; `machine` names this machine, empty where it has no name."""

    def __init__(self, directory: Path, machine: str) -> None:
        self.machine = machine
        self._directory = directory

    def read(self, store: str) -> Tip | None:
        """The tip that a store had; None for one that was never here, and where the file cannot be read."""
        try:
            return msgspec.json.decode(self._file(store).read_bytes(), type=Tip)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def write(self, store: str, tip: Tip) -> None:
        """Record a store's tip."""
        # What the journal has is on the disk by now: a marker that cannot be written only protects less.
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._directory / f"{store}.{os.getpid()}"
            draft.write_bytes(msgspec.json.encode(tip))
            draft.replace(self._file(store))

    def _file(self, store: str) -> Path:
        return self._directory / f"{store}.json"


def machine_name(file: Path = _MACHINE_ID) -> str:
    """A name of this machine that a copy of the data directory does not bring along; empty where it has none."""
    try:
        identity = file.read_bytes().strip()
    except OSError:
        return ""
    return hashlib.sha256(_LABEL + identity).hexdigest()[:32] if identity else ""
