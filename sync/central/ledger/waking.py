"""Waking the applier when something was appended: a pipe with a name in the data directory.

Whoever appends writes a byte to it; every applier on this machine waits for one, and looks for itself now and then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction

PIPE = "applier.wake"
_MUCH = 65536


def pipe() -> Path:
    """Where the pipe is."""
    return Path(settings.KEYDESK.directory) / PIPE


def wake() -> None:
    """Wake the appliers of this machine, if there are any, once the transaction that is open has committed."""
    transaction.on_commit(knock)


def knock() -> None:
    """Wake them now."""
    try:
        knocker = os.open(pipe(), os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENXIO}:
            return  # nobody waits here
        raise
    try:
        with contextlib.suppress(BlockingIOError):  # full: they are awake
            os.write(knocker, b"\n")
    finally:
        os.close(knocker)


class Bell:
    """The pipe's other end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def wait(self, seconds: float) -> None:
        """Wait until somebody knocks, at most so long."""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):  # another applier heard it too
                os.read(self._descriptor, _MUCH)


@contextlib.contextmanager
def listening() -> Iterator[Bell]:
    """Hold the pipe open, which is made if need be."""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(pipe(), 0o600)
    # Opened for writing too, so that it never reads as ended.
    descriptor = os.open(pipe(), os.O_RDWR | os.O_NONBLOCK)
    try:
        yield Bell(descriptor)
    finally:
        os.close(descriptor)
