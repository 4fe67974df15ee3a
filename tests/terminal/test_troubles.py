"""`keydesk run` for an hour in which readers, keys, disk, window and what is typed go wrong, under glibc's checks of its heap.

Python code cannot end a process by SIGSEGV or SIGABRT; what lies below it (PC/SC, SQLCipher, libcrypto, Pillow) can, and a heap that was
damaged shows only later. Nor may anything of this be an unexpected error of the app, or end it. Each step is drawn by a seed; how
long, `KEYDESK_TROUBLES_SECONDS` says.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.disks import disk_of
from tests.support.pcsc import PcscService
from tests.support.terminal import BIN, Desk, started
from tests.support.waiting import wait_until

_SECONDS = int(os.environ.get("KEYDESK_TROUBLES_SECONDS", "3600"))

pytestmark = [pytest.mark.terminal, pytest.mark.pcsc, pytest.mark.xdist_group("terminal")]

DISK_MEGABYTES = 48
_HEAP = "/lib/{}-linux-gnu/libc_malloc_debug.so.0"
_ENDED = re.compile(r"LEFT WITH (\d+)")
_KEYS = ("Enter", "Escape", "Tab", "Up", "Down", "F1", "F2", "F6", "Space", "BSpace", "1", "2", "3", "9")
_NEVER = b"\x03\x04\x11\x13\x1a\x1c"  # what a terminal itself takes for an end or a stop


class Troubles:
    """A desk and what may happen to it."""

    def __init__(
        self, desk: Desk, service: PcscService, command: tuple[str | Path, ...], chance: random.Random
    ) -> None:
        self.desk = desk
        self.service = service
        self.command = command
        self.chance = chance
        self.keys: list[subprocess.Popen[bytes]] = []
        self.ends: list[int] = []
        self.last_words: list[str] = []
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        """Let one thing happen, drawn by its weight."""
        steps = {
            self.press: 30,
            self.disturb: 8,
            self.paste: 4,
            self.insert: 5,
            self.pull: 5,
            self.fill: 3,
            self.empty: 4,
            self.resize: 2,
            self.restart: 1,
        }
        (chosen,) = self.chance.choices([*steps], [*steps.values()])
        chosen()
        self.done[chosen.__name__] += 1
        self._look()

    def press(self) -> None:
        """Press a few keys."""
        self.desk.terminal.press(*self.chance.choices(_KEYS, k=self.chance.randint(1, 6)))

    def disturb(self) -> None:
        """Bytes that no keyboard sends."""
        data = self.chance.randbytes(self.chance.randint(1, 40))
        self.desk.terminal.type_bytes(bytes(each for each in data if each not in _NEVER))

    def paste(self) -> None:
        """A bracketed paste in GBK, whose end may be missing."""
        text = "北京示例粮油贸易有限公司".encode("gbk") * self.chance.randint(1, 40)
        end = b"\x1b[201~" if self.chance.random() < 0.7 else b""
        self.desk.terminal.type_bytes(b"\x1b[200~" + text + end)

    def insert(self) -> None:
        """Put a key into a reader."""
        if len(self.keys) < 2:
            host, port = self.service.place
            command = [
                str(BIN / "keydesk"),
                "virtual-key",
                "--host",
                host,
                "--port",
                str(port + len(self.keys)),
            ]
            quiet = subprocess.DEVNULL
            self.keys.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))

    def pull(self) -> None:
        """Pull one out."""
        if self.keys:
            key = self.keys.pop()
            key.kill()
            key.wait()

    def fill(self) -> None:
        """Leave no room on the disk."""
        with contextlib.suppress(OSError), (self.desk.directory.parent / "ballast").open("ab") as ballast:
            while True:
                ballast.write(bytes(65536))
                ballast.flush()

    def empty(self) -> None:
        """Make room again."""
        (self.desk.directory.parent / "ballast").unlink(missing_ok=True)

    def resize(self) -> None:
        """Give the window another size."""
        self.desk.terminal.resize(self.chance.randint(20, 160), self.chance.randint(5, 50))

    def restart(self) -> None:
        """The PC/SC service ends, in order or not, and comes back."""
        if self.chance.random() < 0.5:
            self.service.kill()
            self.service.start()
        else:
            self.service.restart()

    def _look(self) -> None:
        """Start the app again where it ended, and keep what it ended with."""
        shown = self.desk.terminal.text()
        ended = _ENDED.search(shown)
        if ended is not None:
            self.ends.append(int(ended[1]))
            self.last_words.append(shown.strip())
            self.empty()
            self.start()

    def start(self) -> None:
        """Start the app in a new window."""
        terminal = self.desk.new_terminal()
        terminal.start("env", *self.command)
        terminal.wait("请选择要办理的业务")


def _megabytes(crash: Path) -> int:
    """The resident memory of the app that runs now."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if str(crash).encode() in command and b"python" in command[0]:
                    status = (entry / "status").read_text()
                    return int(status.partition("VmRSS:")[2].split()[0]) // 1024
    return 0


@pytest.mark.soak
@pytest.mark.timeout(_SECONDS + 1800)
def test_no_trouble_ends_the_app_by_a_signal(
    stack: contextlib.ExitStack,
    programs: Path,
    pcsc_service: PcscService,
    centre: tuple[str, str],
    new_desk: Callable[[Path], Desk],
    tmp_path: Path,
) -> None:
    address, enrolment = centre
    disk = stack.enter_context(disk_of(DISK_MEGABYTES, tmp_path / "disk"))
    configuration, crash, errors = tmp_path / "keydesk.toml", tmp_path / "crash", tmp_path / "errors"
    configuration.write_text(f'[data]\ndirectory = "{disk / "desk"}"\n[centre]\nurl = "{address}"\n')
    configured = ("--config", configuration)
    sync = programs / "keydesk-sync"
    subprocess.run([sync, "enrol", *configured, "--token", enrolment], check=True, capture_output=True)
    started(stack, sync, "run", *configured)
    desk = new_desk(disk / "desk")
    wait_until(lambda: desk.serves("11000001"), "the feed brings prices and members")
    heap = _HEAP.format(os.uname().machine)
    checks = (f"LD_PRELOAD={heap}", "GLIBC_TUNABLES=glibc.malloc.check=3", "MALLOC_PERTURB_=165")
    program = ("-X", "dev", "-m", "tests.support.troubled_desk", crash, errors)
    command = (*checks, sys.executable, *program, "run", *configured)
    seed = int(os.environ.get("KEYDESK_TROUBLES_SEED", "0"))
    troubles = Troubles(desk, pcsc_service, command, random.Random(seed))  # noqa: S311 - drawn again by its seed
    troubles.start()
    memory = [_megabytes(crash)]
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        troubles.step()
    memory.append(_megabytes(crash))
    for key in troubles.keys:
        key.kill()
        key.wait()
    told = errors.read_text(encoding="utf-8") if errors.exists() else ""
    sys.stdout.write(f"\n{sum(troubles.done.values())} steps {dict(troubles.done)}, ended {troubles.ends}\n")
    sys.stdout.write(f"resident {memory[0]} → {memory[1]} MB\n{told}\n")
    sys.stdout.write("\n".join(troubles.last_words) + "\n")
    assert not crash.read_text(), crash.read_text()
    assert not troubles.ends
    assert not told
