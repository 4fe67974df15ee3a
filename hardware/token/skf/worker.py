"""The process that a vendor's library runs in: `python -m hardware.token.skf.worker DESCRIPTOR PARENT`.

DESCRIPTOR is the number of the inherited socket, PARENT the process that must outlive this one. A request is
answered before the next is looked at. The process ends as soon as the parent is gone or has let go of its end,
even from the middle of a call that hangs.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import queue
import resource
import signal
import socket
import sys
import threading
from typing import Final

from hardware.token.skf.library import BufferOverrun, Library, LibraryUnusable
from hardware.token.skf.wire import (
    Answer,
    Call,
    Ended,
    Load,
    Loaded,
    Malformed,
    Missing,
    Overrun,
    receive_request,
    send,
)

_SET_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

_SET_DUMPABLE: Final = 4
"""PR_SET_DUMPABLE of prctl(2)."""

_OUT_OF_THE_WAY: Final = 100
"""The protocol's descriptor is moved up here, where a library that writes to 1 or 2 does not hit it."""


def main(arguments: list[str]) -> None:
    """Serve the parent until it is gone."""
    descriptor, parent = (int(argument) for argument in arguments)
    _die_with(parent)
    _leave_a_guard(descriptor)
    _keep_memory_private()
    # An interrupt at the terminal is the app's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = _moved(descriptor)
    requests: queue.SimpleQueue[tuple[int, Load | Call]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(end, requests), name="requests", daemon=True).start()
    _serve(end, requests)


def _die_with(parent: int) -> None:
    """Have the kernel end this process with its parent, which may have gone already."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _leave_a_guard(descriptor: int) -> None:
    """Have a process of the session wait for this one's end, and end what the library started and left in it.

    The app does that too, but nobody else would where the app itself is killed.
    """
    worker = os.getpid()
    if os.fork() != 0:
        return
    os.close(descriptor)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    while os.getppid() == worker:
        signal.sigwait({signal.SIGTERM})
    os.killpg(0, signal.SIGKILL)


def _keep_memory_private() -> None:
    """See to it that neither a crash nor a debugger shows the PIN of the moment.

    A limit of nought keeps a core file from being written; where the system hands cores to a program, only a
    process that is not dumpable is spared. The same keeps the user's other processes out of its memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def _moved(descriptor: int) -> socket.socket:
    """Take the protocol's socket out of reach, also of programs that the library starts."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    os.close(descriptor)
    return socket.socket(fileno=moved)


def _receive(end: socket.socket, requests: queue.SimpleQueue[tuple[int, Load | Call]]) -> None:
    """Pass requests on; this thread alone notices the parent's end while a call hangs."""
    try:
        while True:
            requests.put(receive_request(end))
    except (Ended, Malformed):
        os._exit(0)


def _serve(end: socket.socket, requests: queue.SimpleQueue[tuple[int, Load | Call]]) -> None:
    process = os.getpid()
    library: Library | None = None
    while True:
        number, request = requests.get()
        answer: Loaded | Answer | Overrun | Missing
        try:
            if isinstance(request, Load):
                library = Library(request.path, request.ulong_bytes)
                answer = Loaded()
            elif library is None:
                answer = Missing("no library is loaded")
            else:
                code, results = library.call(request.function, request.arguments)
                answer = Answer(code, tuple(results))
        except LibraryUnusable as unusable:
            why = unusable.why
            answer = Missing(why.reason, why.trouble, why.detail)
        except BufferOverrun:
            answer = Overrun()
        if os.getpid() != process:
            # The library forked and came back in both: one answer is enough, and it is the parent's.
            os._exit(0)
        send(end, number, answer)


if __name__ == "__main__":
    main(sys.argv[1:])
