"""A PC/SC service with a virtual reader, and a card in a process of its own that counts what it answers."""

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
    """There is no virtual reader to be had on this machine, or a service of somebody else's runs."""


@contextlib.contextmanager
def reader() -> Iterator[int]:
    """Start pcscd with one virtual reader, and give vpcd's port. Raises ReaderMissing."""
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
    """How many commands a card answered, and how long it took over them (seconds)."""

    count: int
    seconds: float


class CountingCard:
    """A card around another that takes the time of its answers."""

    def __init__(self, card: VirtualCard) -> None:
        self._card = card
        self.answers = Answers(0, 0.0)

    @property
    def atr(self) -> bytes:
        """The other card's."""
        return self._card.atr

    def power_on(self) -> None:
        """Begin a session of the other card."""
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        """Have the other card answer, and take the time."""
        begun = time.perf_counter()
        try:
            return self._card.transmit(command)
        finally:
            taken = time.perf_counter() - begun
            self.answers = Answers(self.answers.count + 1, self.answers.seconds + taken)


class CardInReader:
    """A blank key in the reader, from its making to `close`; `inserted_at` is on the monotonic clock."""

    def __init__(self, state: Path, profile: KeyProfile, serial: str, port: int) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._pipe: Connection = ours
        arguments = (state, profile, serial, port, theirs)
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments)
        self._process.start()
        assert self._pipe.recv() == "made"

    def insert(self) -> float:
        """Put it in; the moment (monotonic seconds) at which vpcd had it."""
        self._pipe.send("insert")
        return float(self._pipe.recv())

    def answers(self) -> Answers:
        """What it answered so far."""
        self._pipe.send("answers")
        found: Answers = self._pipe.recv()
        return found

    def close(self) -> None:
        """Pull it."""
        self._pipe.send("pull")
        self._process.join()


def _serve(state: Path, profile: KeyProfile, serial: str, port: int, pipe: Connection) -> None:
    """Be the card's process: it shares no interpreter with what is measured."""
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
