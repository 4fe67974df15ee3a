"""The time before which the centre does not want to hear from this kiosk, kept across restarts in a small file."""

from __future__ import annotations

import os
from pathlib import Path

FILE = "sync-not-before"


class Patience:
    """`not_before` in UTC seconds, 0 when the centre asked for nothing."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE

    def not_before(self) -> float:
        """The time that was kept; 0 without a file, or with one that holds no number."""
        try:
            return float(self._file.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0.0

    def keep(self, not_before: float) -> None:
        """Keep a time, whole or not at all; 0 forgets it. Raises OSError."""
        if not not_before:
            self._file.unlink(missing_ok=True)
            return
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        draft.write_text(f"{not_before:.0f}\n", "ascii")
        draft.replace(self._file)
