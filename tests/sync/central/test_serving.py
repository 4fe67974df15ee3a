"""The real server, over real HTTP on loopback."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.protocol import records
from sync.protocol.errors import ProblemCode

NUMBERS = itertools.count(10)  # a kiosk of its own for every test
COMMAND = [sys.executable, "-m", "sync.central.command"]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYDESK_CENTRAL_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, env=_environment()
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
        process.wait(timeout=10)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _gone(pid: int, within: float = 5.0) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def _pay(address: str) -> tuple[int, dict[str, Any]]:
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    request = urllib.request.Request(address, data=b'{"action": "pay"}', headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
        return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the examples in it."""
    directory = tmp_path_factory.mktemp("central")
    made = _run("examples", "--data", str(directory))
    assert made.returncode == 0, made.stderr
    (directory / "examples.json").write_text(made.stdout, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[str]:
    with _serving(data) as (_, address):
        assert address.startswith("http://127.0.0.1:")
        yield address


@pytest.fixture
def live(server: str, data: Path, new_kiosk: Any, http_send: Any) -> Any:
    """A kiosk that talks to the server over HTTP."""
    number = next(NUMBERS)
    given = _run("enrol-token", "--data", str(data), "--kiosk", str(number), "--json")
    double = new_kiosk(number, send=http_send, base=server)
    return double.enrol(json.loads(given.stdout)["token"])


def test_a_kiosk_works_over_http(live: Any, server: str) -> None:
    live.feed()
    placed = live.place()
    status, page = _pay(server + live.page_path(placed))
    assert (status, page["state"]) == (200, "paid")
    answer = live.pushed()
    assert answer.high_water == live.tip
    back = live.request("GET", f"{records.PATH_JOURNAL}?after=0").read(records.JournalPage)
    assert back.entries == tuple(each.data for each in live.entries)


def test_the_feed_answers_as_soon_as_there_is_news(live: Any, server: str) -> None:
    live.feed()
    placed = live.place()
    news: list[tuple[float, list[Any]]] = []

    def wait() -> None:
        news.append((time.monotonic(), live.feed(live.feed_cursor, wait=20)))
        news.append((time.monotonic(), []))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    paid = time.monotonic()
    _pay(server + live.page_path(placed))
    waiting.join(timeout=20)
    assert [each.order for each in news[0][1]] == [placed.order]
    assert news[1][0] - paid < 2


def test_writers_at_once_all_get_through(live: Any, server: str) -> None:
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
    assert len(live.feed(live.feed_cursor)) >= len(bills)


def test_a_body_that_announces_too_much_is_refused_unread(live: Any) -> None:
    answer = live.request("POST", records.PATH_JOURNAL, bytes(2 * 1024 * 1024))
    assert (answer.status, answer.problem.code) == (413, ProblemCode.BODY_TOO_LARGE)


def test_a_busy_port_is_a_plain_error(server: str, data: Path) -> None:
    port = server.rsplit(":", 1)[1]
    refused = _run("serve", "--data", str(data), "--port", port)
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_ends_with_its_input(data: Path) -> None:
    with _serving(data, "--exit-with-parent") as (process, address):
        workers = _children(process.pid)
        assert workers
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert all(_gone(worker) for worker in workers)
        host, port = address.removeprefix("http://").split(":")
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_leaves_no_worker(data: Path, number: signal.Signals) -> None:
    with _serving(data) as (process, _):
        workers = _children(process.pid)
        process.send_signal(number)
        process.wait(timeout=10)
        assert all(_gone(worker) for worker in workers)


def test_a_warm_start_is_quick(data: Path) -> None:
    began = time.monotonic()
    with _serving(data):
        assert time.monotonic() - began < 6  # 0.7 s alone on the machine; others work on it too


def test_the_examples_are_made_once(data: Path) -> None:
    first = json.loads((data / "examples.json").read_text(encoding="utf-8"))
    again = json.loads(_run("examples", "--data", str(data)).stdout)
    assert first["accounts"] == again["accounts"]
    assert len(first["accounts"]) == 7
    assert first["console"] == ["admin", "Keydesk-admin"]


def test_keys_are_readable_by_their_owner_alone(data: Path) -> None:
    for name in ("root.key", "exchange.key", "centre.key", "seal.key", "django.key"):
        assert (data / name).stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o077 == 0


def test_an_unknown_configuration_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text('dta = "/tmp"\n', encoding="utf-8")
    refused = _run("serve", "--config", str(file), "--data", str(tmp_path / "d"))
    assert refused.returncode == 1
    assert "dta" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_example_configuration_holds_every_key_with_its_default() -> None:
    import tomllib  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from sync.central import configuration  # noqa: PLC0415

    file = Path(configuration.__file__).with_name("example.toml")
    written = tomllib.loads(file.read_text(encoding="utf-8"))
    assert msgspec.convert(written, configuration.CentreConfiguration) == configuration.CentreConfiguration()
    assert set(written) == set(configuration.CentreConfiguration.__struct_fields__)


def test_djangos_own_commands_pass_through(data: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**_environment(), "KEYDESK_CENTRAL_DATA": str(data)},
    )
    assert done.returncode == 0, done.stderr


def test_the_migrations_are_those_of_the_models(data: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "makemigrations", "--check", "--dry-run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**_environment(), "KEYDESK_CENTRAL_DATA": str(data)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_damaged_keys_are_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "centre.key").write_bytes(b"short")
    refused = _run("enrol-token", "--data", str(tmp_path), "--kiosk", "3")
    assert refused.returncode == 1
    assert "backup" in refused.stderr
    assert "Traceback" not in refused.stderr
