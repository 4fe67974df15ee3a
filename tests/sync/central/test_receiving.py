"""How requests are received before a thread is taken: limits, deadlines, and what the application is given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from sync.central.receiving import Limits, Receiver
from sync.protocol.errors import ProblemCode, read_problem
from tests.support.values import present

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from asgiref.typing import ASGIReceiveEvent, ASGISendEvent, HTTPScope

LIMITS = Limits(body=1000, seconds=600.0, held=1500, waiting=1)


def _scope(
    address: str = "10.0.0.1", headers: Iterable[tuple[bytes, bytes]] = (), **changed: object
) -> HTTPScope:
    given = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v",
        "raw_path": b"/v",
        "query_string": b"",
        "headers": list(headers),
        "client": (address, 4000),
        "server": ("127.0.0.1", 8000),
        **changed,
    }
    return cast("HTTPScope", given)


def _length(size: int) -> list[tuple[bytes, bytes]]:
    return [(b"content-length", str(size).encode())]


def _echo(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environment["CONTENT_LENGTH"].encode(), b":", environment["wsgi.input"].read()]


class _Client:
    """One request: its parts are sent by the test, its answer is kept."""

    def __init__(self, receiver: Receiver, scope: HTTPScope) -> None:
        self.parts: asyncio.Queue[ASGIReceiveEvent] = asyncio.Queue()
        self.told: list[Any] = []
        self.task = asyncio.create_task(self._ask(receiver, scope))

    async def _ask(self, receiver: Receiver, scope: HTTPScope) -> None:
        await receiver(scope, self._receive, self._send)

    async def _receive(self) -> ASGIReceiveEvent:
        part = await self.parts.get()
        self.parts.task_done()
        return part

    async def _send(self, event: ASGISendEvent) -> None:
        self.told.append(event)

    async def send(self, part: bytes, *, more: bool = True) -> None:
        """Send a part, and let the receiver take it."""
        self.parts.put_nowait({"type": "http.request", "body": part, "more_body": more})
        await self.parts.join()

    async def answer(self) -> tuple[int, bytes]:
        await self.task
        start, body = self.told
        return start["status"], body["body"]


async def test_a_body_in_parts_is_given_whole() -> None:
    client = _Client(Receiver(_echo, 1, LIMITS), _scope(headers=_length(6)))
    await client.send(b"abc")
    await client.send(b"def", more=False)
    assert await client.answer() == (200, b"6:abcdef")


async def test_a_body_that_does_not_say_its_length_is_given_with_it() -> None:
    client = _Client(Receiver(_echo, 1, LIMITS), _scope(headers=[(b"transfer-encoding", b"chunked")]))
    await client.send(b"abc", more=False)
    assert await client.answer() == (200, b"3:abc")


async def test_a_body_over_the_limit_is_not_read_and_the_application_is_told_its_length() -> None:
    receiver = Receiver(_echo, 1, LIMITS)
    assert await _Client(receiver, _scope(headers=_length(1001))).answer() == (200, b"1001:")
    endless = _Client(receiver, _scope(headers=[(b"transfer-encoding", b"chunked")]))
    await endless.send(bytes(600))
    await endless.send(bytes(600))
    assert await endless.answer() == (200, b"1200:")


async def test_a_body_that_does_not_come_in_time_is_refused_and_takes_no_thread() -> None:
    def never(_environment: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
        raise AssertionError

    client = _Client(Receiver(never, 1, Limits(seconds=0.01)), _scope(headers=_length(6)))
    status, _ = await client.answer()
    assert status == 408
    assert (b"connection", b"close") in client.told[0]["headers"]


async def test_what_came_moves_the_deadline() -> None:
    client = _Client(Receiver(_echo, 1, Limits(seconds=0.5, pace=1)), _scope(headers=_length(10_003)))
    await client.send(bytes(10_000))
    await asyncio.sleep(1.0)
    await client.send(b"abc", more=False)
    assert (await client.answer())[0] == 200


async def test_a_client_that_went_away_is_told_nothing() -> None:
    client = _Client(Receiver(_echo, 1, LIMITS), _scope(headers=_length(6)))
    client.parts.put_nowait({"type": "http.disconnect"})
    await client.task
    assert client.told == []


async def test_the_address_that_holds_the_most_loses_its_oldest_body_and_others_lose_none() -> None:
    receiver = Receiver(_echo, 4, LIMITS)
    kiosk = _Client(receiver, _scope("10.0.0.2", _length(600)))
    await kiosk.send(bytes(500))
    hostile = [_Client(receiver, _scope("10.0.0.9", _length(900))) for _ in range(2)]
    for each in hostile:
        await each.send(bytes(450))
    assert not any(each.task.done() for each in hostile)
    await hostile[1].send(bytes(200))
    status, _ = await hostile[0].answer()
    assert (status, (b"retry-after", b"5") in hostile[0].told[0]["headers"]) == (503, True)
    await kiosk.send(bytes(100), more=False)
    assert (await kiosk.answer())[0] == 200
    await hostile[1].send(bytes(250), more=False)
    assert (await hostile[1].answer())[0] == 200, "room was made"


async def test_whole_requests_beyond_those_that_may_wait_are_told_to_come_again() -> None:
    go = threading.Event()

    def slow(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        go.wait()
        return _echo(environment, start_response)

    receiver = Receiver(slow, 1, LIMITS)
    taken = [_Client(receiver, _scope()) for _ in range(2)]
    await asyncio.sleep(0)
    status, body = await _Client(receiver, _scope()).answer()
    assert (status, present(read_problem(body)).code) == (503, ProblemCode.BUSY)
    go.set()
    assert [await each.answer() for each in taken] == [(200, b"0:")] * 2
    assert (await _Client(receiver, _scope()).answer())[0] == 200


async def _environment(scope: HTTPScope) -> WSGIEnvironment:
    seen: list[WSGIEnvironment] = []

    def look(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environment)
        return _echo(environment, start_response)

    await _Client(Receiver(look, 1, LIMITS), scope).answer()
    return seen[0]


async def test_the_application_is_given_the_request_as_it_came() -> None:
    headers = [
        (b"host", b"desk.example.cn"),
        (b"content-type", b"text/plain"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-twice", b"1"),
        (b"x-twice", b"2"),
        (b"x_twice", b"3"),
        (b"content_length", b"9"),
    ]
    scope = _scope(headers=headers, method="GET", raw_path=b"/P/%E4%B8%AD%FF", query_string=b"after=1%2C2")
    found = await _environment(scope)
    assert found["PATH_INFO"].encode("latin-1") == b"/P/\xe4\xb8\xad\xff"
    assert (found["REQUEST_METHOD"], found["QUERY_STRING"]) == ("GET", "after=1%2C2")
    assert (found["HTTP_HOST"], found["REMOTE_ADDR"]) == ("desk.example.cn", "10.0.0.1")
    assert (found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("text/plain", "0")
    assert (found["HTTP_COOKIE"], found["HTTP_X_TWICE"]) == ("a=1; b=2", "1,2")


async def test_an_answer_is_collected_and_closed_in_the_thread() -> None:
    closed: list[bool] = []

    class Parts(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def streaming(_environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write: Callable[[bytes], object] = start_response("200 OK", [])
        write(b"a")
        return Parts([b"b", b"c"])

    assert await _Client(Receiver(streaming, 1, LIMITS), _scope()).answer() == (200, b"abc")
    assert closed == [True]


async def test_something_is_done_before_the_first_request_and_not_again() -> None:
    done: list[int] = []
    receiver = Receiver(_echo, 1, LIMITS, at_first=lambda: done.append(1))
    assert done == []
    for _ in range(2):
        await _Client(receiver, _scope()).answer()
    assert done == [1]
