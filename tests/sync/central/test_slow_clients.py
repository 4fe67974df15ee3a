"""The real server under clients that are slow, silent or without end: kiosks, payers and staff notice nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.protocol import records
from tests.support.kiosk_double import Answer, KioskDouble, http_send
from tests.support.processes import FIRST_KIOSK, CentreProcess
from tests.support.waiting import ended, wait_until

pytestmark = pytest.mark.xdist_group("serving")
MANY = 200
SECONDS = 60
"""How long they stay, as the product's promise has it; nothing is asserted about how long anything takes."""
POST = f"POST {records.PATH_HEARTBEAT} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
GET = b"GET /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"

Drip = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[CentreProcess]:
    """A server of its own."""
    made = CentreProcess.begin(tmp_path_factory.mktemp("attacked"), template)
    made.start("--no-applier")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def kiosk(attacked: CentreProcess) -> KioskDouble:
    return KioskDouble(FIRST_KIOSK, send=http_send, base=attacked.address).enrol(attacked.tokens[FIRST_KIOSK])


def _connected(centre: CentreProcess, receive_buffer: int = 0) -> socket.socket:
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.connect(("127.0.0.1", centre.port))
    return made


def _ended(connection: socket.socket) -> bool:
    """Whether the server ended it; whatever it said before is read."""
    connection.settimeout(0)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _given_up(connection: socket.socket) -> bool:
    """Whether the server gave up a connection from which nothing is read."""
    try:
        connection.send(b"\r\n")
    except OSError:
        return True
    return False


def _beat(kiosk: KioskDouble) -> int:
    beat = records.Heartbeat(None, 0, {}, kiosk.now())
    return kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(beat)).status


def _console(centre: CentreProcess) -> int:
    with urllib.request.urlopen(f"{centre.address}/admin/login/") as page:  # noqa: S310 - loopback
        return int(page.status)


def _silent(_connection: socket.socket) -> None:
    """Connect and say nothing."""


def _half_a_head(connection: socket.socket) -> None:
    connection.sendall(POST[:-8])


def _no_body(connection: socket.socket) -> None:
    connection.sendall(POST + b"Content-Length: 4000\r\n\r\n")


def _half_a_body(connection: socket.socket) -> None:
    connection.sendall(POST + b"Content-Length: 4000\r\n\r\n" + bytes(2000))


def _half_a_chunk(connection: socket.socket) -> None:
    connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n400\r\nabc")


def _http_2(connection: socket.socket) -> None:
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


def _nobody_reads(connection: socket.socket) -> None:
    """Ask for many large answers at once, and read none."""
    connection.sendall(
        (b"GET /static/admin/js/vendor/jquery/jquery.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") * 20
    )


def _idle(connection: socket.socket) -> None:
    connection.sendall(GET + b"\r\n")
    assert connection.recv(1) == b"H"


@pytest.mark.long
def test_two_hundred_unfinished_posts_for_a_minute_hold_up_nobody(
    attacked: CentreProcess, kiosk: KioskDouble
) -> None:
    stop = threading.Event()

    def hold(connection: socket.socket) -> None:
        while not stop.wait(0.5):
            try:
                connection.sendall(b"x")
            except OSError:
                connection.close()
                connection = _connected(attacked)
                _no_body(connection)
        connection.close()

    held = [_connected(attacked) for _ in range(MANY)]
    for each in held:
        _no_body(each)
    threads = [threading.Thread(target=hold, args=(each,)) for each in held]
    for thread in threads:
        thread.start()
    unread = [_connected(attacked, 4096) for _ in range(MANY // 4)]
    for each in unread:
        _nobody_reads(each)
    asked = 0
    until = time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            assert _beat(kiosk) == 200
            assert _console(attacked) == 200
            asked += 1
            time.sleep(0.5)
        wait_until(lambda: all(map(_given_up, unread)), "answers that nobody reads are given up", seconds=180)
    finally:
        for each in unread:
            each.close()
        stop.set()
        for thread in threads:
            ended(thread)
    assert asked > 0


UNFINISHED = (
    _silent, _half_a_head, _no_body, _half_a_body, _half_a_chunk, _http_2, _idle,
)  # fmt: skip


def test_whatever_is_left_unfinished_holds_up_nobody_and_is_ended(
    attacked: CentreProcess, kiosk: KioskDouble
) -> None:
    with contextlib.ExitStack() as stack:
        held: list[tuple[str, socket.socket]] = []
        for attack in UNFINISHED:
            for _ in range(MANY // 4):  # of each kind more than the server has threads
                held.append((attack.__name__, stack.enter_context(_connected(attacked))))
                attack(held[-1][1])
        assert _beat(kiosk) == 200
        assert _console(attacked) == 200

        def still_there() -> set[str]:
            held[:] = [(name, each) for name, each in held if not _ended(each)]
            return {name for name, _ in held}

        wait_until(lambda: not still_there(), "the server ends them all", seconds=180)


def _steadily(sent: Callable[[int], bytes]) -> Drip:
    """Send without an end, a little at a time."""

    def drip(connection: socket.socket) -> None:
        number = 0
        while True:
            connection.sendall(sent(number))
            number += 1
            time.sleep(0.2)

    return drip


def _flood(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


DRIPS = {
    "head": (GET, _steadily(lambda number: b"X-%d: 1\r\n" % number)),
    "body": (POST + b"Content-Length: 4000\r\n\r\n", _steadily(lambda _: b"x")),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", _steadily(lambda _: b"1\r\nx\r\n")),
    "chunks without an end": (POST + b"Transfer-Encoding: chunked\r\n\r\n", _flood),
    "a huge length": (POST + b"Content-Length: 99999999999\r\n\r\n", _steadily(lambda _: bytes(4096))),
}


def test_what_drips_or_never_ends_is_ended_by_the_server(attacked: CentreProcess, kiosk: KioskDouble) -> None:
    def attack(begin: bytes, drip: Drip) -> None:
        with _connected(attacked) as connection, contextlib.suppress(OSError):
            connection.sendall(begin)
            drip(connection)

    threads = [
        threading.Thread(target=attack, args=given, name=kind)
        for kind, given in DRIPS.items()
        for _ in range(MANY // 5)
    ]
    for thread in threads:
        thread.start()
    assert _beat(kiosk) == 200
    assert _console(attacked) == 200
    wait_until(
        lambda: not {each.name for each in threads if each.is_alive()}, "the server ends them", seconds=180
    )


def test_a_chunked_body_is_read_as_one_that_says_its_length(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_chunked(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = iter([body[:10], body[10:]])
        request = urllib.request.Request(url, data=parts, headers=headers, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
            return Answer(response.status, response.read())

    monkeypatch.setattr(kiosk, "send", send_chunked)
    assert _beat(kiosk) == 200
