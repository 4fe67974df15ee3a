"""Requests are received whole, in one event loop, before a thread works on them; and answers are sent without one.

Outside it is an ASGI application, for a server that reads heads and sends answers by itself (granian); within runs a WSGI
application in a few threads. So a body that comes slowly, or never ends, holds a connection and nothing else. A body has
a deadline that moves with what came; all unfinished bodies together have a limit in memory, beyond which the address that
holds the most loses its oldest. No number of requests an address is limited: kiosks behind one NAT have one address.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from sync.protocol import records
from sync.protocol.batches import MAXIMUM_PACKED
from sync.protocol.errors import PROBLEM_MEDIA_TYPE, Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

RETRY_AFTER = b"5"  # seconds
_TEXT = b"text/plain; charset=utf-8"
_LENGTH, _CHUNKED = b"content-length", b"transfer-encoding"
_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}  # PEP 3333: without HTTP_
_OF_THE_CONNECTION = {"transfer-encoding", "content-length"}  # the body is whole; its length is known


class Limits(msgspec.Struct, frozen=True):
    """How much is received, and how slowly."""

    body: int = MAXIMUM_PACKED
    """Bytes; a larger body is not read, and the view that it is for says so."""
    seconds: float = 20.0
    """For a body that says nothing; `pace` more bytes are worth one second more."""
    pace: int = 2048
    held: int = 64 * 1024 * 1024
    """Bytes of all unfinished bodies together."""
    waiting: int = 256
    """Whole requests that may wait for a thread; whatever comes then is told to come again."""


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Receiver:
    """The ASGI application: receives for the WSGI application, which answers in `threads` threads.

    `at_first` is called before the first request is received.
    """

    def __init__(
        self,
        application: WSGIApplication,
        threads: int,
        limits: Limits | None = None,
        *,
        at_first: Callable[[], None] | None = None,
    ) -> None:
        self._application = application
        self._threads = threads
        self._limits = limits or Limits()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="centre")
        self._bodies = _Bodies(self._limits)
        self._asked = 0
        self._at_first = at_first

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Receive one request and answer it."""
        if scope["type"] != "http":
            return
        if self._at_first is not None:
            begin, self._at_first = self._at_first, None
            begin()
        try:
            length, body = await self._bodies.receive(scope, receive)
        except _ClientGone:
            return
        except _BodyCut as cut:
            await _send(_refusal(cut.status), send)
            return
        if self._asked >= self._threads + self._limits.waiting:
            await _send(_refusal(HTTPStatus.SERVICE_UNAVAILABLE), send)
            return
        self._asked += 1
        try:
            loop, environment = asyncio.get_running_loop(), _environment(scope, length, body)
            answer = await loop.run_in_executor(self._pool, _answered, self._application, environment)
        finally:
            self._asked -= 1
        await _send(answer, send)


class _ClientGone(Exception):
    """The connection ended before the body did."""


class _BodyCut(Exception):
    """The body did not come in time, or has to give way."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class _Unfinished:
    """A body that is being received; `deadline` ends it."""

    def __init__(self, address: str, deadline: asyncio.Timeout, began: float) -> None:
        self.address, self.deadline, self.began = address, deadline, began
        self.parts: list[bytes] = []
        self.size = 0
        self.gives_way = False


class _Bodies:
    """All bodies that are being received, oldest first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._unfinished: dict[_Unfinished, None] = {}
        self._held = 0

    async def receive(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> tuple[int, bytes]:
        """The length of a body, and the body; empty where it has, or announces, more than the limit.

        Raises _ClientGone, _BodyCut.
        """
        announced = _announced(scope)
        if announced is None or announced == 0 or announced > self._limits.body:
            return announced or 0, b""
        loop = asyncio.get_running_loop()
        began = loop.time()
        client = scope["client"]
        try:
            async with asyncio.timeout_at(began + self._limits.seconds) as deadline:
                body = _Unfinished("" if client is None else client[0], deadline, began)
                self._unfinished[body] = None
                try:
                    await self._fill(body, receive)
                finally:
                    del self._unfinished[body]
                    self._held -= body.size
        except TimeoutError as error:
            late = HTTPStatus.SERVICE_UNAVAILABLE if body.gives_way else HTTPStatus.REQUEST_TIMEOUT
            raise _BodyCut(late) from error
        return body.size, b"".join(body.parts) if body.size <= self._limits.body else b""

    async def _fill(self, body: _Unfinished, receive: ASGIReceiveCallable) -> None:
        more = True
        while more and body.size <= self._limits.body:
            message = await receive()
            if message["type"] != "http.request":
                raise _ClientGone
            part, more = message["body"], message["more_body"]
            body.parts.append(part)
            body.size += len(part)
            self._held += len(part)
            if not body.gives_way:
                body.deadline.reschedule(body.began + self._limits.seconds + body.size / self._limits.pace)
            if self._held > self._limits.held:
                self._make_room()

    def _make_room(self) -> None:
        """End the oldest body of the address that holds the most."""
        staying = [each for each in self._unfinished if not each.gives_way]
        held: dict[str, int] = {}
        for each in staying:
            held[each.address] = held.get(each.address, 0) + each.size
        if not held:
            return
        most = max(held, key=lambda address: held[address])
        oldest = next(each for each in staying if each.address == most)
        oldest.gives_way = True
        oldest.deadline.reschedule(oldest.began)


def _announced(scope: HTTPScope) -> int | None:
    """The length of the body by its head; None where there is none, and 1 where only its end will tell."""
    length = None
    for name, value in scope["headers"]:
        if name == _CHUNKED:
            return 1
        if name == _LENGTH:
            length = int(value)  # the server checked that it is a number
    return length


def _environment(scope: HTTPScope, length: int, body: bytes) -> WSGIEnvironment:
    """The request as PEP 3333 has it."""
    environment: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "CONTENT_LENGTH": str(length),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    server, client = scope["server"], scope["client"]
    if server is not None:
        environment["SERVER_NAME"], environment["SERVER_PORT"] = server[0], str(server[1])
    if client is not None:
        environment["REMOTE_ADDR"], environment["REMOTE_PORT"] = client[0], str(client[1])
    for given, value in scope["headers"]:
        name = given.decode("latin-1")
        if "_" in name or name in _OF_THE_CONNECTION:
            continue  # one with an underline would pass for the one with a dash
        key = _BARE.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        text = value.decode("latin-1")
        if key in environment:
            text = f"{environment[key]}{'; ' if name == 'cookie' else ','}{text}"
        environment[key] = text
    return environment


def _answered(application: WSGIApplication, environment: WSGIEnvironment) -> Answer:
    """What the application answers; run in a thread."""
    begun: list[tuple[int, list[tuple[bytes, bytes]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _error: object = None, /
    ) -> Callable[[bytes], object]:
        coded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        begun[:] = [(int(status.split(" ", 1)[0]), coded)]
        return written.append

    parts: Iterable[bytes] = application(environment, start_response)
    try:
        written.extend(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    ((status, headers),) = begun
    return Answer(status, headers, b"".join(written))


def _refusal(status: HTTPStatus) -> Answer:
    closing = (b"connection", b"close")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:  # a kiosk reads it as the centre's word, not a proxy's
        headers = [closing, (b"content-type", PROBLEM_MEDIA_TYPE.encode()), (b"retry-after", RETRY_AFTER)]
        return Answer(status, headers, records.encode(Problem(ProblemCode.BUSY, "The centre is busy.")))
    return Answer(status, [closing, (b"content-type", _TEXT)], status.phrase.encode() + b"\n")


async def _send(answer: Answer, send: ASGISendCallable) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": answer.headers,
            "trailers": False,
        }
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
