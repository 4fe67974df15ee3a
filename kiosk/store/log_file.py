"""A log in files that are renamed once they are large. Whatever the disk does, whoever writes a line goes on."""

from __future__ import annotations

import errno
import io
import os
import threading
from pathlib import Path

from hardware.disk import make_private

LARGEST_BYTES = 2_000_000
KEPT_FILES = 5


class LogFile(io.TextIOBase):
    """A stream of lines to the file `path` (0600), renamed to `path`.1, .2, … when it would grow beyond `largest` bytes.

    Nothing that is written raises OSError or UnicodeError: lines for which there is no room are counted, and the next
    one that can be written says how many. A file that was removed or renamed is made anew. With `standing_for`,
    that descriptor always refers to the present file (to nothing while there is none): what libraries write to
    standard error goes there.
    """

    def __init__(
        self,
        path: Path,
        largest: int = LARGEST_BYTES,
        kept: int = KEPT_FILES,
        standing_for: int | None = None,
    ) -> None:
        super().__init__()
        self._path = path
        self._largest = largest
        self._kept = kept
        self._standing_for = standing_for
        self._lock = threading.RLock()
        self._descriptor: int | None = None
        self._lost = 0
        self._cut_short = False
        if standing_for is not None:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, standing_for)
            os.close(silence)

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The descriptor for whoever writes without Python. Raises UnsupportedOperation where there is none now."""
        number = self._descriptor if self._standing_for is None else self._standing_for
        return super().fileno() if number is None else number

    def write(self, text: str) -> int:
        """Add whole lines, if that is possible."""
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                self._add(data)
            except OSError:
                self._lost += data.count(b"\n")
        return len(text)

    def close(self) -> None:
        """Let go of the file; the next line would open it again."""
        with self._lock:
            self._let_go()
        super().close()

    def _add(self, data: bytes) -> None:
        self._open(len(data))
        if self._cut_short:
            self._put(b"\n")
            self._cut_short = False
        if self._lost:
            self._put(b'{"event": "lines were lost", "level": "warning", "count": %d}\n' % self._lost)
            self._lost = 0
        self._put(data)

    def _put(self, data: bytes) -> None:
        """Write all of it. Raises OSError; then a part of it may stand at the end of the file."""
        assert self._descriptor is not None  # noqa: S101 - opened by the caller
        written = os.write(self._descriptor, data)
        if written < len(data):
            self._cut_short = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self, more: int) -> None:
        """Have the present file open, with room for so many bytes more."""
        if self._descriptor is not None:
            state = os.fstat(self._descriptor)
            try:
                present = os.path.samestat(state, self._path.stat())
            except FileNotFoundError:
                present = False
            if present and state.st_size and state.st_size + more > self._largest:
                self._rename()
                present = False
            if present:
                return
            self._let_go()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        make_private(self._path)
        if self._standing_for is not None:
            os.dup2(self._descriptor, self._standing_for)

    def _rename(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            former = self._numbered(number)
            if former.exists():
                former.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
