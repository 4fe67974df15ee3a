"""`keydesk demo`: the central server, the sync agent and the app as three processes in one terminal.

This process only starts, watches and stops them. A warm start opens the app at once while the others come up; the
first start prepares the example members and enrols the kiosk before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import msgspec

from kiosk.demo.processes import Service, Terminal, end, run_in_terminal

MARKER = "keydesk-demo"
FIRST_PORT = 8765
KIOSK = "3"
READY_SECONDS = 60.0
NETWORK_SWITCH = "network-cut"
CLOCK_SHIFT = "clock-shift"


class DemoError(Exception):
    """The demo cannot start; the message is a sentence that says what to do."""


def default_directory() -> Path:
    """Where the demo keeps its data between runs."""
    return Path(os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "keydesk-demo"


def run(directory: Path, *, fresh: bool, language: str) -> int:
    """Run the demo until its app ends; the exit status. Raises DemoError."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise DemoError("the demo is a screen: run it in a terminal of at least 80×24")
    _prepare(directory, fresh=fresh)
    terminal = Terminal()
    with _only_one(directory), _signals_raise():
        demo = _Demo(directory, language)
        status = 1
        try:
            status = demo.run()
        except _Stopped as stopped:
            status = 128 + stopped.signal
        finally:
            demo.stop()
            terminal.restore(left_full_screen=status != 0)
    return status


class _Stopped(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.signal = number


class _Demo:
    """The three processes of one run."""

    def __init__(self, directory: Path, language: str) -> None:
        self.directory = directory
        self.language = language
        self.port = _free_port(directory)
        self.services: list[Service] = []
        self.app: subprocess.Popen[bytes] | None = None
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> int:
        first = not (self.directory / "enrolled").exists()
        if first:
            _say("第一次启动，正在准备示例会员 (first start: preparing example members) ...")
        centre = self._start_centre()
        if first:
            self._await_centre(centre)
            self._enrol()
        self._start(
            "agent", _python("sync.agent.command", "run", *self._agent_options(), "--exit-with-parent")
        )
        options = ["--data", str(self.directory), "--centre", self.address, "--language", self.language]
        self.app = run_in_terminal(_python("kiosk.demo.app", *options), self.environment)
        return self.app.wait()

    def stop(self) -> None:
        if self.app is not None:
            end(self.app)
        for service in reversed(self.services):
            service.stop()

    def _start_centre(self) -> Service:
        options = ["--data", str(self.directory / "centre"), "--host", "127.0.0.1", "--port", str(self.port)]
        return self._start("centre", _python("sync.central.command", "serve", *options, "--exit-with-parent"))

    def _start(self, name: str, command: list[str]) -> Service:
        service = Service(name, command, self.directory / "log" / f"{name}.log", self.environment)
        self.services.append(service)
        return service

    def _agent_options(self) -> list[str]:
        return [
            *("--data", str(self.directory)),
            *("--centre", self.address),
            *("--network-switch", str(self.directory / NETWORK_SWITCH)),
            *("--clock-shift", str(self.directory / CLOCK_SHIFT)),
        ]

    def _await_centre(self, centre: Service) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if centre.process.poll() is not None:
                raise DemoError(f"the central server did not start; its log is {centre.log}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.1)
        raise DemoError(f"the central server does not answer; its log is {centre.log}")

    def _enrol(self) -> None:
        """Make the example keys and members, and enrol this kiosk with a one-time token."""
        from kiosk.demo import cards  # noqa: PLC0415 - only the first start needs the card's cryptography

        bound = cards.make(self.directory / "cards")
        printed = self._centre_command("examples", "--kiosk", KIOSK, "--bound", "-", given=bound)
        examples = msgspec.json.decode(printed, type=cards.Examples)
        cards.complete(self.directory / "cards", examples.certificates)
        options = [*self._agent_options()[:4], "--token", examples.enrol_token]
        self._command(_python("sync.agent.command", "enrol", *options))
        self._command(_python("sync.agent.command", "once", *self._agent_options()))
        (self.directory / "enrolled").touch()

    def _centre_command(self, *arguments: str, given: bytes = b"") -> str:
        data = ["--data", str(self.directory / "centre")]
        return self._command(_python("sync.central.command", arguments[0], *data, *arguments[1:]), given)

    def _command(self, command: list[str], given: bytes = b"") -> str:
        ran = subprocess.run(command, check=False, capture_output=True, env=self.environment, input=given)
        printed, said = ran.stdout.decode(), ran.stderr.decode()
        with (self.directory / "log" / "setup.log").open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command[1:4])}\n{said}\n")
        if ran.returncode != 0:
            last = (said.strip() or printed.strip() or "no message").splitlines()[-1]
            raise DemoError(f"preparing the demo failed: {last} (try `make demo DEMO=--fresh`)")
        return printed


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def _prepare(directory: Path, *, fresh: bool) -> None:
    """Make the data directory, a new one when `fresh`; never touch one that is not the demo's."""
    marker = directory / MARKER
    if directory.exists() and any(directory.iterdir()) and not marker.exists():
        raise DemoError(f"{directory} holds something else than a demo; give another --data")
    if fresh and directory.exists():
        with _only_one(directory):
            shutil.rmtree(directory)
    (directory / "log").mkdir(parents=True, exist_ok=True)
    marker.touch()
    (directory / NETWORK_SWITCH).unlink(missing_ok=True)


@contextlib.contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the data directory for this run alone. Raises DemoError."""
    with (directory / MARKER).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(
                f"a demo is running already on {directory}; leave it first, or give another --data"
            ) from error
        yield


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn the signals that end a program into an exception, so that the children are stopped in order."""

    def stopped(number: int, frame: FrameType | None) -> None:
        del frame
        raise _Stopped(number)

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {number: signal.signal(number, stopped) for number in numbers}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port(directory: Path) -> int:
    """The port of the run before while it is free, else the next that is."""
    kept = directory / "port"
    wanted = int(kept.read_text()) if kept.exists() else FIRST_PORT
    for port in (wanted, *range(FIRST_PORT, FIRST_PORT + 50), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen = int(probe.getsockname()[1])
            kept.write_text(str(chosen))
            return chosen
    raise DemoError("no port is free on 127.0.0.1")
