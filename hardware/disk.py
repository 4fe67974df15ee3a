"""Writing small files so that a power cut leaves the old content or the new one, whole; and locks on folders.

Whoever keeps keys, cards or settings in a file writes it with this. It stands on the ground floor because the virtual
cards need it as well as the desk, the agent and the centre.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file's content; it is on the disk when this returns, and only its owner can read it.

    Raises OSError; the old content then stands.
    """
    with _draft(path, content) as draft:
        draft.replace(path)
        flush_folder(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Make a new file in the same way. Raises FileExistsError when the name is taken, and OSError."""
    with _draft(path, content) as draft:
        publish(draft, path)


def publish(draft: Path, path: Path) -> None:
    """Give a finished file another name, durably. Raises FileExistsError when the name is taken, and OSError."""
    os.link(draft, path)
    flush_folder(path.parent)


def append_durably(path: Path, content: bytes) -> None:
    """Add to a file's end, in one write; it is on the disk when this returns, and only its owner can read it. Raises OSError."""
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        flush_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside the one that is meant, its content on the disk; gone afterwards."""
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.name}.", dir=path.parent
    )  # readable by its owner alone
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """A lock on a folder itself (flock(2)): it ends with the process and leaves no file behind.

    Made, it holds nothing. Whoever is refused holds nothing either, also where it held the lock in the other way.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._close = weakref.finalize(self, os.close, self._descriptor)

    def share(self) -> bool:
        """Hold it beside others, unless one is alone; whether it is held now."""
        return self._locked(fcntl.LOCK_SH)

    def take(self) -> bool:
        """Hold it alone, unless others hold it; whether it is held now."""
        return self._locked(fcntl.LOCK_EX)

    def close(self) -> None:
        """Let go; letting go again does nothing."""
        self._close()

    def _locked(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
