"""What is put back takes the place of the data directory's files in one step (kiosk/backup/replacement.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.backup import replacement
from sync.central.configuration import SQLITE

if TYPE_CHECKING:
    from pathlib import Path

RESTORE = "restore"


def is_waiting(directory: Path) -> bool:
    """Whether something waits to take its place."""
    return (directory / RESTORE).exists()


def finish(directory: Path) -> Path | None:
    """Put what waits in `restore/` in its place; what stood there is in `before-1`, `before-2`, … then. Raises OSError.

    The caller is alone in the directory.
    """
    return replacement.finish(directory / RESTORE, SQLITE, "before")
