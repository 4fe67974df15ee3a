"""What the field brings, over the real PC/SC stack: holders of a card, odd names beside others, short buffers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.buffers import LONGEST_ANSWER, LONGEST_COMMAND
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import TokenHeld, TokenRemoved
from hardware.token.gmt.commands import Instruction
from hardware.virtual.card import CardPulled
from hardware.virtual.gmt.factory import blank_key
from tests.support.pcsc import another_reader
from tests.support.readers import emptied, in_reader, inserted, noticed_gone, soon
from tests.support.waiting import wait_event

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.pcsc.library import Protocols
    from hardware.ports import Token, TokenPresence
    from hardware.virtual.card import VirtualCard
    from hardware.virtual.gmt.card import GmtCard
    from tests.support.pcsc import PcscService

HOLDER = """
import sys
from smartcard import scard
code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
code, card, _ = scard.SCardConnect(context, sys.argv[1], getattr(scard, sys.argv[2]), protocols)
assert code == scard.SCARD_S_SUCCESS, hex(code)
if sys.argv[3] == "transaction":
    code = scard.SCardBeginTransaction(card)
    assert code == scard.SCARD_S_SUCCESS, hex(code)
print("connected", flush=True)
sys.stdin.read()
"""
"""Another program, that holds the card until its standard input ends; it then ends without letting go."""

UTF8, GBK = "国密 UKey".encode(), "国密 UKey".encode("gbk")


@pytest.fixture
def readers(pcscd: tuple[str, int]) -> PcscTokenSource:
    assert pcscd
    source = PcscTokenSource()
    emptied(source)
    return source


@pytest.mark.pcsc
@pytest.mark.parametrize("busy", ["idle", "transaction"])
@pytest.mark.parametrize("mode", ["SCARD_SHARE_SHARED", "SCARD_SHARE_EXCLUSIVE"])
def test_a_card_that_another_program_holds_is_said_to_be_and_is_back_when_that_lets_go(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int], mode: str, busy: str
) -> None:
    """Within a transaction too, whose end pcscd would have whoever connects wait for."""
    changed = threading.Event()
    with in_reader(card, pcscd):
        presence = inserted(readers)
        stop = readers.watch(changed.set)
        wait_event(changed)
        command = [sys.executable, "-c", HOLDER, presence.reader, mode, busy]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"connected\n"
            with pytest.raises(TokenHeld) as held:
                readers.open(presence)
            assert any(f"({holder.pid})" in program for program in held.value.programs)
            changed.clear()
            assert readers.present() == (presence,)
            holder.stdin.close()
            wait_event(changed)
        with_nobody = readers.present()
        assert with_nobody == (presence,)
        token = readers.open(presence)
        assert token.serial == card.serial
        token.close()
        stop()


@pytest.mark.pcsc
@pytest.mark.parametrize("mode", ["SCARD_SHARE_SHARED", "SCARD_SHARE_EXCLUSIVE"])
def test_a_transaction_that_begins_just_before_the_desk_connects_is_not_waited_for(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int], mode: str
) -> None:
    changed = threading.Event()
    with in_reader(card, pcscd):
        presence = inserted(readers)
        stop = readers.watch(changed.set)
        wait_event(changed)
        calls = readers._reached()
        connect = calls.connect
        holders: list[subprocess.Popen[bytes]] = []

        def late(context: int, name: bytes) -> tuple[int, Protocols]:
            if not holders:
                command = [sys.executable, "-c", HOLDER, presence.reader, mode, "transaction"]
                holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                assert holder.stdout is not None
                assert holder.stdout.readline() == b"connected\n"
                holders.append(holder)
            return connect(context, name)

        setattr(calls, "connect", late)  # noqa: B010 - a double of the method
        with pytest.raises(TokenHeld):
            readers.open(presence)
        (holder,) = holders
        assert readers.present() == (presence,)
        changed.clear()
        assert holder.stdin is not None
        holder.stdin.close()
        wait_event(changed)
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
        token = _once_free(readers, presence, changed)
        assert token.serial == card.serial
        token.close()
        stop()


def _once_free(readers: PcscTokenSource, presence: TokenPresence, changed: threading.Event) -> Token:
    """As the desk does it: again whenever the readers tell of something."""
    while True:
        changed.clear()
        with contextlib.suppress(TokenHeld):
            return readers.open(presence)
        wait_event(changed)


class Short:
    """A card in a reader that breaks off whatever is longer than it carries."""

    def __init__(self, card: VirtualCard) -> None:
        self._card = card
        self.failures = 0
        self.instructions: list[int] = []

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        self.instructions.append(command[1])
        if len(command) <= LONGEST_COMMAND:
            answer = self._card.transmit(command)
            if len(answer) <= LONGEST_ANSWER:
                return answer
        self.failures += 1
        raise CardPulled


@pytest.mark.pcsc
def test_a_key_in_a_reader_with_a_short_buffer_is_bound_through_the_real_stack(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int], pcsc_service: PcscService
) -> None:
    """vpcd has no failure but the card's going: it is put in again until the reader is known."""
    certificate = bytes(range(256)) * 5
    short = Short(card)
    for _ in range(2):
        with in_reader(short, pcscd):
            presence = inserted(readers)
            with pytest.raises(TokenRemoved):
                readers.open(presence)
            noticed_gone(readers, pcsc_service)
    with in_reader(short, pcscd):
        token = readers.open(inserted(readers))
        token.verify_pin("111111")
        token.generate_key_pair()
        token.write_certificate(certificate)
        assert (token.serial, token.certificate()) == (card.serial, certificate)
        token.close()
    assert short.failures == 2
    assert short.instructions.count(Instruction.VERIFY_PIN) == 1


@pytest.mark.pcsc
@pytest.mark.parametrize("odd", [UTF8, GBK], ids=["UTF-8", "GBK"])
def test_a_reader_whose_name_is_not_ascii_works_and_takes_no_other_along(
    readers: PcscTokenSource,
    card: GmtCard,
    pcscd: tuple[str, int],
    pcsc_service: PcscService,
    tmp_path: Path,
    odd: bytes,
) -> None:
    other = blank_key(tmp_path / "other.json", "2")
    with another_reader(pcsc_service, odd, tmp_path) as beside:
        soon(lambda: len(readers.readers()) == 4)
        changed = threading.Event()
        stop = readers.watch(changed.set)
        wait_event(changed)
        with in_reader(card, pcscd), in_reader(other, beside):
            soon(lambda: len(readers.present()) == 2)
            found = {}
            for presence in readers.present():
                token = readers.open(presence)
                found[token.serial] = presence.reader.rsplit(" ", 2)[0]
                token.close()
        assert found == {card.serial: "Virtual PCD", "2": "国密 UKey"}
        soon(lambda: readers.present() == ())
        stop()
