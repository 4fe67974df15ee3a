"""The app's side of a worker: start it, call through it with a time limit, end it when it hangs.

A process that failed is started anew by the next call that needs no handle of it. What was under way is never
repeated: whoever asked is told that the answer is lost.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NoReturn

from hardware.ports import (
    LibraryFailure,
    LibraryTrouble,
    MalformedAnswer,
    NotSupported,
    TokenRemoved,
    VendorLibraryFailed,
)
from hardware.token.skf.layout import fits
from hardware.token.skf.wire import (
    Answer,
    Call,
    Ended,
    Load,
    Loaded,
    Malformed,
    Missing,
    Overrun,
    TimedOut,
    receive_answer,
    send,
)
from hardware.traffic import LEVEL, LOGGER

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRAFFIC: Final = logging.getLogger(LOGGER)

_REAPED: Final = 1.0
"""Seconds to wait for a killed process; one that the kernel holds on to is left to be reaped later."""

_STOPPED: Final = 5.0
"""Seconds to wait for whoever is at work with a worker that is ended from outside."""

_BETWEEN_KILLS: Final = 0.05

_NONSENSE: Final = "its process answered nonsense"

_NUMBERS: Final = 0xFFFFFFFF
"""The numbers that requests bear; after the last they begin anew."""

# The kernel ends a worker with the *thread* that started it (PR_SET_PDEATHSIG), so one thread that lives as long
# as the app starts them all.
_STARTER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="skf-starter")


class SkfProcess:
    """One worker with one library; all methods may be called from any thread."""

    def __init__(self, library: str, *, ulong_bytes: int = 4, load_limit: float = 10.0) -> None:
        self.library = library
        self._ulong_bytes = ulong_bytes
        self._load_limit = load_limit
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._generation = 0
        self._requests = itertools.count(1)

    @property
    def generation(self) -> int:
        """Counts the starts; handles belong to one generation. 0 before the first."""
        return self._generation

    @property
    def runs(self) -> bool:
        """Whether a worker is up, as far as the last call told."""
        return self._end is not None

    @property
    def process_id(self) -> int | None:
        """The worker's process number, None while none runs."""
        process = self._process
        return None if process is None else process.pid

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep other threads' calls out for the length of a verb."""
        with self._lock:
            yield

    @contextlib.contextmanager
    def if_idle(self) -> Iterator[bool]:
        """Tell whether no other thread is at work, and keep them out if so."""
        got = self._lock.acquire(blocking=False)
        try:
            yield got
        finally:
            if got:
                self._lock.release()

    def start(self) -> int:
        """Start the worker unless it runs, and return its generation. Raises VendorLibraryFailed."""
        with self._lock:
            if self._process is not None and _has_ended(self._process):
                self._discard()
            if self._process is None:
                self._start()
            return self._generation

    def call(
        self,
        function: str,
        arguments: tuple[int | bytes, ...],
        seconds: float | None,
        generation: int | None = None,
    ) -> Answer:
        """Call one SKF function, once, and return its answer whatever the code.

        `seconds` is the time limit (None: for ever), `generation` the one that the handles among the arguments
        are of. Raises VendorLibraryFailed, MalformedAnswer for a library that writes past its buffer, NotSupported
        for a function that the library lacks, and TokenRemoved where the handles' process has ended.
        """
        with self._lock:
            if generation is None:
                self.start()
            elif generation != self._generation or self._end is None:
                raise TokenRemoved("the process that the key was opened in has ended")
            began = time.monotonic()
            answer = self._exchange(Call(function, arguments), seconds, function)
            outcome = f"{answer.code:08X}" if isinstance(answer, Answer) else type(answer).__name__.lower()
            _TRAFFIC.log(LEVEL, "%s %s %.1f ms", function, outcome, (time.monotonic() - began) * 1000)
            if isinstance(answer, Answer):
                if not fits(function, answer.results):
                    self._fail(LibraryFailure.CRASHED, f"{function}: {_NONSENSE}", LibraryTrouble.FAULTY)
                return answer
            if isinstance(answer, Missing):
                raise NotSupported(function)
            # Its memory, or its place in the conversation, can no longer be trusted.
            self._discard()
            raise MalformedAnswer(f"{function} wrote past its buffer")

    def stop(self) -> None:
        """End the worker, from any thread and in the middle of a call; the next call starts another."""
        until = time.monotonic() + _STOPPED
        while not self._lock.acquire(timeout=_BETWEEN_KILLS):
            # Whoever is at work with it is told that it crashed; one that was only being started is caught later.
            process = self._process
            if process is not None:
                _kill(process)
            if time.monotonic() > until:
                return
        try:
            self._discard()
        finally:
            self._lock.release()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _STARTER.submit(_spawn, theirs.fileno()).result()
            except (OSError, RuntimeError) as failure:  # RuntimeError: the app itself is ending
                ours.close()
                reason = f"its process does not start: {failure}"
                raise VendorLibraryFailed(
                    self.library, LibraryFailure.UNUSABLE, reason, LibraryTrouble.NOT_STARTED, str(failure)
                ) from None
        self._end = ours
        self._generation += 1
        began = time.monotonic()
        answer = self._exchange(Load(self.library, self._ulong_bytes), self._load_limit, "load")
        _TRAFFIC.log(LEVEL, "load %.1f ms", (time.monotonic() - began) * 1000)
        if isinstance(answer, Missing):
            self._fail(LibraryFailure.UNUSABLE, answer.reason, answer.trouble, answer.detail)
        if not isinstance(answer, Loaded):
            self._fail(LibraryFailure.UNUSABLE, "no SKF library", LibraryTrouble.FAULTY)

    def _exchange(
        self, request: Load | Call, seconds: float | None, function: str
    ) -> Answer | Loaded | Missing | Overrun:
        """Send a request and wait for its answer; after whatever else happens the worker is done with."""
        if self._end is None:
            raise TokenRemoved("the process that the key was opened in has ended")
        answered = False
        number = next(self._requests) & _NUMBERS
        try:
            send(self._end, number, request)
            answer = receive_answer(self._end, number, seconds, self._worker_has_ended)
            answered = True
        except TimedOut:
            reason = f"{function} gave no answer in {seconds:g} s"
            self._fail(LibraryFailure.HUNG, reason, LibraryTrouble.HUNG, function)
        except Ended:
            said, how = self._last_words()
            detail = ", ".join(filter(None, (function, how)))
            self._fail(LibraryFailure.CRASHED, f"{function}: {said}", LibraryTrouble.CRASHED, detail)
        except Malformed:
            self._fail(LibraryFailure.CRASHED, f"{function}: {_NONSENSE}", LibraryTrouble.FAULTY)
        finally:
            if not answered:
                self._discard()
        return answer

    def _fail(
        self, failure: LibraryFailure, reason: str, trouble: LibraryTrouble, detail: str = ""
    ) -> NoReturn:
        self._discard()
        _TRAFFIC.log(LEVEL, "%s %s", failure.value, reason)
        raise VendorLibraryFailed(self.library, failure, reason, trouble, detail) from None

    def _worker_has_ended(self) -> bool:
        return self._process is None or _has_ended(self._process)

    def _last_words(self) -> tuple[str, str]:
        """Say how the process ended: in words, and the signal's name or its status, where it has one."""
        if self._process is None:
            return "its process has ended", ""
        try:
            status = self._process.wait(_REAPED)
        except subprocess.TimeoutExpired:
            return "its process closed the connection", ""
        if status < 0:
            name = signal.strsignal(-status) or str(-status)
            return f"its process died of signal {-status} ({name})", name
        return f"its process ended with status {status}", f"exit {status}"

    def _discard(self) -> None:
        end, self._end = self._end, None
        process, self._process = self._process, None
        if end is not None:
            end.close()
        if process is not None:
            _kill(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAPED)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a worker has ended, without collecting it: until it is, its number is no other process's."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker and whatever its library started in the worker's session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _spawn(descriptor: int) -> subprocess.Popen[bytes]:
    """Start a worker; what its library prints goes nowhere, since nobody knows what it prints.

    In a session of its own it has no terminal either: a library cannot write over the screen by /dev/tty, and no key
    pressed there reaches it as a signal.
    """
    command = (sys.executable, "-P", "-m", "hardware.token.skf.worker", str(descriptor), str(os.getpid()))
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
    )
