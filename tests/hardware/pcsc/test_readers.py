"""The readers over a service that is played: readers that come and go, calls that fail, what is left open."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.source import PcscTokenSource
from hardware.ports import ReaderUnavailable, TokenNotRecognised, TokenRemoved
from tests.support.waiting import acquire

if TYPE_CHECKING:
    from collections.abc import Callable


class Service:
    """PC/SC's calls as pyscard gives them, over one reader that can be unplugged; its card stays in it."""

    SCARD_S_SUCCESS, SCARD_SCOPE_SYSTEM = 0, 2
    SCARD_STATE_CHANGED, SCARD_STATE_PRESENT = 0x02, 0x20
    SCARD_E_NO_READERS_AVAILABLE, SCARD_E_TIMEOUT, SCARD_E_CANCELLED = 0x8010002E, 0x8010000A, 0x80100002
    SCARD_E_SHARING_VIOLATION, SCARD_SHARE_EXCLUSIVE, SCARD_RESET_CARD = 0x8010000B, 1, 1
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, 11, 12
    ATR = (0x3B, 0x00)
    UNKNOWN = b"\x6d\x00"

    def __init__(self) -> None:
        self.readers = ["Reader"]
        self.moved = threading.Condition()
        self.contexts = 0
        self.sent: list[tuple[int, bytes]] = []
        self.answers: list[bytes] = []
        self.cards = 0
        self.protocol = self.SCARD_PROTOCOL_T1
        self.unplugged_by_connecting = False

    def plug(self, *readers: str) -> None:
        with self.moved:
            self.readers = list(readers)
            self.moved.notify_all()

    def SCardEstablishContext(self, _: int) -> tuple[int, int]:  # noqa: N802 - PC/SC's name
        self.contexts += 1
        return 0, 1

    def SCardReleaseContext(self, _: int) -> tuple[int]:  # noqa: N802 - PC/SC's name
        self.contexts -= 1
        return (0,)

    def SCardConnect(self, *_: object) -> tuple[int, int, int]:  # noqa: N802 - PC/SC's name
        self.cards += 1
        if self.unplugged_by_connecting:
            self.plug()
        return 0, 7, self.protocol

    def SCardDisconnect(self, *_: object) -> tuple[int]:  # noqa: N802 - PC/SC's name
        self.cards -= 1
        return (0,)

    def SCardTransmit(self, _: int, protocol: int, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - PC/SC's name
        self.sent.append((protocol, bytes(command)))
        return 0, list(self.answers.pop(0) if self.answers else self.UNKNOWN)

    def SCardCancel(self, _: int) -> tuple[int]:  # noqa: N802 - PC/SC's name
        self.plug(*self.readers)
        return (0,)

    def SCardListReaders(self, _: int, __: list[str]) -> tuple[int, list[str]]:  # noqa: N802 - PC/SC's name
        return (0 if self.readers else self.SCARD_E_NO_READERS_AVAILABLE), list(self.readers)

    def SCardGetStatusChange(  # noqa: N802 - PC/SC's name
        self, _: int, timeout: int, readers: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, tuple[int, ...]]]]:
        if timeout:
            with self.moved:
                self.moved.wait(timeout / 1000)
            return 0, []
        return 0, [(name, 1 << 16 | self.SCARD_STATE_PRESENT, self.ATR) for name, _ in readers]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setitem(sys.modules, "smartcard.scard", service)
    return service


def test_a_reader_unplugged_and_plugged_again_with_its_card_counts_as_another_insertion(
    service: Service,
) -> None:
    source = PcscTokenSource()
    (first,) = source.present()
    assert source.present() == (first,)
    service.plug()
    with pytest.raises(ReaderUnavailable, match="no smart card reader"):
        source.present()
    service.plug("Reader")
    (second,) = source.present()
    assert second != first
    with pytest.raises(TokenRemoved):
        source.open(first)


def test_the_watch_alone_notices_a_reader_that_was_away(service: Service) -> None:
    source = PcscTokenSource()
    (first,) = source.present()
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    acquire(changes)
    service.plug()
    acquire(changes)
    service.plug("Reader")
    acquire(changes)
    stop()
    assert source.present() != (first,)


def test_another_reader_beside_it_changes_no_insertion(service: Service) -> None:
    source = PcscTokenSource()
    (first,) = source.present()
    service.plug("Reader", "Other")
    assert source.present()[0] == first
    service.plug("Reader")
    assert source.present() == (first,)


def test_a_reader_unplugged_while_connecting_leaves_no_connection_open(service: Service) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    service.unplugged_by_connecting = True
    with pytest.raises(ReaderUnavailable):
        source.open(presence)
    assert (service.cards, service.contexts) == (0, before)


def test_a_card_that_no_driver_takes_leaves_nothing_open_however_often_it_is_tried(service: Service) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    for _ in range(200):
        with pytest.raises(TokenNotRecognised):
            source.open(presence)
    assert (service.cards, service.contexts) == (0, before)


@pytest.mark.parametrize(
    ("protocol", "transmitted"),
    [(Service.SCARD_PROTOCOL_T0, "00A4040009A00000030800001000"), (2, "00A4040009A0000003080000100000")],
)
def test_le_follows_data_only_where_the_card_speaks_t1(
    service: Service, protocol: int, transmitted: str
) -> None:
    service.protocol = protocol
    source = PcscTokenSource()
    (presence,) = source.present()
    with pytest.raises(TokenNotRecognised):
        source.open(presence)
    assert transmitted in [command.hex().upper() for _, command in service.sent]


RESET, UNPOWERED, REMOVED = 0x80100068, 0x80100067, 0x80100069


@pytest.mark.parametrize("code", [RESET, UNPOWERED, REMOVED, 0x8010002F, 0x80100016, 0])
def test_a_card_that_lost_its_security_state_is_spoken_to_no_more_in_that_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Whatever the service says of a command: reset by another program, unpowered, gone, or success without an answer."""

    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    channel = source._connect(presence)
    monkeypatch.setattr(service, "SCardTransmit", _refusing(service, code))
    with pytest.raises(TokenRemoved):
        channel.transmit(bytes.fromhex("0020008008313233343536FFFF"))
    assert len(service.sent) == 1
    assert (service.cards, service.contexts) == (0, before)
    with pytest.raises(TokenRemoved):
        channel.transmit(bytes.fromhex("0020008008313233343536FFFF"))
    assert len(service.sent) == 1


def _refusing(service: Service, code: int) -> Callable[[int, int, list[int]], tuple[int, list[int]]]:
    def transmit(_: int, protocol: int, command: list[int]) -> tuple[int, list[int]]:
        service.sent.append((protocol, bytes(command)))
        return code, []

    return transmit
