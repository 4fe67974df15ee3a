"""The agent's connections to servers on loopback that are slow in every way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpcore2
import httpx2
import pytest

from kiosk.pki.device_keys import generate_device_key
from sync.agent.centre_client import CentreClient, Credentials
from sync.agent.errors import CentreUnreachable
from sync.agent.line.pace import LEAST_BYTES_A_SECOND
from sync.agent.line.tls import ssl_context
from sync.agent.line.transport import LineTransport, PacedBackend
from sync.protocol.records import CentreDescription, encode
from tests.support.odd_servers import (
    Answer,
    OddServer,
    dripping_body,
    dripping_head,
    promising,
    saying,
    serving,
    steadily,
)
from tests.support.waiting import wait_event

DESCRIPTION = CentreDescription(version=1, organisation="示例", centre_key=bytes(32), time=7)
BODY = encode(DESCRIPTION)
PATIENCE = 1.0
STEADY_PATIENCE = 3.0
LARGE = 256 * 1024


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def client(server: OddServer, stack: ExitStack, patience: float = PATIENCE) -> CentreClient:
    credentials = Credentials(3, generate_device_key())
    transport = LineTransport(ssl_context(None))
    made = CentreClient(server.address, credentials, lambda: 0, lambda _: False, transport, patience)
    return stack.enter_context(made)


@pytest.mark.parametrize(
    "drip", [dripping_body(BODY), dripping_head(BODY), promising(BODY)], ids=["body", "head", "interim"]
)
def test_an_answer_that_drips_ends_as_none_at_all_does(drip: Answer, stack: ExitStack) -> None:
    server = stack.enter_context(serving(drip))
    with pytest.raises(CentreUnreachable, match=str(LEAST_BYTES_A_SECOND)):
        client(server, stack).describe()


def test_a_server_that_says_nothing_is_given_up(stack: ExitStack) -> None:
    ended = threading.Event()
    stack.callback(ended.set)
    server = stack.enter_context(serving(lambda _line, _asked: wait_event(ended)))
    with pytest.raises(CentreUnreachable, match="ReadTimeout"):
        client(server, stack).describe()


def test_an_answer_that_comes_slowly_and_steadily_is_waited_for(stack: ExitStack) -> None:
    """It takes three times as long as the patience."""
    body = BODY + b" " * LARGE
    pieces = int(3 * STEADY_PATIENCE / 0.1)
    server = stack.enter_context(serving(steadily(body, len(body) // pieces, 0.1)))
    assert client(server, stack, STEADY_PATIENCE).describe() == DESCRIPTION


def test_what_a_slow_line_has_still_to_send_is_no_silence(stack: ExitStack) -> None:
    """The system takes the whole body at once; the other end gets it slowly and answers only then."""
    server = stack.enter_context(serving(saying(200, BODY), window=8192))
    server.read_pause = 0.1  # at most 4096 bytes each
    request = httpx2.Request("POST", server.address, content=bytes(LARGE))
    request.extensions = {"timeout": httpx2.Timeout(STEADY_PATIENCE).as_dict()}
    transport = stack.enter_context(LineTransport(ssl_context(None)))
    assert transport.handle_request(request).read() == BODY
    assert len(server.asked[0].body) == LARGE


def test_what_is_refused_before_it_was_sent_is_told_by_the_refusal(stack: ExitStack) -> None:
    """A front says that it is too large, and reads no more."""
    ended = threading.Event()
    stack.callback(ended.set)

    def serve(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line:
            line.recv(100)
            line.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
            ended.wait()

    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    request = httpx2.Request(
        "POST", f"http://127.0.0.1:{listener.getsockname()[1]}", content=bytes(32 * 1024 * 1024)
    )
    request.extensions = {"timeout": httpx2.Timeout(PATIENCE).as_dict()}
    transport = stack.enter_context(LineTransport(ssl_context(None)))
    assert transport.handle_request(request).status_code == 413


def test_each_exchange_of_a_connection_has_its_patience_anew(stack: ExitStack) -> None:
    def twice(line: socket.socket, _asked: Any) -> None:
        for _ in range(2):
            line.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(BODY)}\r\n\r\n".encode() + BODY)
            line.recv(65536)

    server = stack.enter_context(serving(twice))
    asking = client(server, stack)
    assert [asking.describe() for _ in range(2)] == [DESCRIPTION] * 2
    assert len(server.asked) == 1


class Addresses(httpcore2.NetworkBackend):
    """A host with two addresses, at whose first nobody answers."""

    def __init__(self) -> None:
        self._system = httpcore2.SyncBackend()
        self.tried: list[str] = []

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *more: object, **keywords: object
    ) -> httpcore2.NetworkStream:
        del more, keywords
        self.tried.append(host)
        if host == "192.0.2.1":
            raise httpcore2.ConnectTimeout("timed out")
        return self._system.connect_tcp("127.0.0.1", port, timeout)


@pytest.mark.parametrize(("limit", "tried"), [(10.0, ["192.0.2.1", "192.0.2.2"]), (0.0, ["192.0.2.1"])])
def test_all_addresses_of_a_host_are_tried_within_one_limit(
    limit: float, tried: list[str], stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stack.enter_context(serving(saying(200, BODY)))
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, server.port))
        for each in ("192.0.2.1", "192.0.2.2")
    ]
    addresses = Addresses()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    # It would look the name up again.
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())
    if limit:
        PacedBackend(addresses).connect_tcp("centre.example", server.port, limit).close()
    else:
        with pytest.raises(httpcore2.ConnectTimeout):
            PacedBackend(addresses).connect_tcp("centre.example", server.port, limit)
    assert addresses.tried == tried


def test_a_host_without_an_address_is_the_centre_out_of_reach(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_arguments: object, **_keywords: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    server = stack.enter_context(serving(saying(200, BODY)))
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CentreUnreachable, match="not known"):
        client(server, stack).describe()
