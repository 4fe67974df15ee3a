"""The vpcd client against a socket that plays vpcd."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.files import KeyProfile, profile_of
from hardware.virtual.reader import serve, serve_key_file
from tests.support.waiting import ended, wait_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hardware.virtual.card import VirtualCard
    from hardware.virtual.gmt.card import GmtCard


class Vpcd:
    """Accepts a card and speaks vpcd's messages."""

    def __init__(self, port: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(5)
        self.port: int = self.listener.getsockname()[1]
        self.card = self.listener

    def accept(self) -> None:
        self.card, _ = self.listener.accept()
        self.card.settimeout(5)

    def send(self, payload: bytes) -> None:
        self.card.sendall(len(payload).to_bytes(2) + payload)

    def receive(self) -> bytes:
        head = self.card.recv(2, socket.MSG_WAITALL)
        return self.card.recv(int.from_bytes(head), socket.MSG_WAITALL) if head else b""

    def close(self) -> None:
        self.card.close()
        self.listener.close()


@contextlib.contextmanager
def serving(card: VirtualCard, port: int) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(card, "127.0.0.1", port, stop))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        ended(thread)


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    service = Vpcd()
    yield service
    service.close()


def test_the_card_gives_its_atr_and_answers_commands(card: GmtCard, vpcd: Vpcd) -> None:
    with serving(card, vpcd.port):
        vpcd.accept()
        vpcd.send(b"\x01")
        vpcd.send(b"\x04")
        assert vpcd.receive() == card.atr
        vpcd.send(bytes.fromhex("80500000000008"))
        assert vpcd.receive()[8:] == b"\x90\x00"


def test_a_message_in_pieces_is_put_together(card: GmtCard, vpcd: Vpcd) -> None:
    with serving(card, vpcd.port):
        vpcd.accept()
        for byte in b"\x00\x07" + bytes.fromhex("80500000000008"):
            vpcd.card.sendall(bytes((byte,)))
            time.sleep(0.01)
        assert len(vpcd.receive()) == 10


@pytest.mark.parametrize("control", [b"\x01", b"\x02"])
def test_power_and_reset_begin_a_new_session(card: GmtCard, vpcd: Vpcd, control: bytes) -> None:
    opening = bytes.fromhex("80260000000007") + b"KEYDESK" + b"\x00\x0a"
    closing = bytes.fromhex("802800000000020001")
    with serving(card, vpcd.port):
        vpcd.accept()
        for payload in (opening, closing, opening, control):
            vpcd.send(payload)
        vpcd.send(closing)
        assert [vpcd.receive()[-2:].hex() for _ in range(4)] == ["9000", "9000", "9000", "6a88"]


def test_a_service_that_restarts_is_found_again(card: GmtCard) -> None:
    first = Vpcd()
    with serving(card, first.port):
        first.accept()
        first.close()
        second = Vpcd(first.port)
        second.accept()
        second.send(b"\x04")
        assert second.receive() == card.atr
        second.close()


def test_a_pulled_card_hangs_up_and_stays_out(card: GmtCard, vpcd: Vpcd) -> None:
    with serving(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE)), vpcd.port) as thread:
        vpcd.accept()
        vpcd.send(bytes.fromhex("80500000000008"))
        assert vpcd.receive() == b""
        ended(thread)


def test_a_key_file_is_made_and_its_owner_told_when_the_reader_is_reached(tmp_path: Path, vpcd: Vpcd) -> None:
    stop, told = threading.Event(), threading.Event()
    reached: list[bool] = []

    def tell(there: bool) -> None:  # noqa: FBT001 - the callback's form
        reached.append(there)
        told.set()

    path = tmp_path / "key.json"
    thread = threading.Thread(target=serve_key_file, args=(path, "F00D", "127.0.0.1", vpcd.port, stop, tell))
    thread.start()
    vpcd.accept()
    wait_event(told)
    stop.set()
    ended(thread)
    assert reached == [True]
    assert b"F00D" in path.read_bytes()


def test_a_piv_card_s_file_is_served_as_one(tmp_path: Path, vpcd: Vpcd) -> None:
    stop = threading.Event()
    arguments = (tmp_path / "key.json", "F00D", "127.0.0.1", vpcd.port, stop)
    thread = threading.Thread(target=serve_key_file, args=arguments, kwargs={"profile": KeyProfile.PIV})
    thread.start()
    vpcd.accept()
    vpcd.send(bytes.fromhex("00A4040005A000000308"))
    assert vpcd.receive()[-2:] == b"\x90\x00"
    stop.set()
    ended(thread)
    assert profile_of(tmp_path / "key.json") is KeyProfile.PIV
