"""Which driver speaks to a card: a small table, asked row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from hardware.apdu import EVERYTHING, Channel, Command, exchange
from hardware.ports import Token, TokenFault, TokenNotRecognised
from hardware.token.gmt import GmtToken
from hardware.token.gmt_layout import Instruction, StatusWord
from hardware.token.gmt_profile import GmtProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Driver(msgspec.Struct, frozen=True):
    """One row: how a card is recognised, without changing anything on it, and how it is opened."""

    name: str
    recognises: Callable[[Channel], bool]
    open: Callable[[Channel], Token]


def _answers_gmt(channel: Channel) -> bool:
    """Ask for GM/T device information, which needs no PIN; other cards do not know the command.

    A GM/T key has no ATR of its own, vendors choose theirs. 6F00 and the like are a fault of the card, not
    a sign of another kind of card.
    """
    command = Command(Instruction.GET_DEVICE_INFORMATION, expected=EVERYTHING)
    status_word = exchange(channel, command).status_word
    if status_word in (StatusWord.INTERNAL, StatusWord.EXECUTION, StatusWord.MEMORY):
        raise TokenFault(Instruction.GET_DEVICE_INFORMATION, status_word)
    return status_word == StatusWord.SUCCESS


def gmt_driver(profile: GmtProfile | None = None) -> Driver:
    """Return the row of the GM/T 0017 driver for one profile."""
    chosen = profile or GmtProfile()
    return Driver(chosen.name, _answers_gmt, lambda channel: GmtToken(channel, chosen))


DRIVERS: Final[tuple[Driver, ...]] = (gmt_driver(),)
"""The drivers of a desk that configures none."""


def open_token(channel: Channel, drivers: Sequence[Driver] = DRIVERS) -> Token:
    """Open the card with the first driver that recognises it; the channel is closed where that fails.

    Raises TokenNotRecognised, and what the driver raises.
    """
    opened = False
    try:
        for driver in drivers:
            if driver.recognises(channel):
                token = driver.open(channel)
                opened = True
                return token
    finally:
        if not opened:
            channel.close()
    raise TokenNotRecognised(channel.atr)
