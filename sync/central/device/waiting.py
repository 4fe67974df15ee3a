"""A limit on how many kiosks wait for their feed at once: each holds a thread, which payers and staff need too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS = 24
_SLOTS = threading.BoundedSemaphore(SLOTS)


@contextmanager
def waiting_slot() -> Iterator[bool]:
    """Hold a slot during the `with`; False at once when all are taken."""
    taken = _SLOTS.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _SLOTS.release()
