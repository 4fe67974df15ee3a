"""HTTP servers on loopback that do what fronts, proxies, portals and broken servers do in a centre's place."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx2

BETWEEN_DRIPS = 0.01
DRIPS = 6000
"""After so many (a minute or more) a drip ends with a whole answer, so that nobody waits for ever."""


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[socket.socket, Asked], None]


class OddServer:
    """Takes one request a connection, and answers it as it is told, which may be changed between requests."""

    def __init__(self, answer: Answer, *, window: int = 0) -> None:
        self.answer = answer
        self.read_pause = 0.0
        self.asked: list[Asked] = []
        self.sizes: list[int] = []
        self._listener = socket.socket()
        if window:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            asked = self._read(line)
            self.asked.append(asked)
            self.answer(line, asked)

    def _read(self, line: socket.socket) -> Asked:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some(line)
        head, _, body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        size = int(headers.get("content-length", "0"))
        self.sizes.append(size)
        while len(body) < size:
            time.sleep(self.read_pause)
            body += self._some(line)
        method, target, _ = first.split(" ")
        return Asked(method, target, headers, body)

    @staticmethod
    def _some(line: socket.socket) -> bytes:
        data = line.recv(4096)
        if not data:
            raise ConnectionError
        return data


@contextlib.contextmanager
def serving(answer: Answer, *, window: int = 0) -> Iterator[OddServer]:
    """A server for as long as the `with` lasts."""
    made = OddServer(answer, window=window)
    try:
        yield made
    finally:
        made.close()


def whole(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """The bytes of an answer."""
    fields = {"content-length": str(len(body)), "connection": "close", **(headers or {})}
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def saying(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """Always the same answer."""
    return lambda line, _asked: line.sendall(whole(status, body, headers))


def page(status: int, **headers: str) -> Answer:
    """A page in HTML, as people get it."""
    fields = {"content-type": "text/html; charset=utf-8"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return saying(status, b"<!DOCTYPE html>\n<title>Said</title><p>Somebody in between says so.", fields)


def dripping_body(body: bytes) -> Answer:
    """An answer whose body begins with blanks that come one by one."""

    def drip(line: socket.socket, _asked: Asked) -> None:
        size = str(DRIPS + len(body))
        line.sendall(whole(200, headers={"content-length": size, "content-type": "application/json"}))
        for _ in range(DRIPS):
            line.sendall(b" ")
            time.sleep(BETWEEN_DRIPS)
        line.sendall(body)

    return drip


def dripping_head(body: bytes) -> Answer:
    """An answer whose header comes byte by byte."""

    def drip(line: socket.socket, _asked: Asked) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nX-Padding: ")
        for _ in range(DRIPS):
            line.sendall(b"x")
            time.sleep(BETWEEN_DRIPS)
        line.sendall(f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return drip


def promising(body: bytes) -> Answer:
    """One interim answer (RFC 9110, section 15.2) after another."""

    def drip(line: socket.socket, _asked: Asked) -> None:
        for _ in range(DRIPS // 10):
            line.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            time.sleep(BETWEEN_DRIPS * 10)
        line.sendall(whole(200, body))

    return drip


def steadily(body: bytes, piece: int, pause: float) -> Answer:
    """An answer in pieces with pauses between them."""

    def send(line: socket.socket, _asked: Asked) -> None:
        line.sendall(whole(200, headers={"content-length": str(len(body))}))
        for begin in itertools.count(0, piece):
            if begin >= len(body):
                return
            line.sendall(body[begin : begin + piece])
            time.sleep(pause)

    return send


def relaying(address: str) -> Answer:
    """What the server at that address answers, as a front hands it on."""

    def relay(line: socket.socket, asked: Asked) -> None:
        hop = {"connection", "content-length", "transfer-encoding"}
        kept = {name: value for name, value in asked.headers.items() if name not in hop}
        got = httpx2.request(
            asked.method,
            address + asked.target,
            content=asked.body,
            headers=kept,
            timeout=None,
            trust_env=False,
        )
        told = {name: value for name, value in got.headers.items() if name not in hop}
        line.sendall(whole(got.status_code, got.content, told))

    return relay
