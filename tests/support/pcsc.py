"""A pcscd with virtual readers, and what is done where a program is missing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.waiting import wait_until

_SOCKET = Path("/run/pcscd/pcscd.comm")
_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_USUAL_PORT = 35963


def do_without(reason: str) -> NoReturn:
    """Skip the test; under CI nothing may be left out, so there it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class PcscService:
    """A pcscd with virtual readers: ours, or one that ran already (`process` is None).

    `place` is host and port of vpcd's first slot; the second is the next port.
    """

    def __init__(
        self, place: tuple[str, int], command: tuple[str, ...] = (), log: Path = Path(os.devnull)
    ) -> None:
        self.place = place
        self._command = command
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start our own and wait until its readers are there."""
        with self._log.open("ab") as log:
            self.process = service = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: service.poll() is not None or self._ready(), "pcscd starts or fails")
        if service.poll() is not None:
            self.process = None
            do_without(f"pcscd does not start here: {self._log.read_text(errors='replace')[-500:]}")

    def _ready(self) -> bool:
        port = self.place[1]
        return _connects(_SOCKET) and _listening(port) and _listening(port + 1)

    def kill(self) -> None:
        """End our own as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop our own."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Stop our own and start it again."""
        if self.process is None:
            do_without("the pcscd that runs is not the tests' own and is left alone")
        self.stop()
        self.start()


@contextlib.contextmanager
def pcsc_service(folder: Path) -> Iterator[PcscService]:
    """Start a service on free ports unless one runs already, and stop it afterwards.

    PC/SC has one socket a machine, so a lock keeps other test processes waiting. Where the service cannot be
    had, the tests are skipped with the reason; under CI they fail.
    """
    with _alone():
        if _connects(_SOCKET):
            if not _listening(_USUAL_PORT):
                do_without("a pcscd without vsmartcard-vpcd runs already")
            yield PcscService(("127.0.0.1", _USUAL_PORT))
            return
        program = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not _LIBRARY.exists():
            do_without("needs pcscd and vsmartcard-vpcd: apt-get install pcscd vsmartcard-vpcd")
        port = _two_free_ports()
        readers = folder / "reader.conf.d"
        readers.mkdir()
        (readers / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:04X}\n'
            f"LIBPATH {_LIBRARY}\nCHANNELID 0x{port:04X}\n"
        )
        command = (program, "--foreground", "--config", str(readers))
        service = PcscService(("127.0.0.1", port), command, folder / "log")
        service.start()
        try:
            yield service
        finally:
            service.stop()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"keydesk-tests-pcscd-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _listening(port: int) -> bool:
    """Look into the kernel's table: connecting would put a card into the reader."""
    lines = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    return any(
        columns[1].endswith(f":{port:04X}") and columns[3] == "0A"
        for columns in (line.split() for line in lines)
    )


def _two_free_ports() -> int:
    """Find a port that is free together with its successor."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
