"""What must be kept secret is in nothing that a failing token says or that the traffic log writes."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest
from rich.pretty import pretty_repr

from hardware.apdu import Command, Response
from hardware.ports import HardwareError, TokenRemoved
from hardware.token.gmt.pin import pin_key
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.traffic import LEVEL, LOGGER, TrafficChannel
from hardware.virtual.card import VirtualCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.piv.factory import blank_piv_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.ports import Token

PINS = ("73625194", "91827364", "56473829", "84736251")
"""So long that no address or random number has one in it by chance."""
KEY = "C0FFEE11C0FFEE22C0FFEE33C0FFEE44"
MANAGEMENT_KEY = KEY + "C0FFEE55C0FFEE66"
GMT = GmtProfile(factory_pin=PINS[0], administrator_pin=PINS[1], device_key=KEY, longest_data=16)
PIV = PivProfile(factory_pin=PINS[0], unblocking_pin=PINS[1], management_key=MANAGEMENT_KEY)

VERBS: tuple[Callable[[Token], object], ...] = (
    lambda token: token.verify_pin(PINS[2]),
    lambda token: token.verify_pin(PINS[2] * 4),
    lambda token: token.change_pin(PINS[2], PINS[3]),
    lambda token: token.unblock_pin(PINS[1], PINS[3]),
    lambda token: token.unblock_pin(None, PINS[3]),
    lambda token: token.random(8),
    lambda token: token.generate_key_pair(),
    lambda token: token.erase(),
    lambda token: token.sign(b"message"),
    repr,
)
STATUS_WORDS = ("63C2", "6983", "6982", "6A80", "6985", "6D00", "6F00", "61FF", "6C10", "6A9E", "90", "")


class Failing:
    """A channel that answers as the card does until an exchange, and from then with one answer (None: no more)."""

    atr = b"\x3b\x00"

    def __init__(self, card: VirtualCard, answer: str | None, *, after: int) -> None:
        self.card = card
        self.answer = answer
        self.left = after
        self.sent: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        self.left -= 1
        if self.left >= 0:
            return bytes(self.card.transmit(command))
        if self.answer is None:
            raise TokenRemoved("the card gave no answer")
        return bytes.fromhex(self.answer)

    def close(self) -> None:
        return


def chain(failure: BaseException | None) -> list[str]:
    """Write out an exception, its notes and all that led to it."""
    told: list[str] = []
    while failure is not None:
        told += [str(failure), repr(failure), repr(failure.args), repr(vars(failure))]
        told += traceback.format_exception(failure)
        failure = failure.__cause__ or failure.__context__
    return told


def secrets() -> list[str]:
    plain = [*PINS, KEY, MANAGEMENT_KEY]
    return [*plain, *(pin.encode().hex() for pin in PINS), *(pin_key(pin).hex() for pin in PINS)]


def found_in(emitted: str) -> list[str]:
    flat = emitted.lower().replace(" ", "").replace("\\x", "")
    return [secret for secret in secrets() if secret.lower() in flat]


def drive(
    opened: Callable[[TrafficChannel], Token], failing: Failing, verb: Callable[[Token], object]
) -> str:
    said: list[str] = []
    logger = logging.getLogger(LOGGER)
    try:
        token = opened(TrafficChannel(failing, logger))
        said += [repr(token), repr(vars(token))]
        said.append(str(verb(token)))
    except (HardwareError, ValueError) as failure:
        said += chain(failure)
    return "\n".join(said)


@pytest.mark.parametrize("after", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("kind", ["gmt", "piv"])
def test_no_secret_is_told_and_no_proof_is_sent_twice_however_the_card_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, after: int
) -> None:
    caplog.set_level(LEVEL, LOGGER)
    said: list[str] = []
    for number, (verb, answer) in enumerate(
        (verb, answer) for verb in VERBS for answer in (*STATUS_WORDS, None)
    ):
        path = tmp_path / f"{number}.json"
        card: VirtualCard = blank_key(path, "7") if kind == "gmt" else blank_piv_key(path, "7")
        failing = Failing(card, answer, after=after)
        said.append(
            drive(
                lambda channel: GmtToken(channel, GMT) if kind == "gmt" else PivToken(channel, PIV),
                failing,
                verb,
            )
        )
        proofs = [sent for sent in failing.sent if is_pin(kind, sent)]
        assert len(proofs) <= 1, (number, answer)
        assert all(sent[0] in (0x00, 0x80) for sent in proofs)
    assert not found_in("\n".join(said) + caplog.text)


@pytest.mark.parametrize("shown", [repr, pretty_repr], ids=["plain", "in a formatted traceback"])
def test_what_carries_a_secret_does_not_show_it(shown: Callable[[object], str]) -> None:
    data = PINS[2].encode() + pin_key(PINS[3])
    for carrier in (GMT, PIV, Command(0x20, data=data), Response(data, 0x9000)):
        told = shown(carrier)
        assert type(carrier).__name__ in told
        assert not found_in(told)
        assert PINS[2] not in told


def is_pin(kind: str, command: bytes) -> bool:
    """Whether a command presents a PIN, a PUK or an administrator PIN."""
    if kind == "gmt":
        return command[1] in (0x16, 0x18, 0x1A)
    return command[1] in (0x20, 0x24, 0x2C) and len(command) > 5
