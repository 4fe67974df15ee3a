"""A barcode scanner in software, for the demo and for tests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class VirtualScanner:
    """A Scanner that reports what it is given, in the caller's thread."""

    def __init__(self) -> None:
        self._watchers: dict[int, Callable[[str], None]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def scan(self, text: str) -> None:
        """Report a scan to everybody who watches. Raises ValueError for what no barcode of ours holds."""
        if not text or not text.isascii() or not text.isprintable():
            raise ValueError("a scan is printable ASCII")
        with self._lock:
            watchers = list(self._watchers.values())
        for scanned in watchers:
            scanned(text)

    def watch(self, scanned: Callable[[str], None]) -> Callable[[], None]:
        """Call `scanned` with every scan; returns the stop."""
        with self._lock:
            number = self._next
            self._next += 1
            self._watchers[number] = scanned

        def stop() -> None:
            with self._lock:
                self._watchers.pop(number, None)

        return stop
