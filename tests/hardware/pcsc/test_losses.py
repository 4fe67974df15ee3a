"""The service killed around a command, and other programs at the card, over the real PC/SC stack.

Whatever happens to the connection, the driver says that the key is gone and presents no PIN again by itself.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from hardware.pcsc.calls import PcscCalls
from hardware.pcsc.connecting import Connected, Connecting
from hardware.pcsc.source import PcscTokenSource
from hardware.ports import HardwareError, ReaderUnavailable, Token, TokenPresence, TokenRemoved
from hardware.token.gmt.commands import Instruction
from hardware.virtual.card import FaultyCard
from tests.support.pcsc import PcscService
from tests.support.readers import emptied, in_reader, inserted, soon
from tests.support.waiting import ended, wait_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hardware.pcsc.library import Protocols
    from hardware.virtual.card import VirtualCard
    from hardware.virtual.gmt.card import GmtCard

PIN = "111111"

FOREIGN = """
import sys
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
reader = sys.argv[1]
told = []
for mode in (scard.SCARD_SHARE_SHARED, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_SHARE_DIRECT):
    for protocols in (scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1, 0):
        if not protocols and mode != scard.SCARD_SHARE_DIRECT:
            continue
        code, card, _ = scard.SCardConnect(context, reader, mode, protocols)
        told.append(code)
        if code == scard.SCARD_S_SUCCESS:
            scard.SCardDisconnect(card, scard.SCARD_RESET_CARD)
print(*(f"{code & 0xFFFFFFFF:08X}" for code in told))
"""
"""Another program that wants to connect in every way, and resets the card where it may."""

SHARING_VIOLATION, SUCCESS = "8010000B", "00000000"


@pytest.fixture
def readers(pcscd: tuple[str, int]) -> PcscTokenSource:
    assert pcscd
    source = PcscTokenSource()
    emptied(source)
    return source


@pytest.fixture
def kill(pcsc_service: PcscService) -> Iterator[Callable[[], None]]:
    """End pcscd as a crash does; it is started again after the test, if not before."""
    if pcsc_service.process is None:
        pytest.skip("the pcscd that runs is not the tests' own and is left alone")

    yield pcsc_service.kill
    if pcsc_service.process.poll() is not None:
        pcsc_service.start()


class Noting(FaultyCard):
    """It notes the instructions that reach it, and can be held up in one of them."""

    def __init__(self, card: VirtualCard) -> None:
        super().__init__(card)
        self.reached: list[int] = []
        self.held: int | None = None
        self.holding, self.released = threading.Event(), threading.Event()

    def transmit(self, command: bytes) -> bytes:
        self.reached.append(command[1])
        if command[1] == self.held:
            self.holding.set()
            wait_event(self.released)
        return super().transmit(command)


def works_again(source: PcscTokenSource, before: TokenPresence, card: GmtCard) -> None:
    """The same key is another insertion by now, and what it holds is as it was."""
    soon(lambda: len(source.present()) == 1 and source.present()[0] != before)
    with pytest.raises(TokenRemoved):
        source.open(before)
    with contextlib.closing(source.open(source.present()[0])) as token:
        assert token.serial == card.serial
        token.verify_pin(PIN)


def use(source: PcscTokenSource, presence: TokenPresence) -> None:
    """A PIN and a key pair; the exchanges from connecting to the last of them are what is interrupted."""
    with contextlib.closing(source.open(presence)) as token:
        token.verify_pin(PIN)
        token.generate_key_pair()


@pytest.mark.pcsc
@pytest.mark.parametrize("restarted", [False, True], ids=["gone", "back already"])
@pytest.mark.parametrize("place", ["connected", "first", "PIN", "after the PIN"])
def test_a_service_killed_between_two_calls_loses_the_key_and_sends_no_pin_again(
    readers: PcscTokenSource,
    card: GmtCard,
    pcscd: tuple[str, int],
    pcsc_service: PcscService,
    kill: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    restarted: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    noting, sent = Noting(card), list[int]()
    connection, transmit = Connecting.connection, PcscCalls.transmit

    def strike() -> None:
        kill()
        if restarted:
            pcsc_service.start()

    # Not in the thread that connects: the service that is started ends with the thread that started it.
    def connected(self: Connecting) -> Connected:
        made = connection(self)
        if place == "connected":
            strike()
        return made

    def transmitted(self: PcscCalls, held: int, protocol: Protocols, command: bytes) -> bytes:
        due = {
            "first": not sent,
            "PIN": command[1] == Instruction.VERIFY_PIN,
            "after the PIN": bool(sent) and sent[-1] == Instruction.VERIFY_PIN,
        }.get(place, False)
        sent.append(command[1])
        if due:
            strike()
        return transmit(self, held, protocol, command)

    with in_reader(noting, pcscd):
        presence = inserted(readers)
        with monkeypatch.context() as patched:
            patched.setattr(Connecting, "connection", connected)
            patched.setattr(PcscCalls, "transmit", transmitted)
            with pytest.raises(
                ReaderUnavailable if (place, restarted) == ("connected", False) else TokenRemoved
            ):
                use(readers, presence)
        reached = noting.reached.count(Instruction.VERIFY_PIN)
        assert reached == (place == "after the PIN")
        assert sent.count(Instruction.VERIFY_PIN) == (place in {"PIN", "after the PIN"})
        assert len(sent) == {"connected": 0, "first": 1}.get(place, len(sent))
        assert Instruction.GENERATE_ECC_KEY_PAIR not in noting.reached
        if not restarted:
            with pytest.raises(ReaderUnavailable):
                readers.present()
            pcsc_service.start()
        works_again(readers, presence, card)


@pytest.mark.pcsc
@pytest.mark.parametrize("instruction", [Instruction.VERIFY_PIN, Instruction.GENERATE_ECC_KEY_PAIR])
def test_a_service_killed_while_a_command_waits_ends_it_at_once_and_it_is_not_sent_again(
    readers: PcscTokenSource,
    card: GmtCard,
    pcscd: tuple[str, int],
    pcsc_service: PcscService,
    kill: Callable[[], None],
    instruction: Instruction,
) -> None:
    noting = Noting(card)
    with in_reader(noting, pcscd):
        presence = inserted(readers)
        noting.held = instruction
        raised: list[BaseException] = []

        def run() -> None:
            try:
                use(readers, presence)
            except HardwareError as error:
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        wait_event(noting.holding)
        kill()
        ended(thread)
        assert [type(error) for error in raised] == [TokenRemoved]
        noting.held = None
        noting.released.set()
        pcsc_service.start()
        works_again(readers, presence, card)
        # one of it was interrupted; the PIN of `works_again` is the other
        assert noting.reached.count(instruction) == (2 if instruction is Instruction.VERIFY_PIN else 1)
        assert card.record.applications[0].user.tries_left == card.record.applications[0].user.tries_allowed


def foreign(reader: str) -> list[str]:
    """The codes that another program gets for connecting: shared, exclusive, and direct with and without protocol."""
    ended = subprocess.run(
        [sys.executable, "-c", FOREIGN, reader], check=True, capture_output=True, text=True
    )
    return ended.stdout.split()


@pytest.mark.pcsc
def test_no_other_program_can_connect_to_a_card_that_the_desk_holds_nor_reset_it(
    readers: PcscTokenSource, card: GmtCard, pcscd: tuple[str, int]
) -> None:
    noting = Noting(card)
    with in_reader(noting, pcscd):
        presence = inserted(readers)
        token: Token = readers.open(presence)
        token.verify_pin(PIN)
        assert foreign(presence.reader) == [SHARING_VIOLATION] * 4
        token.generate_key_pair()  # which needs the PIN: the security state is untouched
        assert noting.reached.count(Instruction.VERIFY_PIN) == 1
        token.close()
        assert SUCCESS in foreign(presence.reader)
