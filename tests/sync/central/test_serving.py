"""The real server, over real HTTP on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.domain.feed import PaymentConfirmed
from kiosk.domain.versions import write_cursors
from sync.central.device.waiting import SLOTS
from sync.central.serving import THREADS
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from tests.support.kiosk_double import Answer, KioskDouble
from tests.support.processes import CentreProcess
from tests.support.waiting import ended, stretched, wait_until

pytestmark = pytest.mark.xdist_group("serving")
COMMAND = [sys.executable, "-m", "sync.central.command"]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=_environment()
    )


@contextlib.contextmanager
def _serving(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--data", str(data), "--port", "0", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def _pay(address: str) -> tuple[int, dict[str, Any]]:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    request = urllib.request.Request(address, data=b'{"action": "pay"}', headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
        return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Path:
    """A data directory with the examples in it, on which nobody works."""
    return CentreProcess.begin(tmp_path_factory.mktemp("data"), template).directory


@pytest.fixture(scope="module")
def server(served: CentreProcess) -> str:
    """The address of the server over them."""
    return served.address


def test_a_kiosk_works_over_http(live: KioskDouble, server: str) -> None:
    live.feed()
    placed = live.place()
    status, page = _pay(server + live.page_path(placed))
    assert (status, page["state"]) == (200, "paid")
    answer = live.pushed()
    assert answer.high_water == live.tip
    back = live.request("GET", f"{records.PATH_JOURNAL}?after=0").read(records.JournalPage)
    assert back.entries == tuple(each.data for each in live.entries)


def test_the_feed_answers_as_soon_as_there_is_news(live: KioskDouble, server: str) -> None:
    live.feed()
    placed = live.place()
    news: list[tuple[float, list[Any]]] = []

    def wait() -> None:
        began, told = time.monotonic(), list[Any]()
        # What others did before may still become news for all that serve members.
        while not any(isinstance(each, PaymentConfirmed) for each in told):
            began = time.monotonic()
            told = live.news(wait=records.MAXIMUM_WAIT)
        news.append((time.monotonic() - began, told))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    _pay(server + live.page_path(placed))
    ended(waiting)
    ((waited, told),) = news
    assert [each.order for each in told if isinstance(each, PaymentConfirmed)] == [placed.order]
    assert waited < records.MAXIMUM_WAIT  # it was answered before its time was up


def test_writers_at_once_all_get_through(live: KioskDouble, server: str) -> None:
    """Payments and a journal at the same time, on SQLite."""
    live.feed()
    bills = [live.place(account=str(11000001 + number)) for number in range(6)]
    answers: list[int] = []

    def pay(path: str) -> None:
        answers.append(_pay(server + path)[0])

    threads = [threading.Thread(target=pay, args=(live.page_path(bill),)) for bill in bills]
    for thread in threads:
        thread.start()
    uploaded = live.upload().status
    for thread in threads:
        thread.join()
    assert uploaded == 200
    assert set(answers) == {200}
    assert len(live.news()) >= len(bills)


def test_many_kiosks_that_wait_for_their_feed_leave_threads_for_payers(
    live: KioskDouble, server: str
) -> None:
    live.feed()
    while live.news(wait=2):  # what other kiosks did before still comes
        pass
    placed = live.place()
    newest, longest = write_cursors(live.cursors), min(round(stretched(6)), records.MAXIMUM_WAIT)
    answered: list[float] = []

    def wait() -> None:
        began = time.monotonic()
        assert live.request("GET", f"{records.PATH_FEED}?after={newest}&wait={longest}").status == 200
        answered.append(time.monotonic() - began)

    pollers = [threading.Thread(target=wait) for _ in range(THREADS + 8)]
    for each in pollers:
        each.start()
    # whoever found no place was answered at once
    wait_until(lambda: len(answered) >= THREADS + 8 - SLOTS)
    with urllib.request.urlopen(server + live.page_path(placed)) as page:  # noqa: S310 - loopback
        assert page.status == 200
    assert len(answered) == THREADS + 8 - SLOTS  # the others wait still
    for each in pollers:
        ended(each)
    assert len(answered) == THREADS + 8
    assert sorted(answered)[-SLOTS] > longest - 1  # as long as they liked


def test_a_body_that_announces_too_much_is_refused_unread(live: KioskDouble) -> None:
    def send_headers_alone(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        address = urllib.parse.urlsplit(url)
        with contextlib.closing(http.client.HTTPConnection(address.netloc)) as connection:
            connection.putrequest(method, address.path)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.read())

    live.send = send_headers_alone
    answer = live.request("POST", records.PATH_JOURNAL, bytes(2 * 1024 * 1024))
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)


def test_a_busy_port_is_a_plain_error(server: str, tmp_path: Path) -> None:
    port = server.rsplit(":", 1)[1]
    refused = _run("serve", "--data", str(tmp_path / "another"), "--port", port)
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("first", [True, False])
def test_djangos_own_commands_take_the_data_directory_too(tmp_path: Path, *, first: bool) -> None:
    place, command = ("--data", str(tmp_path / "centre")), ("migrate", "contenttypes", "--verbosity", "0")
    made = _run(*(place + command if first else command + place))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "centre" / "central.sqlite3").exists()


def test_a_wrong_configuration_is_a_plain_error_to_djangos_own_commands_too(tmp_path: Path) -> None:
    refused = _run("migrate", "--config", str(tmp_path / "none.toml"))
    assert refused.returncode == 1
    assert "none.toml" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_ends_with_its_input(data: Path) -> None:
    with _serving(data, "--exit-with-parent") as (process, address):
        workers = _children(process.pid)
        assert workers
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0
        wait_until(lambda: all(_gone(worker) for worker in workers), "no worker is left")
        host, port = address.removeprefix("http://").split(":")
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_leaves_no_worker(data: Path, number: signal.Signals) -> None:
    with _serving(data) as (process, _):
        workers = _children(process.pid)
        process.send_signal(number)
        process.wait()
        wait_until(lambda: all(_gone(worker) for worker in workers), "no worker is left")


_WORKER = """
import os, sys, time
while os.getppid() == int(os.environ["KEYDESK_CENTRAL_PARENT"]):
    time.sleep(0.01)
from sync.central.serving import end_with_parent
end_with_parent()
print("left behind")
"""
_PARENT = """
import os, subprocess, sys
os.environ["KEYDESK_CENTRAL_PARENT"] = str(os.getpid())
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
"""


def test_a_worker_that_starts_while_its_server_dies_ends_too() -> None:
    # The worker holds the pipe's other end: what is read ends when it has ended.
    done = subprocess.run(
        [sys.executable, "-c", _PARENT, _WORKER], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == ""


# With a `threading.Event` a handler waits for the lock that the interrupted `wait` or `clear` holds.
_INTERRUPTED_WAITS = """
import signal
from sync.central.serving import _Interrupt

interrupt = _Interrupt()
signal.signal(signal.SIGALRM, lambda *_: interrupt.set())
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
for _ in range(5000):
    interrupt.wait()
    interrupt.clear()
signal.setitimer(signal.ITIMER_REAL, 0)
print("came through")
"""


def test_a_signal_handler_wakes_the_server_whatever_it_interrupts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_WAITS],
        check=True,
        capture_output=True,
        text=True,
        timeout=stretched(60),
        env=_environment(),
    )

    assert done.stdout == "came through\n"
