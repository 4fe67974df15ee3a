"""How many kiosks may wait for their feed at once: each holds a thread, and payers and staff need threads too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS = 24
_SLOTS = threading.BoundedSemaphore(SLOTS)


@contextmanager
def waiting_slot() -> Iterator[bool]:
    """Take a place for the time of the `with`; False when all are taken, so that nobody waits for one."""
    taken = _SLOTS.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _SLOTS.release()
