"""What passes between the app and a worker: MessagePack with its length and a number before it, over a socket pair.

A request is one call of one SKF function, so that the app decides after each what to do, and no verb can be left
half done in a process that nobody watches. An answer bears its request's number: what else comes that way, such as a
second answer by a process that the library forked, is never taken for the answer to a later call.
"""

from __future__ import annotations

import math
import select
import struct
import time
from typing import TYPE_CHECKING, Final

import msgspec

from hardware.ports import LibraryTrouble

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

LONGEST: Final = 256 * 1024
"""Bytes that a message may have."""

_HEADER: Final = struct.Struct(">II")
"""The message's length in bytes and its number."""

_BETWEEN_LOOKS: Final = 0.2
"""Seconds after which a waiting app looks whether the worker still runs."""


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Load the library; the first message of every worker."""

    path: str
    ulong_bytes: int


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Call one function; the arguments are those that its row in the table of prototypes takes."""

    function: str
    arguments: tuple[int | bytes, ...]

    def __repr__(self) -> str:
        """Name the function alone: there may be a PIN among the arguments."""
        return f"Call({self.function!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show no more in a formatted traceback."""
        return [("function", self.function)]


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The library is there and has what is needed."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The function's code and what it gave."""

    code: int
    results: tuple[int | bytes, ...]

    def __repr__(self) -> str:
        """Name the code alone."""
        return f"Answer({self.code:08X})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Show no more in a formatted traceback."""
        return [("code", f"{self.code:08X}")]


class Overrun(msgspec.Struct, frozen=True, tag="overrun"):
    """The function wrote past its buffer."""


class Missing(msgspec.Struct, frozen=True, tag="missing"):
    """The library, or a function of it, is missing: why, in words for the log, and as a trouble with its detail."""

    reason: str
    trouble: LibraryTrouble = LibraryTrouble.FAULTY
    detail: str = ""


class Malformed(Exception):
    """A message is too long, is none, or answers another request."""


class Ended(Exception):
    """The other end is gone."""


class TimedOut(Exception):
    """Nothing came, or not all of it, in the time allowed."""


_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUEST: Final[msgspec.msgpack.Decoder[Load | Call]] = msgspec.msgpack.Decoder(Load | Call)
_ANSWER: Final[msgspec.msgpack.Decoder[Loaded | Answer | Overrun | Missing]] = msgspec.msgpack.Decoder(
    Loaded | Answer | Overrun | Missing
)


def send(end: socket.socket, number: int, message: Load | Call | Loaded | Answer | Overrun | Missing) -> None:
    """Send a message: a request with a number of its own, an answer with its request's.

    Raises Malformed where it is too long, Ended.
    """
    data = _ENCODER.encode(message)
    if len(data) > LONGEST:
        raise Malformed("the message is too long")
    try:
        end.sendall(_HEADER.pack(len(data), number) + data)
    except OSError:
        raise Ended from None


def receive_request(end: socket.socket) -> tuple[int, Load | Call]:
    """Wait for a request, and return its number with it. Raises Malformed, Ended."""
    number, data = _receive(end, lambda: None)
    try:
        return number, _REQUEST.decode(data)
    except msgspec.DecodeError:
        raise Malformed("no request") from None


def receive_answer(
    end: socket.socket, number: int, seconds: float | None, ended: Callable[[], bool] = lambda: False
) -> Loaded | Answer | Overrun | Missing:
    """Wait for the answer to the request of that number for so many seconds, or for ever.

    Raises Malformed, also where something else was answered, Ended, TimedOut.

    `ended` tells whether the worker has ended: what its library started may hold the other end open after it.
    """
    deadline = math.inf if seconds is None else time.monotonic() + seconds
    answered, data = _receive(end, lambda: _await_data(end, deadline, ended))
    if answered != number:
        raise Malformed("the answer to another request")
    try:
        return _ANSWER.decode(data)
    except msgspec.DecodeError:
        raise Malformed("no answer") from None


def _await_data(end: socket.socket, deadline: float, ended: Callable[[], bool]) -> None:
    """Return when there is something to read, or nothing more to come. Raises Ended, TimedOut."""
    waiting = select.poll()
    waiting.register(end, select.POLLIN)
    while True:
        # In this order: what a worker left before it ended is still read.
        gone = ended()
        left = 0.0 if gone else max(0.0, deadline - time.monotonic())
        if waiting.poll(min(left, _BETWEEN_LOOKS) * 1000):
            return
        if gone:
            raise Ended
        if not left:
            raise TimedOut


def _receive(end: socket.socket, await_data: Callable[[], None]) -> tuple[int, bytes]:
    length, number = _HEADER.unpack(_exactly(end, _HEADER.size, await_data))
    if length > LONGEST:
        raise Malformed("the message is too long")
    return number, _exactly(end, length, await_data)


def _exactly(end: socket.socket, length: int, await_data: Callable[[], None]) -> bytes:
    found = bytearray()
    while len(found) < length:
        await_data()
        try:
            part = end.recv(length - len(found))
        except OSError:
            raise Ended from None
        if not part:
            raise Ended
        found += part
    return bytes(found)
