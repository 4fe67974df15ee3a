"""Which driver speaks to a card: one table, asked row by row.

    driver  reached by       the answer to reset says      recognised by, which only reads
    gmt     PC/SC            nothing: vendors choose it    GetDevInfo (80 04) answers 9000
    piv     PC/SC            YubiKey or PIV: asked first   SELECT A0 00 00 03 08 00 00 10 00 answers its template
    skf     its own library  not seen                      SKF_EnumDev names it (`hardware.sources` joins it)

Rows are asked in this order. GetDevInfo comes first because it changes nothing on any card, while SELECT leaves
another application selected, and because most keys here are GM/T's; where the answer to reset says that another
row is likely, that row is asked before. A card that says it is faulty (6F00 and the like) is a faulty one only
where no other row recognises it: some cards say so of a command that they do not know.

What a recogniser read is not read again: the driver gets those answers to the same commands, so that a GM/T key
shows its serial number after one command, a YubiKey after two and another PIV card after three (one more where its
answer to reset does not name it), and a card that no row knows is let go after two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.apdu import EVERYTHING, Channel, Command, exchange
from hardware.ports import MalformedAnswer, Token, TokenFault, TokenNotRecognised
from hardware.token.gmt.commands import Instruction, StatusWord
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.token.known_cards import parse_answer_to_reset
from hardware.token.piv import token as piv
from hardware.token.piv.commands import APPLICATION
from hardware.token.piv.profile import PivProfile
from hardware.traffic import traffic_channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REGISTERED: Final = 5
"""Bytes of an application identifier that name who registered it (ISO/IEC 7816-4, 8.2.1.2)."""


class Driver(msgspec.Struct, frozen=True):
    """One row: how a card is recognised, without changing anything on it, and how it is opened.

    `likely` tells from the answer to reset alone that this row should be asked before the others.
    """

    name: str
    recognises: Callable[[Channel], bool]
    open: Callable[[Channel], Token]
    likely: Callable[[bytes], bool] = lambda _: False


def _answers_gmt(channel: Channel) -> bool:
    """Ask for GM/T device information, which needs no PIN; other cards do not know the command."""
    command = Command(Instruction.GET_DEVICE_INFORMATION, expected=EVERYTHING)
    status_word = exchange(channel, command).status_word
    if status_word in (StatusWord.INTERNAL, StatusWord.EXECUTION, StatusWord.MEMORY):
        raise TokenFault(Instruction.GET_DEVICE_INFORMATION, status_word)
    return status_word == StatusWord.SUCCESS


def _names_piv(atr: bytes) -> bool:
    """Whether the historical bytes name a YubiKey, or PIV by its registered identifier (ISO/IEC 7816-4, 8.1.1)."""
    answer = parse_answer_to_reset(atr)
    return answer is not None and (
        b"yubikey" in answer.historical.lower() or APPLICATION[:_REGISTERED] in answer.historical
    )


def gmt_driver(profile: GmtProfile | None = None) -> Driver:
    """Return the row of the GM/T 0017 driver for one profile."""
    chosen = profile or GmtProfile()
    return Driver(chosen.name, _answers_gmt, lambda channel: GmtToken(channel, chosen))


def piv_driver(profile: PivProfile | None = None) -> Driver:
    """Return the row of the PIV driver for one profile."""
    chosen = profile or PivProfile()
    return Driver(chosen.name, piv.select, lambda channel: piv.PivToken(channel, chosen), _names_piv)


DRIVERS: Final[tuple[Driver, ...]] = (gmt_driver(), piv_driver())
"""The drivers of a desk that configures none."""


def open_token(channel: Channel, drivers: Sequence[Driver] = DRIVERS) -> Token:
    """Open the card with the first driver that recognises it; the channel is closed where that fails.

    Raises TokenNotRecognised, TokenRemoved, and what the driver raises.
    """
    heard = traffic_channel(channel)
    opened = False
    try:
        driver, remembering = _recognise(heard, drivers)
        token = driver.open(remembering)
        opened = True
        return token
    finally:
        if not opened:
            heard.close()


def _recognise(channel: Channel, drivers: Sequence[Driver]) -> tuple[Driver, Channel]:
    """Ask row by row. Raises TokenNotRecognised, or the first fault where the card told of one."""
    fault: TokenFault | MalformedAnswer | None = None
    for driver in sorted(drivers, key=lambda each: not each.likely(channel.atr)):
        remembering = _Remembering(channel)
        try:
            if driver.recognises(remembering):
                remembering.repeat()
                return driver, remembering
        except (TokenFault, MalformedAnswer) as failure:
            fault = fault or failure
    raise fault or TokenNotRecognised(channel.atr)


class _Remembering:
    """A channel that gives a recogniser's answers once more to the driver that begins with the same commands.

    At the first other command the rest is forgotten, so nothing is ever answered from memory after the card's
    state may have changed.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._heard: list[tuple[bytes, bytes]] = []
        self._recognising = True

    @property
    def atr(self) -> bytes:
        return self._channel.atr

    def repeat(self) -> None:
        """Remember no more, and begin to answer from memory."""
        self._recognising = False

    def transmit(self, command: bytes) -> bytes:
        if not self._recognising and self._heard:
            asked, answer = self._heard.pop(0)
            if asked == command:
                return answer
            self._heard.clear()
        answer = self._channel.transmit(command)
        if self._recognising:
            self._heard.append((command, answer))
        return answer

    def close(self) -> None:
        self._channel.close()
