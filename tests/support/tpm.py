"""A TPM 2 in software (swtpm), which systemd-creds reaches by its TCTI; and a terminal at which secrets are typed."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from tests.support.commands import Told
from tests.support.pcsc import do_without, listening, two_free_ports
from tests.support.waiting import LOOK_SECONDS, Patience, wait_until

_FLUSH_CONTEXT, _SHUTDOWN = 0x165, 0x145  # TPM 2.0 Library, part 2, section 6.5.2


class SoftTpm:
    """A TPM whose state lies in a folder: the same state is the same TPM, whoever starts it.

    systemd-creds leaves its sessions to the kernel's resource manager, which is not in between here: they are flushed.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def device(self) -> str:
        """Its name for systemd-creds."""
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def start(self, state: Path) -> None:
        """Switch the machine with that TPM on."""
        state.mkdir(exist_ok=True)
        self._process = process = subprocess.Popen(
            [
                *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"),
                *("--server", f"type=tcp,port={self.port},bindaddr=127.0.0.1"),
                *("--ctrl", f"type=tcp,port={self.port + 1},bindaddr=127.0.0.1"),
                *("--flags", "not-need-init,startup-clear"),
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: process.poll() is not None or listening(self.port), "swtpm starts")
        assert process.poll() is None, "swtpm starts"

    def flush(self) -> None:
        """End the sessions that were left behind, which are few at most."""
        for kind in (0x02000000, 0x03000000):  # HMAC and policy sessions
            for number in range(3):
                self._command(_FLUSH_CONTEXT, struct.pack(">I", kind + number))

    def stop(self) -> None:
        """Switch it off in the orderly way; otherwise it locks itself up after some times."""
        if self._process is not None:
            self._command(_SHUTDOWN, b"\x00\x00")
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _command(self, code: int, parameters: bytes) -> None:
        """Give it a command without sessions (TPM 2.0 Library, part 1, section 18)."""
        with socket.create_connection(("127.0.0.1", self.port)) as line:
            line.sendall(struct.pack(">HII", 0x8001, 10 + len(parameters), code) + parameters)
            line.recv(64)


@contextlib.contextmanager
def soft_tpm() -> Iterator[SoftTpm]:
    """A TPM that is off yet."""
    for program, package in (("swtpm", "swtpm"), ("systemd-creds", "systemd")):
        if shutil.which(program) is None:
            do_without(f"needs {program}: apt-get install {package} libtss2-tcti-swtpm0")
    tpm = SoftTpm(two_free_ports())
    try:
        yield tpm
    finally:
        tpm.stop()


Answer: TypeAlias = "str | Callable[[str], str]"
"""What is typed, or how it follows from what was shown."""

_ON_TERMINAL = 'exec "$0" "$@" <"$KEYDESK_TERMINAL" >"$KEYDESK_TERMINAL" 2>&1'


def typed(
    command: Sequence[str | Path],
    answers: Sequence[tuple[str, Answer]],
    environment: Mapping[str, str] = os.environ,
) -> Told:
    """Run a program at a terminal of its own; each answer is typed once its prompt was shown."""
    terminal, slave = os.openpty()
    process = subprocess.Popen(
        ["sh", "-c", _ON_TERMINAL, *map(str, command)],
        env={**environment, "KEYDESK_TERMINAL": os.ttyname(slave)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # so that the terminal becomes its own
    )
    shown, place, left, patience = "", 0, list(answers), Patience()
    try:
        while process.poll() is None or _readable(terminal):
            if _readable(terminal):
                shown += os.read(terminal, 65536).decode()
            if left and (at := shown.find(left[0][0], place)) >= 0:
                prompt, answer = left.pop(0)
                place = at + len(prompt)
                os.write(terminal, (answer if isinstance(answer, str) else answer(shown)).encode() + b"\n")
            assert not patience.ended(), f"waited in vain: {shown!r}, still to be typed: {left}"
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(slave)
        os.close(terminal)
    assert not left, f"never asked: {left}, but shown {shown!r}"
    return Told(process.returncode, shown.replace("\r\n", "\n"), "")


def _readable(terminal: int) -> bool:
    return bool(select.select([terminal], [], [], LOOK_SECONDS)[0])
