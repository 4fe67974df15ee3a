"""The readers over a service that is played: readers that come and go, calls that fail, what is left open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.calls import WAIT
from hardware.pcsc.library import Code, Protocols, StateBits
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import ReaderUnavailable, TokenHeld, TokenNotRecognised, TokenRemoved
from tests.support.played_pcsc import Service
from tests.support.waiting import acquire, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.pcsc.calls import PcscCalls, ReaderState


RESET, UNPOWERED, REMOVED = 0x80100068, 0x80100067, 0x80100069


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr("hardware.pcsc.calls.SystemLibrary", lambda: service)
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
    service.plug(b"Reader")
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
    service.plug(b"Reader")
    acquire(changes)
    stop()
    assert source.present() != (first,)


def test_another_reader_beside_it_changes_no_insertion(service: Service) -> None:
    source = PcscTokenSource()
    (first,) = source.present()
    service.plug(b"Reader", b"Other")
    assert source.present()[0] == first
    service.plug(b"Reader")
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
    [(Protocols.T0, "00A4040009A00000030800001000"), (Protocols.T1, "00A4040009A0000003080000100000")],
)
def test_le_follows_data_only_where_the_card_speaks_t1(
    service: Service, protocol: Protocols, transmitted: str
) -> None:
    service.protocol = protocol
    source = PcscTokenSource()
    (presence,) = source.present()
    with pytest.raises(TokenNotRecognised):
        source.open(presence)
    assert transmitted in [command.hex().upper() for _, command in service.sent]


@pytest.mark.parametrize("code", [RESET, UNPOWERED, REMOVED, 0x8010002F, 0x80100016, 0])
def test_a_card_that_lost_its_security_state_is_spoken_to_no_more_in_that_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Whatever the service says of a command: reset by another program, unpowered, gone, or success without an answer."""

    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    channel = source._connect(presence)
    monkeypatch.setattr(service, "transmit", _refusing(service, code))
    with pytest.raises(TokenRemoved):
        channel.transmit(bytes.fromhex("0020008008313233343536FFFF"))
    assert len(service.sent) == 1
    assert (service.cards, service.contexts) == (0, before)
    with pytest.raises(TokenRemoved):
        channel.transmit(bytes.fromhex("0020008008313233343536FFFF"))
    assert len(service.sent) == 1


def _refusing(service: Service, code: int) -> Callable[[int, Protocols, bytes], tuple[int, bytes]]:
    def transmit(_: int, protocol: Protocols, command: bytes) -> tuple[int, bytes]:
        service.sent.append((protocol, command))
        return code, b""

    return transmit


@pytest.mark.parametrize("protocol", Protocols)
def test_whether_a_card_is_held_is_told_by_the_code_and_never_by_the_protocol(
    service: Service, protocol: Protocols
) -> None:
    """Refused beside a sharer the protocol is the card's, beside an exclusive holder it is 0."""
    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    service.protocol, service.codes = protocol, [Code.SHARING_VIOLATION]
    with pytest.raises(TokenHeld) as held:
        source.open(presence)
    assert held.value.reader == "Reader"
    assert (service.cards, service.contexts, service.sent) == (0, before, [])


def test_a_card_that_polkit_forbids_is_told_as_such_and_not_as_an_unknown_card(service: Service) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts
    service.codes = [Code.SECURITY_VIOLATION]
    with pytest.raises(ReaderUnavailable, match="polkit"):
        source.open(presence)
    assert service.contexts == before


@pytest.mark.parametrize("how", [StateBits.IN_USE, StateBits.IN_USE | StateBits.EXCLUSIVE])
def test_the_watch_tells_when_a_card_that_was_refused_comes_free(service: Service, how: StateBits) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    acquire(changes)
    service.connected_by, service.codes = how, [Code.SHARING_VIOLATION] * 2
    for _ in range(2):
        with pytest.raises(TokenHeld):
            source.open(presence)
    wait_until(lambda: service.waits[-1] < 2000, "a refused card is looked at often")
    assert not changes.acquire(blocking=False)
    service.connected_by = StateBits.UNAWARE
    acquire(changes)
    wait_until(lambda: service.waits[-1] == WAIT, "nobody waits for a card any more")
    stop()
    assert not changes.acquire(blocking=False)
    assert source.present() == (presence,)


@pytest.mark.parametrize("how", [StateBits.IN_USE, StateBits.IN_USE | StateBits.EXCLUSIVE])
def test_a_card_that_is_seen_to_be_held_is_not_connected_to(service: Service, how: StateBits) -> None:
    """pcscd answers such a connection when the other program's transaction ends, if that ever does."""
    source = PcscTokenSource()
    (presence,) = source.present()
    service.connected_by = how
    with pytest.raises(TokenHeld):
        source.open(presence)
    assert service.reached == []
    service.connected_by = StateBits.UNAWARE
    with pytest.raises(TokenNotRecognised):
        source.open(presence)


@pytest.mark.parametrize("code", [None, Code.SHARING_VIOLATION])
def test_a_transaction_that_begins_between_the_look_and_the_connection_is_waited_for_by_nobody(
    service: Service, code: Code | None
) -> None:
    """Whether the other program lets go at the end of it or stays connected."""
    source = PcscTokenSource()
    (presence,) = source.present()
    before = service.contexts

    def begin() -> None:
        service.connected_by = StateBits.IN_USE
        service.over.clear()
        service.begins = lambda: None

    service.begins = begin
    service.codes = [] if code is None else [code]
    for _ in range(2):
        with pytest.raises(TokenHeld):
            source.open(presence)
    assert source.present() == (presence,), "the readers answer meanwhile"
    assert len(service.reached) == 1
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    acquire(changes)
    service.connected_by = StateBits.UNAWARE if code is None else StateBits.IN_USE
    service.over.set()
    wait_until(lambda: source._late["Reader"].pending is False, "the connection came too late and went back")
    assert service.cards == 0
    if code is not None:
        with pytest.raises(TokenHeld):
            source.open(presence)
        service.connected_by = StateBits.UNAWARE
    acquire(changes)
    with pytest.raises(TokenNotRecognised):
        source.open(presence)
    stop()
    wait_until(lambda: service.contexts == before, "every context was given back")


def test_a_card_that_leaves_while_its_connection_is_not_answered_was_removed(service: Service) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()

    def begin() -> None:
        service.over.clear()
        service.plug(b"Another")

    service.begins = begin
    with pytest.raises(TokenRemoved):
        source.open(presence)
    service.begins = lambda: None
    service.over.set()
    wait_until(lambda: service.cards == 0, "what came too late was given back")


def test_a_card_that_takes_its_time_to_start_is_waited_for(service: Service) -> None:
    source = PcscTokenSource()
    (presence,) = source.present()
    service.over.clear()
    looks = [0]
    observe = source._observe

    def look(calls: PcscCalls, context: int) -> tuple[ReaderState, ...]:
        looks[0] += 1
        if looks[0] == 6:
            service.over.set()
        return observe(calls, context)

    setattr(source, "_observe", look)  # noqa: B010 - a double of the method
    with pytest.raises(TokenNotRecognised):
        source.open(presence)
    assert looks[0] >= 6


def test_a_card_held_by_nobody_that_was_refused_is_no_news(service: Service) -> None:
    source = PcscTokenSource()
    changes = threading.Semaphore(0)
    stop = source.watch(changes.release)
    acquire(changes)
    service.connected_by = StateBits.IN_USE
    service.cancel(1)
    service.connected_by = StateBits.UNAWARE
    count = len(service.waits)
    service.cancel(1)
    wait_until(lambda: len(service.waits) > count, "the watch has looked")
    stop()
    assert not changes.acquire(blocking=False)


GBK = "国密 UKey".encode("gbk")
ODD = ("国密 UKey".encode(), GBK, b"\x1b[2J\xff", b"\xe2\x80\x8bhidden")


@pytest.mark.parametrize("odd", ODD)
def test_a_reader_of_whatever_name_works_beside_another(service: Service, odd: bytes) -> None:
    service.readers = [odd, b"Reader"]
    source = PcscTokenSource()
    first, second = source.present()
    assert second.reader == "Reader"
    assert first.reader.isprintable()
    assert first.reader.encode()
    for presence in (first, second):
        with pytest.raises(TokenNotRecognised):
            source.open(presence)
    assert service.reached == [odd, b"Reader"]


def test_a_reader_of_which_the_service_tells_nothing_takes_no_other_along(service: Service) -> None:
    service.readers, service.mute = [GBK, b"Reader"], {GBK}
    source = PcscTokenSource()
    (presence,) = source.present()
    assert presence.reader == "Reader"
    assert [(each.reader, each.state is None) for each in source.states()] == [
        ("国密 UKey", True),
        ("Reader", False),
    ]
    service.mute = {GBK, b"Reader"}
    with pytest.raises(ReaderUnavailable, match="SCardGetStatusChange"):
        source.present()
