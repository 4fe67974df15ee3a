"""How tests wait: for an event or a condition, with a patience that a busy or slow machine stretches.

Patience is counted in seconds of an idle machine of the reference's speed. Two measurements stretch it while
a test waits: how long a fixed piece of work takes (as a multiple of the reference), and how many programs want
each processor. The clock alone never ends a wait: a machine that stood still costs one look.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.02
_LONGEST_LOOK_SECONDS = 1.0
_MEASURE_EVERY_SECONDS = 0.5
_REFERENCE_SECONDS = 0.0007
"""What `_work` takes on two idle cores of the machine that the tests were written on."""


def _work() -> float:
    """Do a fixed piece of work; the seconds that it took."""
    began = time.perf_counter()
    digest = b""
    for _ in range(2000):
        digest = hashlib.sha256(digest).digest()
    return time.perf_counter() - began


def _wanted() -> float:
    """How many programs want each processor now."""
    cores = len(os.sched_getaffinity(0))
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("procs_running"):
            return float(line.split()[1]) / cores
    return os.getloadavg()[0] / cores


def slowness() -> float:
    """Measure how many times longer than on the idle reference things take here and now; never less than 1."""
    speed = min(_work() for _ in range(3)) / _REFERENCE_SECONDS  # the least: nothing else ran meanwhile
    return max(1.0, speed) * max(1.0, _wanted())


class Patience:
    """What is left of a wait; ask it once a look."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._left = seconds
        self._looked = self._measured = time.monotonic()
        self._slowness = slowness()

    def ended(self) -> bool:
        """Count the time since the last look; whether the patience is used up."""
        now = time.monotonic()
        if now - self._measured > _MEASURE_EVERY_SECONDS:
            self._measured, self._slowness = now, slowness()
        self._left -= min(now - self._looked, _LONGEST_LOOK_SECONDS) / self._slowness
        self._looked = now
        return self._left <= 0


def wait_until(
    holds: Callable[[], object], what: str = "it comes true", seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until it holds; `what` says what did not happen where it never does."""
    patience = Patience(seconds)
    while not holds():
        if patience.ended():
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(LOOK_SECONDS)


def wait_for(find: Callable[[], Found | None], what: str = "it is there") -> Found:
    """Wait until there is one, and return it."""
    patience = Patience()
    while (found := find()) is None:
        if patience.ended():
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(LOOK_SECONDS)
    return found


class _Acquired(Protocol):
    def acquire(self, *, timeout: float) -> bool: ...


def wait_event(event: threading.Event, what: str = "the event") -> None:
    """Wait until an event is set."""
    wait_until(lambda: event.wait(LOOK_SECONDS), what)


def acquire(semaphore: _Acquired, what: str = "the semaphore is released") -> None:
    """Wait until a semaphore can be acquired."""
    wait_until(lambda: semaphore.acquire(timeout=LOOK_SECONDS), what)


def take(items: queue.Queue[Found]) -> Found:
    """Wait for the next of a queue."""

    def next_item() -> Found | None:
        try:
            return items.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return None

    return wait_for(next_item, "something is queued")


def ended(thread: threading.Thread) -> None:
    """Wait until a thread has ended."""
    wait_until(lambda: not thread.is_alive(), f"{thread.name} ends")
    thread.join()


def stretched(seconds: float) -> float:
    """Stretch a product's own limit by what the machine needs now."""
    return seconds * slowness()
