"""The agent's TCP connections, on which every exchange ends in time: see `sync.agent.line.pace`.

The libraries limit each single wait, so that an answer that drips holds whoever waits for it for ever.
"""

from __future__ import annotations

import math
import socket
import struct
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpcore2
import httpx2

from sync.agent.line.causes import cause
from sync.agent.line.names import Names
from sync.agent.line.pace import Pace

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from httpcore2 import SOCKET_OPTION

    from kiosk.configuration import Proxy

SLICE_SECONDS = 1.0  # between two looks at what moved
LOOK_SECONDS = 0.001  # for what is here already: longer would wait for the next drop
_PIECE = 16 * 1024  # a record of TLS (RFC 8446, section 5.1)
_INFO_SIZE = 136
_INFO_MOVED = struct.Struct("=QQ")  # tcpi_bytes_acked and tcpi_bytes_received, in linux/tcp.h
_INFO_OFFSET = 120

Done = TypeVar("Done")


class ProxyNotReached(httpcore2.ConnectError):
    """There is no connection to the configured proxy."""


class LineTransport(httpx2.HTTPTransport):
    """HTTP over such connections; TLS by the context, through the proxy where one is configured.

    To https the proxy makes a tunnel (CONNECT), in which it sees the centre's name and nothing else.
    """

    def __init__(self, context: ssl.SSLContext, proxy: Proxy | None = None) -> None:
        super().__init__(verify=context)
        # httpx2 has no argument for what it connects with.
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(ssl_context=context, network_backend=PacedBackend())
        else:
            self._pool = httpcore2.HTTPProxy(
                proxy.address,
                proxy_auth=(proxy.user.encode(), proxy.password.encode()) if proxy.user else None,
                ssl_context=context,
                network_backend=_ToProxy(PacedBackend()),
            )


class _ToProxy(httpcore2.NetworkBackend):
    """Connects to a proxy, and says so when that fails."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to it. Raises ProxyNotReached."""
        try:
            return self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise ProxyNotReached(f"{host}:{port}: {error}") from error


def proxy_not_reached(error: BaseException | None) -> bool:
    """Whether a request failed for want of a connection to the proxy."""
    return cause(error, ProxyNotReached) is not None


class PacedBackend(httpcore2.NetworkBackend):
    """Connects in a limited time, however many addresses a host has, and looks its name up in as much before."""

    def __init__(self, system: httpcore2.NetworkBackend | None = None, names: Names | None = None) -> None:
        self._system = httpcore2.SyncBackend() if system is None else system
        self._names = Names() if names is None else names

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers. Raises httpcore2.ConnectError, httpcore2.ConnectTimeout."""
        addresses = self._names.addresses(host, port, timeout)
        until = math.inf if timeout is None else time.monotonic() + timeout
        failed: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in addresses:
            left = None if timeout is None else max(until - time.monotonic(), LOOK_SECONDS)
            try:
                stream = self._system.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return PacedStream(stream)
            if time.monotonic() >= until:
                break
        raise failed or httpcore2.ConnectError(f"{host} has no address")


class PacedStream(httpcore2.NetworkStream):
    """A connection; a `timeout` is the patience of the exchange, which begins with the first byte that is sent."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")
        self._moved = _moved(self._socket)
        self._pace = Pace(0.0, time.monotonic())
        self._sending = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what there is. Raises httpcore2.ReadTimeout, httpcore2.ReadError."""
        del timeout  # the patience of the exchange holds
        self._sending = False
        try:
            return self._in_time(partial(self._socket.recv, max_bytes))
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send everything.

        Raises httpcore2.WriteError, after which the answer is looked for all the same: whoever refuses a request for its
        size answers before it was sent.
        """
        if not self._sending:
            self._pace = Pace(math.inf if timeout is None else timeout, time.monotonic())
            self._sending = True
        rest = memoryview(buffer)
        try:
            while rest:
                rest = rest[self._in_time(partial(self._socket.send, rest[:_PIECE])) :]
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from error

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Speak TLS from now on. Raises httpcore2.ConnectError, httpcore2.ConnectTimeout."""
        return PacedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        """What the connection is made of."""
        return self._stream.get_extra_info(info)

    def _in_time(self, act: Callable[[], Done]) -> Done:
        """Repeat an act of the socket until it does something. Raises TimeoutError, OSError."""
        while True:
            began, left = time.monotonic(), self._pace.left
            if self._pace.over(began):
                raise TimeoutError("the exchange takes too long")
            wait = min(max(left, LOOK_SECONDS), SLICE_SECONDS)
            self._socket.settimeout(wait)
            try:
                return act()
            except TimeoutError as error:
                if error.errno is not None:  # the system gave the connection up
                    raise
                if left <= 0:
                    raise TimeoutError(self._pace.used_up) from error
            finally:
                # A machine that came back late did not wait for the line.
                self._spend(min(time.monotonic() - began, wait))

    def _spend(self, waited: float) -> None:
        moved = _moved(self._socket)
        self._pace.spend(waited, moved - self._moved)
        self._moved = moved


def _moved(line: socket.socket) -> int:
    """How many bytes the other end acknowledged and sent: what waits in this machine's buffers was not sent."""
    info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    return sum(_INFO_MOVED.unpack_from(info, _INFO_OFFSET))
