"""Who works in a data directory: any number of processes beside each other, or one of them alone.

A lock on the directory itself (flock(2)), which ends with the process and leaves no file behind.
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path

from kiosk.store.errors import DirectoryInUse, DirectoryTaken

_STEP_SECONDS = 0.05


class Occupancy:
    """A place in a data directory, until it is closed or forgotten."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._close = weakref.finalize(self, os.close, self._descriptor)
        self._directory = directory

    def share(self, seconds: float = 0.0) -> None:
        """Work beside others, once nobody is alone there. Raises DirectoryTaken when that takes too long."""
        if not self._locked_within(fcntl.LOCK_SH, seconds):
            raise DirectoryTaken(self._directory)

    def take(self, seconds: float = 0.0) -> None:
        """Be alone, once the others ended. Raises DirectoryInUse when that takes too long."""
        if not self._locked_within(fcntl.LOCK_EX, seconds):
            raise DirectoryInUse(self._directory)

    def close(self) -> None:
        """Leave; leaving again does nothing."""
        self._close()

    def _locked_within(self, how: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._locked(how):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP_SECONDS)
        return True

    def _locked(self, how: int) -> bool:
        """Whether it is locked in that way now; where not, it is not locked by us in any."""
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
