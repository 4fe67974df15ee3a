"""Stopping the agent: by a signal, or when its parent process ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` on SIGTERM, SIGINT or SIGHUP, and restore the handlers afterwards; only in the main thread.

    A handler interrupts the main thread wherever it stands, also where it holds the event's lock: a handler that called
    `stop.set` would wait for that lock for ever. So it only puts a word into a queue, which takes no lock that the
    interrupted code can hold (`queue.SimpleQueue.put` is reentrant), and a thread sets the event.
    """
    signals: SimpleQueue[int] = SimpleQueue()

    def wait() -> None:
        signals.get()
        stop.set()

    def asked(number: int, frame: FrameType | None) -> None:
        del frame
        signals.put(number)

    threading.Thread(target=wait, name="signals", daemon=True).start()

    # Signals that the parent ignores for its children (Ctrl+C, a closed terminal) stay ignored.
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, asked) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` once standard input ends: the process that started this one has ended."""
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        # Not through sys.stdin, whose lock would still be held when the interpreter exits.
        while os.read(descriptor, 1024):
            pass
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()


def end_with_parent() -> None:
    """End this process at once when standard input ends: the process that started this one has ended."""
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        while os.read(descriptor, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
