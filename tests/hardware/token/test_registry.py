"""Which driver a card gets, and how few commands that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from hardware.ports import MalformedAnswer, TokenFault, TokenNotPrepared, TokenNotRecognised, TokenRemoved
from hardware.token.gmt.profile import GmtProfile
from hardware.token.piv.profile import PivProfile
from hardware.token.registry import DRIVERS, gmt_driver, open_token, piv_driver
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel, ScriptedTransport

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.virtual.gmt.card import GmtCard

SELECTED = bytes.fromhex("61 11 4F 06 00 00 10 00 01 00 79 07 4F 05 A0 00 00 03 08 90 00")
YUBIKEY = bytes.fromhex("3B FD 13 00 00 81 31 FE 15 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 40")


class SecurityKey:
    """As much of a PIV card as opening asks: SELECT and GET SERIAL."""

    def __init__(self, selected: bytes = SELECTED) -> None:
        self.selected = selected

    def transmit(self, command: bytes) -> bytes:
        match command[:2]:
            case b"\x00\xa4":
                return self.selected
            case b"\x00\xf8":
                return bytes.fromhex("00 BC 61 4E 90 00")
        return bytes.fromhex("6E 00")


def test_a_gmt_key_is_recognised_and_opened_by_its_profile(card: GmtCard) -> None:
    token = open_token(DirectChannel(card), (gmt_driver(GmtProfile(name="our vendor")),))
    assert token.driver == "our vendor"


def test_a_gmt_key_shows_its_serial_number_after_one_command(card: GmtCard) -> None:
    channel = DirectChannel(card)
    assert open_token(channel).serial == card.serial
    assert len(channel.sent) == 1


def test_a_piv_card_is_recognised_after_gmt_was_asked() -> None:
    channel = DirectChannel(SecurityKey())
    token = open_token(channel, (gmt_driver(), piv_driver(PivProfile(name="our PIV"))))
    assert (token.driver, token.serial) == ("our PIV", "12345678")
    assert len(channel.sent) == 3


def test_a_yubikey_by_its_answer_to_reset_is_asked_for_piv_first() -> None:
    class Channel(DirectChannel):
        atr = YUBIKEY

    channel = Channel(SecurityKey())
    assert open_token(channel).driver == "piv"
    assert [command[1] for command in channel.sent] == [0xA4, 0xF8]


@pytest.mark.parametrize(("yubikey", "commands"), [(True, 2), (False, 3)])
def test_a_piv_card_that_names_itself_shows_its_serial_number_after_few_commands(
    tmp_path: Path, *, yubikey: bool, commands: int
) -> None:
    card = blank_piv_key(tmp_path / "card", "7", yubikey=yubikey)

    class Channel(DirectChannel):
        atr = card.atr

    channel = Channel(card)
    assert open_token(channel).driver == "piv"
    assert len(channel.sent) == commands


def test_what_a_recogniser_read_is_given_again_once_only(card: GmtCard) -> None:
    class Twice:
        def __init__(self, channel: DirectChannel) -> None:
            self.answers = [channel.transmit(command) for _ in range(2) for command in (first, first, other)]

    first, other = bytes.fromhex("80040000000000"), bytes.fromhex("80260000000007") + b"KEYDESK\x00\x0a"
    row = msgspec.structs.replace(gmt_driver(), open=Twice)
    channel = DirectChannel(card)
    opened: Any = open_token(channel, (row,))
    assert channel.sent == [first, first, other, first, first, other]
    assert opened.answers[0] == opened.answers[1] == opened.answers[3]


def test_gmt_is_asked_before_piv() -> None:
    assert [driver.name for driver in DRIVERS] == ["gmt", "piv"]


@pytest.mark.parametrize("status_word", ["6D00", "6E00", "6700", "6A86"])
def test_a_card_that_no_row_knows_is_named_and_let_go_after_two_commands(status_word: str) -> None:
    channel = DirectChannel(ScriptedTransport(*[bytes.fromhex(status_word)] * 2))
    with pytest.raises(TokenNotRecognised) as refused:
        open_token(channel)
    assert refused.value.atr == channel.atr
    assert channel.closed
    assert len(channel.sent) == 2


@pytest.mark.parametrize(
    ("answer", "error"), [("6F00", TokenFault), ("", MalformedAnswer), ("9000", MalformedAnswer)]
)
def test_a_card_that_fails_at_once_is_faulty_and_let_go(answer: str, error: type[Exception]) -> None:
    channel = DirectChannel(ScriptedTransport(bytes.fromhex(answer), bytes.fromhex(answer)))
    with pytest.raises(error):
        open_token(channel)
    assert channel.closed


def test_a_card_that_calls_an_unknown_command_a_fault_is_still_recognised_by_another_row() -> None:
    class Grumbling(SecurityKey):
        def transmit(self, command: bytes) -> bytes:
            return b"\x6f\x00" if command[0] == 0x80 else super().transmit(command)

    assert open_token(DirectChannel(Grumbling())).driver == "piv"


def test_a_card_pulled_while_it_is_asked_is_removed_and_asked_no_further() -> None:
    class Pulled:
        def transmit(self, command: bytes) -> bytes:
            raise TokenRemoved(command.hex())

    channel = DirectChannel(Pulled())
    with pytest.raises(TokenRemoved):
        open_token(channel)
    assert channel.closed
    assert len(channel.sent) == 1


def test_a_key_without_the_desk_s_application_opens_and_shows_its_serial_number(card: GmtCard) -> None:
    token = open_token(DirectChannel(card), (gmt_driver(GmtProfile(application="OTHER")),))
    assert token.serial == card.serial
    with pytest.raises(TokenNotPrepared):
        token.pin_state()
