"""Serving by granian in a worker process, which ends with this one in any case.

Granian reads heads and sends answers; what it is told here keeps slow and silent clients from its connections. A request
takes a thread only when it is whole (receiving.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import multiprocessing
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from kiosk.text.command_line import spoken
from sync.central.device.waiting import SLOTS
from sync.central.errors import CannotServe, PortBusy
from sync.protocol import records

if TYPE_CHECKING:
    from collections.abc import Callable

PARENT = "KEYDESK_CENTRAL_PARENT"
SPARE = 8  # threads for payers, staff and uploads while kiosks wait
THREADS = SLOTS + SPARE
BACKLOG = 1024
CONNECTIONS = 4096
"""At once; whoever comes then waits until one of them ends."""
_FILES = 256  # that are open besides
HEAD_SECONDS = 15
"""For a request's head, from the connection's beginning or the answer before: an idle connection ends by it too."""
HEAD_BYTES = 65_536
UNREAD_SECONDS = 60
"""How long an answer may lie unread, not a byte of it taken, before its connection ends."""
START_LIMIT = 30.0  # seconds
_PR_SET_PDEATHSIG = 1  # prctl(2)
APPLY = ("-m", "sync.central.command", "apply")
_PAUSE = 1.0  # seconds before an applier that ended is started again
# Standard output carries the address alone.
_LOGGING = {
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"},
        "access": {"class": "logging.StreamHandler", "formatter": "access", "stream": "ext://sys.stderr"},
    }
}


def free_port(host: str, port: int) -> int:
    """The port to listen on: the one asked for, or a free one for 0. Raises PortBusy, CannotServe."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            address = f"{host}:{port}"
            raise CannotServe(spoken().text("这个用户不能用 {address}", address=address)) from error
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise PortBusy(host, port) from error
            raise CannotServe(str(error)) from error
        return int(probe.getsockname()[1])


def serve(
    host: str, port: int, ready: Callable[[str], None], *, exit_with_parent: bool, applying: bool = True
) -> None:
    """Serve until a signal, or until standard input closes; `ready` is called with the address.

    With `applying` an applier runs beside it as a process of its own.

    Raises PortBusy, CannotServe.
    """
    port = free_port(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    os.environ[PARENT] = str(os.getpid())
    # By fork(2) a worker would inherit this process's threads and database connection.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "sync.central.asgi:application",
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,
        # With HTTP/2 on offer, granian waits for a connection's first bytes without a limit.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=HEAD_BYTES),
        websockets=False,
        workers=1,
        backlog=BACKLOG,
        backpressure=_connections(),
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=3,
        process_name=None,
    )
    server.main_loop_interrupt = _Interrupt()
    threading.Thread(target=_announce, args=(address, ready), daemon=True).start()
    if exit_with_parent:
        threading.Thread(target=_end_with_input, daemon=True).start()
    if applying:
        threading.Thread(target=_keep_an_applier, daemon=True).start()
    server.serve()


def end_unread_answers() -> None:
    """Have the kernel end a connection whose answer lies unread: of those that the worker accepts from now on, tcp(7).

    Granian has no such limit, and opens its listening socket in the worker, by itself.
    """
    for number in (int(each.name) for each in Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # the folder's own was closed meanwhile
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                _end_unread(number)


def _end_unread(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as found:
        internet = found.family in {socket.AF_INET, socket.AF_INET6}
        if internet and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)


def _connections() -> int:
    """How many connections are taken at once; raises the process's limit of open files to that where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(CONNECTIONS, soft - _FILES))


class _Interrupt(threading.Event):
    """What granian's main thread waits for, safe to be set by a signal handler in that thread.

    A plain event's `set` would wait for ever for the lock that the interrupted `wait` or `clear` holds, as when two
    signals come at once. `queue.SimpleQueue.put` is reentrant.
    """

    def __init__(self) -> None:
        super().__init__()
        self._raised = False
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether it was set since it was cleared."""
        return self._raised

    def set(self) -> None:
        """Wake the thread that waits."""
        self._raised = True
        self._wakes.put(None)

    def clear(self) -> None:
        """Wait again from now on."""
        self._raised = False

    def wait(self, timeout: float | None = None) -> bool:
        """Return once it is set, or after so many seconds; whether it is set."""
        with contextlib.suppress(Empty):
            while not self._raised:
                self._wakes.get(timeout=timeout)
        return self._raised


def apply() -> None:
    """Be an applier until a signal, or until the process that serves ends, if that started it."""
    from sync.central.ledger.process import keep_applying  # noqa: PLC0415 - the worker imports this file before Django

    end_with_parent()
    keep_applying(_end_with)


def _keep_an_applier() -> None:
    """Run an applier, and another when it ends; the kernel ends it with this process."""
    while True:
        with subprocess.Popen(
            [sys.executable, *APPLY], stdin=subprocess.DEVNULL, stdout=sys.stderr
        ) as applier:
            applier.wait()
        time.sleep(_PAUSE)


def end_with_parent() -> None:
    """Have the kernel kill this process when the one that serves, and started it, ends."""
    parent = os.environ.get(PARENT)
    if parent is not None and int(parent) != os.getpid():
        _end_with(int(parent))


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when that one, which started it, ends (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before prctl took effect
        os.kill(os.getpid(), signal.SIGKILL)


def _announce(address: str, ready: Callable[[str], None]) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address + records.PATH_CENTRE, timeout=2) as response:  # noqa: S310 - our own address
                if response.status == 200:  # noqa: PLR2004
                    ready(address)
                    return
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.02)
    said = spoken().text("服务在 {address} 没有应答；原因在它的日志里", address=address)
    sys.stderr.write(f"keydesk-central: {said}\n")
    os.kill(os.getpid(), signal.SIGTERM)


def _end_with_input() -> None:
    """Wait for the end of standard input, then stop this process by SIGTERM."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
