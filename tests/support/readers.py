"""Virtual cards in a real PC/SC reader."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from hardware.pcsc.source import PcscTokenSource
from hardware.ports import ReaderUnavailable, TokenPresence
from hardware.virtual.card import VirtualCard
from hardware.virtual.reader import serve
from tests.support.pcsc import PcscService
from tests.support.waiting import ended, wait_until


def soon(condition: Callable[[], bool], what: str = "the reader tells of it") -> None:
    """Wait until it holds, over times in which the service cannot be reached."""

    def holds() -> bool:
        with contextlib.suppress(ReaderUnavailable):
            return condition()
        return False

    wait_until(holds, what)


def inserted(source: PcscTokenSource) -> TokenPresence:
    """Wait for the one card and give it."""
    soon(lambda: len(source.present()) == 1, "a card is in")
    return source.present()[0]


def emptied(source: PcscTokenSource) -> None:
    """Wait until no card of the test before is in."""
    soon(lambda: source.present() == (), "the card of the test before is gone")


def noticed_gone(source: PcscTokenSource, service: PcscService) -> None:
    """Wait until pcscd has looked, which it does every 0.4 s: a card back sooner is no insertion to it."""
    emptied(source)
    service.settled()


@contextlib.contextmanager
def in_reader(card: VirtualCard, place: tuple[str, int]) -> Iterator[None]:
    """Have a card in the reader meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(card, *place, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        ended(thread)
