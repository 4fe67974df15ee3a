"""Looking names up in a limited time, which the system's own look-up does not have."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

import httpcore2

Resolve: TypeAlias = Callable[[str, int], list[str]]


def system_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host as the system finds them, the first to be tried first. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Names:
    """Looks names up in threads, one a name at a time, so that a resolver that never answers holds nobody.

    An answer that came too late for who asked is the next one's: a resolver that is slow each time is waited for once.
    """

    def __init__(self, resolve: Resolve = system_addresses) -> None:
        self._resolve = resolve
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, int], Future[list[str]]] = {}

    def addresses(self, host: str, port: int, seconds: float | None) -> list[str]:
        """A host's addresses. Raises httpcore2.ConnectError, and httpcore2.ConnectTimeout after so many seconds."""
        with self._lock:
            answer = self._asked.get((host, port))
            if answer is None:
                answer = self._asked[host, port] = Future()
                threading.Thread(
                    target=self._look_up, args=(host, port, answer), name="names", daemon=True
                ).start()
        try:
            found = answer.result(seconds)
        except TimeoutError as error:
            if not answer.done():
                raise httpcore2.ConnectTimeout(
                    f"the name {host} was not found within {seconds:g} s"
                ) from error
            self._forget(host, port, answer)
            raise httpcore2.ConnectError(str(error)) from error
        except OSError as error:
            self._forget(host, port, answer)
            raise httpcore2.ConnectError(str(error)) from error
        self._forget(host, port, answer)
        return found

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # a label of the name is too long, or empty
            answer.set_exception(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            answer.set_result(found)

    def _forget(self, host: str, port: int, answer: Future[list[str]]) -> None:
        with self._lock:
            if self._asked.get((host, port)) is answer:
                del self._asked[host, port]
