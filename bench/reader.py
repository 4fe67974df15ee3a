"""A PC/SC service with a virtual reader, and a card in its own process that counts its responses."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hardware.virtual.files import KeyProfile, open_or_make
from hardware.virtual.reader import HOST, serve

if TYPE_CHECKING:
    from hardware.virtual.card import VirtualCard

_LIBRARY = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_SOCKET = Path("/run/pcscd/pcscd.comm")
_STARTS = 15.0


class ReaderMissing(Exception):
    """No virtual reader is available, or another PC/SC service is running."""


@contextlib.contextmanager
def reader() -> Iterator[int]:
    """Start pcscd with one virtual reader and yield vpcd's port. Raises ReaderMissing."""
    program = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not _LIBRARY.exists():
        raise ReaderMissing("needs pcscd and vsmartcard-vpcd")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(_SOCKET)) == 0:
            raise ReaderMissing("a pcscd runs already")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="keydesk-reader-") as folder:
        (Path(folder) / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:04X}\n'
            f"LIBPATH {_LIBRARY}\nCHANNELID 0x{port:04X}\n"
        )
        command = (program, "--foreground", "--config", folder)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
            try:
                _until_there()
                yield port
            finally:
                service.terminate()


def _until_there() -> None:
    until = time.monotonic() + _STARTS
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(_SOCKET)) == 0:
                return
        time.sleep(0.05)
    raise ReaderMissing("pcscd does not start")


class Answers(msgspec.Struct, frozen=True):
    """The number of commands a card answered, and the seconds it took."""

    count: int
    seconds: float


class CountingCard:
    """A wrapper around a card that measures its response times."""

    def __init__(self, card: VirtualCard) -> None:
        self._card = card
        self.answers = Answers(0, 0.0)

    @property
    def atr(self) -> bytes:
        """The wrapped card's ATR."""
        return self._card.atr

    def power_on(self) -> None:
        """Power on the wrapped card."""
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        """Forward the command and measure the response time."""
        begun = time.perf_counter()
        try:
            return self._card.transmit(command)
        finally:
            taken = time.perf_counter() - begun
            self.answers = Answers(self.answers.count + 1, self.answers.seconds + taken)


class CardInReader:
    """A blank key for the reader, until `close`; `inserted_at` is on the monotonic clock."""

    def __init__(self, state: Path, profile: KeyProfile, serial: str, port: int) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._pipe: Connection = ours
        arguments = (state, profile, serial, port, theirs)
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments)
        self._process.start()
        assert self._pipe.recv() == "made"

    def insert(self) -> float:
        """Insert it; returns when vpcd had it (monotonic seconds)."""
        self._pipe.send("insert")
        return float(self._pipe.recv())

    def answers(self) -> Answers:
        """The responses so far."""
        self._pipe.send("answers")
        found: Answers = self._pipe.recv()
        return found

    def close(self) -> None:
        """Remove it."""
        self._pipe.send("pull")
        self._process.join()


def _serve(state: Path, profile: KeyProfile, serial: str, port: int, pipe: Connection) -> None:
    """Run the card; its own process keeps it out of the measured interpreter."""
    card = CountingCard(open_or_make(state, serial, profile))
    stop = threading.Event()
    pipe.send("made")
    pipe.recv()

    def reached(there: bool) -> None:  # noqa: FBT001 - the reader's own signature
        if there:
            pipe.send(time.monotonic())

    thread = threading.Thread(target=serve, args=(card, HOST, port, stop, reached))
    thread.start()
    while pipe.recv() == "answers":
        pipe.send(card.answers)
    stop.set()
    thread.join()
