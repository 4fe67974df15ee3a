"""Child processes that never outlive their parent, and a terminal that is restored afterwards.

Each child has the reading end of a pipe whose writing end only the parent has: when the parent ends, in whatever
way, the child reads end of file. The kernel also signals the child (PR_SET_PDEATHSIG) where it can.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 4.0
PARENT_PIPE = "KEYDESK_PARENT_PIPE"
_LEAVE_FULL_SCREEN = b"\x1b[?1000;1002;1003;1006;1015;2004;2026;2048l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; runs in the child before exec."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _ignore_terminal_signals() -> None:
    """Leave Ctrl+C and a closed terminal to the parent, which stops its children in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _die_with_parent()


class Service:
    """A background child: its output goes to a log, its standard input is the pipe that ends with the parent."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._began_at = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                preexec_fn=_ignore_terminal_signals,  # noqa: PLW1509 - only prctl and signal, before any thread
            )

    def said(self, text: str) -> bool:
        """Whether that is a line of its log since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._began_at)
            return text.encode() in log.read().splitlines()

    def let_go(self) -> None:
        """Close the pipe, which ends the child."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


def end(*processes: subprocess.Popen[bytes]) -> None:
    """Terminate all of them at once, kill those that do not go in time; returns when they are gone."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


def run_in_terminal(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the child that owns the terminal; it watches `KEYDESK_PARENT_PIPE` by `watch_parent`."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command,
        pass_fds=(reading,),
        env={**environment, PARENT_PIPE: str(reading)},
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - only prctl, before any thread
    )
    os.close(reading)
    os.set_inheritable(writing, False)  # noqa: FBT003 - the standard library's own signature
    return process


def watch_parent(gone: Callable[[], None]) -> None:
    """In the child: call `gone` from a thread once the parent has gone."""
    number = os.environ.pop(PARENT_PIPE, None)
    if number is None:
        return

    def wait() -> None:
        with open(int(number), "rb", closefd=True) as pipe:  # noqa: PTH123 - a descriptor, not a path
            pipe.read()
        gone()

    threading.Thread(target=wait, name="parent", daemon=True).start()


class Terminal:
    """The terminal's settings as they were found."""

    def __init__(self) -> None:
        self._settings = termios.tcgetattr(sys.stdin.fileno()) if sys.stdin.isatty() else None

    def restore(self, *, left_full_screen: bool) -> None:
        """Restore the terminal; `left_full_screen` when the child did not do so itself."""
        if self._settings is None:
            return
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._settings)
            if left_full_screen:
                os.write(sys.stdout.fileno(), _LEAVE_FULL_SCREEN)
