"""Who works in a data directory: any number of processes beside each other, or one of them alone.

A lock on the directory itself (`FolderLock`), which ends with the process and leaves no file behind.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from hardware.disk import FileLock, FolderLock
from kiosk.store.errors import DirectoryInUse, DirectoryTaken

STEP_SECONDS = 0.05
SILENT_SECONDS = 1.0
"""How long a wait lasts before it is told."""


class Wait(enum.Enum):
    """What a program waits for in a data directory."""

    ONE_ALONE = "the one that is alone there ends: tables are brought up to date, or a copy is put back"
    OTHERS = "those that work there end, so that the tables can be brought up to date"


Waiting: TypeAlias = Callable[[Path, Wait], None]
"""Told once when a wait lasts."""


def wait_silently(_directory: Path, _wait: Wait) -> None:
    """Tell nobody."""


class Occupancy:
    """A place in a data directory, until it is closed or forgotten."""

    def __init__(self, directory: Path, waiting: Waiting = wait_silently) -> None:
        self._lock = FolderLock(directory)
        self._directory = directory
        self._waiting = waiting

    def share(self, seconds: float = 0.0) -> None:
        """Work beside others, once nobody is alone there. Raises DirectoryTaken when that takes too long."""
        began, told = time.monotonic(), False
        while not self._lock.share():
            waited = time.monotonic() - began
            if waited >= seconds:
                raise DirectoryTaken(self._directory)
            if waited >= SILENT_SECONDS and not told:
                told = True
                self._waiting(self._directory, Wait.ONE_ALONE)
            time.sleep(STEP_SECONDS)

    def take(self) -> None:
        """Be alone, if there are no others; else hold no place. Raises DirectoryInUse."""
        if not self._lock.take():
            raise DirectoryInUse(self._directory)

    def close(self) -> None:
        """Leave; leaving again does nothing."""
        self._lock.close()


NIGHT = "nightly.lock"


@contextmanager
def nights_turn(directory: Path) -> Iterator[bool]:
    """Whether it is this process's turn to do the night's work of a data directory, until the block ends. Raises OSError."""
    with closing(FileLock(directory / NIGHT)) as lock:
        yield lock.take()
