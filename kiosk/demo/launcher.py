"""`keydesk demo`: the central server, the sync agent and the app as three processes in one terminal.

This process starts, watches and stops them. The first start prepares the example members and enrols the kiosk; a
later one opens the app at once while the others start.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

import msgspec
from platformdirs import user_data_path

from hardware.disk import write_durably
from kiosk.demo.processes import Service, Terminal, end, run_in_terminal
from kiosk.demo.scenes import SCENES, Scene
from kiosk.text.catalogue import Catalogue, Language

MARKER = "keydesk-demo"
FIRST_PORT = 8765
_DRAWS = 20
KIOSK = "3"
READY_SECONDS = 60.0
# How long a demo whose terminal was closed just now may take to end.
ENDING_SECONDS = 10.0
NETWORK_SWITCH = "network-cut"
CLOCK_SHIFT = "clock-shift"

Text = Callable[..., str]


class DemoError(Exception):
    """The demo cannot start; the message is a sentence that says what to do."""


def default_directory() -> Path:
    """The demo's data directory."""
    return user_data_path("keydesk-demo", appauthor=False)


def run(directory: Path, *, fresh: bool, language: str, scene: Scene | None = None) -> int:
    """Run the demo until its app ends; the exit status. Raises DemoError."""
    text = Catalogue(Language(language)).text
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise DemoError(text("演示要在终端里运行，窗口至少 80×24"))
    _prepare(directory, text, fresh=fresh)
    terminal = Terminal()
    with _only_one(directory, text), _signals_raise():
        (directory / NETWORK_SWITCH).unlink(missing_ok=True)
        demo = _Demo(directory, language, scene)
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

    def __init__(self, directory: Path, language: str, scene: Scene | None) -> None:
        self.scene = scene
        self.directory = directory
        self.language = language
        self.text = Catalogue(Language(language)).text
        self._reserved = _free_port(directory, self.text)
        self.port = self._reserved.number
        self.services: list[Service] = []
        self.app: subprocess.Popen[bytes] | None = None
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> int:
        if (self.directory / "enrolled").exists():
            self._start_centre()
        else:
            self._begin()
        self._start(
            "agent", _python("sync.agent.command", "run", *self._agent_options(), "--exit-with-parent")
        )
        options = ["--data", str(self.directory), "--centre", self.address, "--language", self.language]
        if self.scene is not None:
            _say(self.text("正在布置这一幕：{scene}", scene=self.text(SCENES[self.scene])))
            options += ["--scene", self.scene.value]
        self.app = run_in_terminal(_python("kiosk.demo.app", *options), self.environment)
        return self.app.wait()

    def stop(self) -> None:
        for service in self.services:
            service.let_go()
        end(*([self.app] if self.app else []), *(service.process for service in self.services))
        self._reserved.holder.close()

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
                raise DemoError(self.text("中心没有启动，日志在 {log}", log=centre.log))
            if centre.said(self.address):  # another program may answer at the port meanwhile
                return
            time.sleep(0.1)
        raise DemoError(
            self.text(
                "中心 {seconds} 秒没有应答；机器忙的话，请再启动一次，日志在 {log}",
                seconds=round(READY_SECONDS),
                log=centre.log,
            )
        )

    def _begin(self) -> None:
        """Make the example keys and members, and enrol this kiosk with a one-time token."""
        _say(self.text("第一次启动，先准备示例会员和key盘："))
        steps, text = Steps(5, self.text), self.text
        with steps.step(text("启动中心，建数据库和根证书")):
            self._await_centre(self._start_centre())
        with steps.step(text("制作虚拟key盘")):
            from kiosk.demo import cards  # noqa: PLC0415 - only the first start needs the card's cryptography

            folder = self.directory / "cards"
            bound = cards.make(folder)
        with steps.step(text("登记示例会员、收费表和工作人员")):
            printed = self._centre_command("examples", "--kiosk", KIOSK, "--bound", "-", given=bound)
            examples = msgspec.json.decode(printed, type=cards.Examples)
            cards.complete(folder, examples.certificates)
        with steps.step(text("登记这台终端机")):
            options = [*self._agent_options()[:4], "--token", examples.enrol_token]
            self._command(_python("sync.agent.command", "enrol", *options))
        with steps.step(text("取回中心的数据")):
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
            last = (said.strip() or printed.strip() or "-").splitlines()[-1]
            raise DemoError(self.text("演示没有准备好：{last}。可加 --fresh 重新准备", last=last))
        return printed


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


class Steps:
    """What a long beginning is at: so many steps, each a line that is begun before it and ended with its time."""

    def __init__(
        self, total: int, text: Callable[..., str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._text = text
        self._monotonic = monotonic
        self._begun = 0

    @contextlib.contextmanager
    def step(self, sentence: str) -> Iterator[None]:
        """Say what begins, and once it is done how long it took."""
        self._begun += 1
        _write(f"  {self._begun}/{self._total} {sentence} ... ")
        began = self._monotonic()
        try:
            yield
        except BaseException:
            _write("\n")
            raise
        text, took = self._text, self._monotonic() - began
        _write(text("{seconds} 秒", seconds=f"{took:.1f}") + "\n")


def _say(sentence: str) -> None:
    _write(sentence + "\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _prepare(directory: Path, text: Text, *, fresh: bool) -> None:
    """Make the data directory, a new one when `fresh`; never touch one that is not the demo's."""
    marker = directory / MARKER
    if directory.exists() and any(directory.iterdir()) and not marker.exists():
        raise DemoError(text("{place} 里是别的东西，不是演示数据；请用 --data 另指目录", place=directory))
    if fresh and directory.exists():
        with _only_one(directory, text):
            shutil.rmtree(directory)
    (directory / "log").mkdir(parents=True, exist_ok=True)
    marker.touch()


@contextlib.contextmanager
def _only_one(directory: Path, text: Text) -> Iterator[None]:
    """Lock the data directory for this run, after the previous run has ended. Raises DemoError."""
    with (directory / MARKER).open("a+b") as lock:
        deadline = time.monotonic() + ENDING_SECONDS
        waiting = False
        while not _locked(lock):
            if not waiting:
                _say(text("上一个演示还没有退完，正在等它……"))
                waiting = True
            if time.monotonic() >= deadline:
                raise DemoError(
                    text("{place} 上已有一个演示在运行；先退出它，或用 --data 另指目录", place=directory)
                )
            time.sleep(0.1)
        yield


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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


class _Port(NamedTuple):
    """A port of this demo; `holder` keeps other demos of this machine from it until it is closed."""

    number: int
    holder: socket.socket


def _free_port(directory: Path, text: Text) -> _Port:
    """The port of the run before while it is free, else the next that is. Raises DemoError."""
    port_file = directory / "port"
    wanted = int(port_file.read_text()) if port_file.exists() else FIRST_PORT
    for port in (wanted, *range(FIRST_PORT, FIRST_PORT + 50), *([0] * _DRAWS)):
        chosen = _reserved(port)
        if chosen is not None:
            write_durably(port_file, str(chosen.number).encode())
            return chosen
    raise DemoError(text("127.0.0.1 上没有空闲的端口"))


def _reserved(port: int) -> _Port | None:
    """That port, or one that the system draws for 0, unless it is taken, or another demo is about to take it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        number = int(probe.getsockname()[1])
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(
                f"\0keydesk-demo-{number}"
            )  # a name without a file, which ends with the process, unix(7)
        except OSError:
            holder.close()
            return None
    return _Port(number, holder)
