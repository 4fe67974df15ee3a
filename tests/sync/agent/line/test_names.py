"""A name's look-up holds nobody longer than its time, and what comes too late is not lost."""

from __future__ import annotations

import threading

import httpcore2
import pytest

from sync.agent.line.names import Names, system_addresses
from sync.agent.line.transport import PacedBackend
from tests.support.odd_servers import saying, serving
from tests.support.waiting import wait_event


class Resolver:
    """Answers once it may, and counts who asks."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        wait_event(self.may_answer)
        if host == "nobody.example":
            raise OSError("no such name")
        return ["127.0.0.1"]


def test_a_resolver_that_never_answers_ends_each_connecting_and_holds_one_thread() -> None:
    resolver = Resolver()
    backend = PacedBackend(names=Names(resolver))
    try:
        for _ in range(3):
            with pytest.raises(httpcore2.ConnectTimeout, match=r"centre\.example was not found"):
                backend.connect_tcp("centre.example", 443, 0.05)
        assert resolver.asked == 1
    finally:
        resolver.may_answer.set()


def test_an_answer_that_came_too_late_serves_who_asks_next_and_the_one_after_asks_anew() -> None:
    resolver = Resolver()
    names = Names(resolver)
    with serving(saying(200)) as server:
        backend = PacedBackend(names=names)
        with pytest.raises(httpcore2.ConnectTimeout):
            backend.connect_tcp("centre.example", server.port, 0.05)
        resolver.may_answer.set()
        backend.connect_tcp("centre.example", server.port, 5.0).close()
        assert resolver.asked == 1
        backend.connect_tcp("centre.example", server.port, 5.0).close()
        assert resolver.asked == 2


def test_a_name_that_does_not_exist_is_said_to_whoever_asks_and_asked_for_again() -> None:
    resolver = Resolver()
    names = Names(resolver)
    with pytest.raises(httpcore2.ConnectTimeout):
        names.addresses("nobody.example", 443, 0.05)
    resolver.may_answer.set()
    for asked in (1, 2):
        with pytest.raises(httpcore2.ConnectError, match="no such name"):
            names.addresses("nobody.example", 443, 5.0)
        assert resolver.asked == asked


def test_a_name_that_is_none_is_an_error_of_connecting() -> None:
    with pytest.raises(httpcore2.ConnectError):
        Names().addresses("." * 70, 443, 5.0)
    assert system_addresses("127.0.0.1", 443) == ["127.0.0.1"]
