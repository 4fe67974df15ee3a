"""How many kiosks may wait for their feed at once: each holds a thread, and payers and staff need threads too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PLACES = 24
_PLACES = threading.BoundedSemaphore(PLACES)


@contextmanager
def waiting_place() -> Iterator[bool]:
    """Take a place for the time of the `with`; False when all are taken, so that nobody waits for one."""
    taken = _PLACES.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _PLACES.release()
