import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SECONDS = 40.0


class Terminal:
    """A tmux window of our own in which a program runs, with keys in and the screen's text out."""

    def __init__(self, socket: Path, columns: int, lines: int) -> None:
        self._socket = socket
        self._size = ["-x", str(columns), "-y", str(lines)]

    def start(self, *command: str) -> None:
        """Run a program; the window stays when it ends, and says so."""
        shell = f"{' '.join(command)}; echo LEFT WITH $?; stty -a | grep -o -- '-\\?echo\\b'; sleep 600"
        self._tmux("new-session", "-d", "-s", "desk", *self._size, shell)

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names; text is typed as it is."""
        for key in keys:
            self._tmux("send-keys", "-t", "desk", key)
            time.sleep(0.05)

    def text(self) -> str:
        """What the screen shows."""
        return self._tmux("capture-pane", "-p", "-t", "desk")

    def wait(self, expected: str, seconds: float = SECONDS) -> str:
        """The screen once it matches."""
        deadline = time.monotonic() + seconds
        while not re.search(expected, shown := self.text()):
            assert time.monotonic() < deadline, f"{expected!r} did not come; the screen shows\n{shown}"
            time.sleep(0.1)
        return shown

    def process(self) -> int:
        """The number of the shell in the window."""
        return int(self._tmux("display-message", "-p", "-t", "desk", "#{pane_pid}"))

    def close(self) -> None:
        """Close the window, as somebody who closes a terminal does."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        environment = {**os.environ, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[int, int], Terminal]]:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is not installed, and under CI nothing may be left out")
        pytest.skip("tmux is not installed (Debian: tmux)")
    opened: list[Terminal] = []

    def open_terminal(columns: int = 80, lines: int = 24) -> Terminal:
        made = Terminal(tmp_path / f"tmux-{len(opened)}", columns, lines)
        opened.append(made)
        return made

    yield open_terminal
    for each in opened:
        each.close()


@pytest.fixture
def keydesk() -> str:
    return str(Path(sys.executable).parent / "keydesk")


@pytest.fixture
def processes_of() -> Callable[[Path], list[int]]:
    """The processes that work on a data directory."""

    def find(directory: Path) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(directory).encode() in command and b"python" in command and state != "Z":
                found.append(int(entry.name))
        return sorted(found)

    return find
