"""The three styles in which the virtual card hands out what one response cannot hold, by their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.virtual.gmt.apdu import Chaining
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Made = Callable[[Chaining, int], GmtCard]

OPEN = "80260000000007" + b"KEYDESK".hex()
OPENED = "00000010081000000001"
GET_RESPONSE = "00C00000"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    blank_key(tmp_path / "card.json", "1")
    return lambda chaining, page: GmtCard(tmp_path / "card.json", chaining=chaining, page=page)


def conversation(card: GmtCard, *commands: str) -> list[str]:
    return [card.transmit(bytes.fromhex(command)).hex().upper() for command in commands]


def test_the_same_command_again_brings_the_next_piece(made: Made) -> None:
    card = made(Chaining.SAME_AGAIN, 4)
    assert conversation(card, *(OPEN + "0000",) * 4) == [
        OPENED[:8] + "6A9E",
        OPENED[8:16] + "6A9E",
        OPENED[16:] + "9000",
        OPENED[:8] + "6A9E",
    ]


def test_another_command_ends_the_answer(made: Made) -> None:
    card = made(Chaining.SAME_AGAIN, 4)
    pieces = conversation(card, OPEN + "0000", "80500000000001", OPEN + "0000")
    assert pieces[0] == pieces[2] == OPENED[:8] + "6A9E"


def test_get_response_brings_what_61xx_told_of(made: Made) -> None:
    card = made(Chaining.GET_RESPONSE, 4)
    assert conversation(
        card, OPEN + "0000", GET_RESPONSE + "000004", GET_RESPONSE + "000001", GET_RESPONSE + "000001"
    ) == [OPENED[:8] + "6104", OPENED[8:16] + "6102", OPENED[16:18] + "6101", OPENED[18:] + "9000"]
    assert conversation(card, GET_RESPONSE + "000001") == ["6985"]


def test_6cxx_tells_the_length_that_is_wanted(made: Made) -> None:
    card = made(Chaining.EXACT_LENGTH, 768)
    assert conversation(card, OPEN + "0000", OPEN + "000B", OPEN + "000A") == [
        "6C0A",
        "6C0A",
        OPENED + "9000",
    ]
    assert conversation(card, OPEN + "0004", GET_RESPONSE + "000006") == [
        OPENED[:8] + "6106",
        OPENED[8:] + "9000",
    ]


def test_an_answer_of_more_than_256_bytes_wants_256_and_goes_on_with_61xx(made: Made) -> None:
    card = made(Chaining.EXACT_LENGTH, 768)
    wrong, first, rest = conversation(card, "80040000000000", "80040000000100", GET_RESPONSE + "000026")
    assert wrong == "6C00"
    assert (len(first), first[-4:]) == (2 * 258, "6126")
    assert (len(rest), rest[-4:]) == (2 * (0x26 + 2), "9000")


@pytest.mark.parametrize("chaining", list(Chaining))
def test_no_answer_is_longer_than_asked_for(made: Made, chaining: Chaining) -> None:
    card = made(chaining, 768)
    for length in (1, 3, 9, 10):
        card.power_on()
        (answer,) = conversation(card, f"{OPEN}{length:04X}")
        assert len(answer) // 2 - 2 <= length


def test_power_forgets_what_was_still_to_come(made: Made) -> None:
    card = made(Chaining.GET_RESPONSE, 4)
    conversation(card, OPEN + "0000")
    card.power_on()
    assert conversation(card, GET_RESPONSE + "000004") == ["6985"]
