"""A pcscd with virtual readers, and what is done where a program is missing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from hardware.pcsc.calls import PcscCalls, PcscFailed
from hardware.ports import HardwareError
from tests.support.waiting import wait_until

_SOCKET = Path("/run/pcscd/pcscd.comm")
_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_USUAL_PORT = 35963
_EVENT = re.compile(r"Card (inserted into|Removed From) (.+)")


PLACE = "PCSCLITE_CSOCK_NAME"
"""Where libpcsclite looks for the service; it reads the variable once in a process."""


def keep_programs_away() -> None:
    """Let the programs that tests start find no PC/SC service, but for modules that have it (`pcsc_service`).

    There is one a machine, and a desk that shows its bind page connects to whatever card another test puts in.
    """
    os.environ.pop(PLACE, None)
    with contextlib.suppress(HardwareError):
        service = PcscCalls()
        service.release(service.establish())
    os.environ[PLACE] = os.devnull


def do_without(reason: str) -> NoReturn:
    """Skip the test; under CI nothing may be left out, so there it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class PcscService:
    """A pcscd with virtual readers: ours, or one that ran already (`process` is None).

    `place` is host and port of vpcd's first slot; the second is the next port. `readers` is the folder of its configuration.
    """

    def __init__(
        self,
        place: tuple[str, int],
        command: tuple[str, ...] = (),
        log: Path = Path(os.devnull),
        readers: Path = Path(os.devnull),
    ) -> None:
        self.place = place
        self.readers = readers
        self._command = command
        self._log = log
        self._began = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start our own and wait until its readers are there."""
        with self._log.open("ab") as log:
            self._began = log.tell()
            self.process = service = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: service.poll() is not None or self._ready(), "pcscd starts or fails")
        if service.poll() is not None:
            self.process = None
            do_without(f"pcscd does not start here: {self._log.read_text(errors='replace')[-500:]}")

    def _ready(self) -> bool:
        port = self.place[1]
        return _connects(_SOCKET) and listening(port) and listening(port + 1)

    def told(self) -> str:
        """How it stands and what it logged last, for the report of a test that failed."""
        if self.process is None:
            return "not the tests' own"
        ports = [port for port in (self.place[1], self.place[1] + 1) if listening(port)]
        lines = self._log.read_text(errors="replace").splitlines()
        log = [line for line in lines if "winscard_svc.c" not in line][-80:]  # not each client's questions
        stands = f"exit status {self.process.poll()}, listening at {ports} of {self.place}"
        return "\n".join([stands, *_states(), *log])

    def settled(self) -> None:
        """Wait until our own takes no reader for full, whatever it tells its clients (`hardware.pcsc.absences`)."""
        if self.process is not None:
            wait_until(lambda: not self._holds_a_card(), "pcscd has noticed that the card is gone")

    def _holds_a_card(self) -> bool:
        log = self._log.read_bytes()[self._began :].decode(errors="replace")
        last = {reader: event for event, reader in _EVENT.findall(log)}
        return "inserted into" in last.values()

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
            if not listening(_USUAL_PORT):
                do_without("a pcscd without vsmartcard-vpcd runs already")
            yield PcscService(("127.0.0.1", _USUAL_PORT))
            return
        program = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not _LIBRARY.exists():
            do_without("needs pcscd and vsmartcard-vpcd: apt-get install pcscd vsmartcard-vpcd")
        port = two_free_ports()
        readers = folder / "reader.conf.d"
        readers.mkdir()
        (readers / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:04X}\n'
            f"LIBPATH {_LIBRARY}\nCHANNELID 0x{port:04X}\n"
        )
        # It ends with the run of the tests, however that ends: the next run could not use a service that stayed behind.
        command = (
            "setpriv",
            "--pdeathsig",
            "TERM",
            program,
            "--foreground",
            "--debug",
            "--config",
            str(readers),
        )
        service = PcscService(("127.0.0.1", port), command, folder / "log", readers)
        service.start()
        try:
            yield service
        finally:
            service.stop()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Lock the driver's library itself: it is the same file whatever folder for temporary files a run has."""
    with contextlib.ExitStack() as held:
        if _LIBRARY.exists():
            fcntl.flock(held.enter_context(_LIBRARY.open("rb")), fcntl.LOCK_EX)
        yield


def _states() -> Iterator[str]:
    """The readers' states as PC/SC tells them to whoever asks now."""
    try:
        service = PcscCalls()
        yield from map(str, service.states(service.establish()))
    except (HardwareError, PcscFailed) as error:
        yield str(error)


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def listening(port: int) -> bool:
    """Look into the kernel's table: connecting would put a card into the reader."""
    lines = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    return any(
        columns[1].endswith(f":{port:04X}") and columns[3] == "0A"
        for columns in (line.split() for line in lines)
    )


@contextlib.contextmanager
def another_reader(service: PcscService, name: bytes, folder: Path) -> Iterator[tuple[str, int]]:
    """Have a reader of that name beside the service's own meanwhile, and give the place of its first slot.

    vpcd keeps its slots for each library once, so this one is driven by a copy in that folder.
    """
    if service.process is None:
        do_without("the pcscd that runs is not the tests' own and is left alone")
    library = folder / "libifdvpcd-beside.so"
    shutil.copy(_LIBRARY, library)
    port = two_free_ports()
    lines = f'"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {library}\nCHANNELID 0x{port:04X}\n'
    configuration = service.readers / "beside"
    configuration.write_bytes(b'FRIENDLYNAME "' + name + lines.encode())
    try:
        service.restart()
        wait_until(lambda: listening(port) and listening(port + 1), "the reader beside is there")
        yield service.place[0], port
    finally:
        configuration.unlink()
        service.restart()


def two_free_ports() -> int:
    """Find a port that is free together with its successor, below those that the system gives to others meanwhile.

    A service that was killed comes back to its ports; from the system's own range another program could have got them.
    """
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = list(range(below - 2, 1024, -2))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("", port))
            second.bind(("", port + 1))
            return port
    do_without("no two neighbouring ports are free")
