"""Writing small files so that a power cut leaves the old content or the new one, whole; and locks on folders.

Whoever keeps keys, cards or settings in a file writes it with this. It stands on the ground floor because the virtual
cards need it as well as the desk, the agent and the centre.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OTHERS = 0o077


def keep_private() -> None:
    """Have whatever this process makes from now on, files and folders, be for its owner alone, and so what its children make."""
    os.umask(0o077)


def make_private(*files: Path) -> None:
    """Have files be for their owner alone that a former version or a copy left open to others; what is not there is left out.

    Where the file system keeps no such rights (FAT), or the file is somebody else's, it stays as it is.
    """
    for file in files:
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & _OTHERS:
                file.chmod(mode & ~_OTHERS)


def database_files(database: Path) -> tuple[Path, ...]:
    """An SQLite database and the files that SQLite keeps beside it."""
    return tuple(
        database.with_name(f"{database.name}{suffix}") for suffix in ("", "-wal", "-shm", "-journal")
    )


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file's content; it is on the disk when this returns, and only its owner can read it.

    Raises OSError; then the old content stands, or the new one where only its name could not be made durable.
    """
    with _draft(path, content) as draft:
        draft.replace(path)
        _flush_names(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Make a new file in the same way. Raises FileExistsError when the name is taken, and OSError."""
    with _draft(path, content) as draft:
        publish(draft, path)


def publish(draft: Path, path: Path) -> None:
    """Give a finished file another name, durably. Raises FileExistsError when the name is taken, and OSError."""
    os.link(draft, path)
    _flush_names(path.parent)


def append_durably(path: Path, content: bytes) -> None:
    """Add to a file's end, whole or not at all; it is on the disk when this returns, and only its owner can read it.

    Raises OSError; where only the flush failed the content may stand.
    """
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        length = os.fstat(descriptor).st_size
        if os.write(descriptor, content) < len(content):
            os.ftruncate(descriptor, length)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        _flush_names(path.parent)
    else:
        make_private(path)


def _flush_names(folder: Path) -> None:
    """Make names durable that stand already: whether a failure lasts is seen by a second look. Raises OSError."""
    try:
        flush_folder(folder)
    except OSError:
        flush_folder(folder)


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


class _Lock:
    """A lock by flock(2): it ends with the process.

    Made, it holds nothing. Whoever is refused holds nothing either, also where it held the lock in the other way.
    """

    def __init__(self, path: Path, flags: int) -> None:
        self._descriptor = os.open(path, flags, 0o600)
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


class FolderLock(_Lock):
    """A lock on a folder itself, which leaves no file behind."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, os.O_RDONLY | os.O_DIRECTORY)


class FileLock(_Lock):
    """A lock on a file, which is made for it and stays, empty. Raises OSError when made."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, os.O_RDWR | os.O_CREAT)
