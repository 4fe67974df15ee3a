"""Stopping: signals, and the parent's end of our standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` when the process is asked to end; only in the main thread. Puts the old handlers back."""

    def asked(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    # What the parent ignores for its children (Ctrl+C, a closed terminal) stays ignored.
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, asked) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` once standard input ends: whoever started this process has gone."""
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        # Read past Python's own buffer, whose lock would be held when the interpreter ends.
        while os.read(descriptor, 1024):
            pass
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()
