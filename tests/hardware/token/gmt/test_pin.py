"""The PIN's states: factory or changed, tries left, last try, blocked, unblocked, administrator PIN blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    NotSupported,
    PinBlocked,
    PinInvalid,
    PinState,
    SecurityNotSatisfied,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.virtual.gmt.factory import blank_key
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.apdu import Transport
    from hardware.virtual.gmt.card import GmtCard

    Opened = Callable[[Transport], GmtToken]

ADMINISTRATOR_TRIES = 10


def block(token: GmtToken, tries: int) -> None:
    for _ in range(tries - 1):
        with pytest.raises(WrongPin):
            token.verify_pin("999999")
    with pytest.raises(PinBlocked):
        token.verify_pin("999999")


def test_every_state_of_the_pin_is_told(tmp_path: Path, opened: Opened) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", pin_tries=3))
    assert token.pin_state() == PinState(3, 3, factory=True)
    assert token.pin_state().untouched
    for left in (2, 1):
        with pytest.raises(WrongPin):
            token.change_pin("999999", "222222")
        assert token.pin_state() == PinState(left, 3, factory=True)
    with pytest.raises(PinBlocked):
        token.change_pin("999999", "222222")
    assert token.pin_state().blocked
    with pytest.raises(PinBlocked):
        token.change_pin("111111", "222222")


def test_the_last_try_may_be_the_right_one(tmp_path: Path, opened: Opened) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", pin_tries=2))
    with pytest.raises(WrongPin) as refused:
        token.verify_pin("999999")
    assert refused.value.tries_left == 1
    token.verify_pin("111111")
    assert token.pin_state() == PinState(2, 2, factory=True)


@pytest.mark.parametrize("administrator_pin", [None, "00000000"])
def test_unblocking_gives_another_pin_and_all_tries_back(
    tmp_path: Path, opened: Opened, administrator_pin: str | None
) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", pin_tries=3))
    block(token, 3)
    token.unblock_pin(administrator_pin, "246810")
    assert token.pin_state() == PinState(3, 3, factory=False)
    with pytest.raises(WrongPin):
        token.verify_pin("111111")
    token.verify_pin("246810")


def test_unblocking_leaves_key_pair_and_certificate_and_verifies_nothing(
    card: GmtCard, opened: Opened
) -> None:
    token = opened(card)
    token.verify_pin("111111")
    public_key = token.generate_key_pair()
    token.write_certificate(b"certificate")
    token.unblock_pin(None, "246810")
    assert (token.public_key(), token.certificate()) == (public_key, b"certificate")
    with pytest.raises(SecurityNotSatisfied):
        token.sign(b"message")


def test_a_wrong_administrator_pin_counts_its_own_tries_down_to_blocked(
    card: GmtCard, opened: Opened
) -> None:
    token = opened(card)
    for left in range(ADMINISTRATOR_TRIES - 1, 0, -1):
        with pytest.raises(UnblockingPinRefused) as refused:
            token.unblock_pin("99999999", "246810")
        assert refused.value.tries_left == left
    for pin in ("99999999", "00000000", None):
        with pytest.raises(UnblockingPinBlocked):
            token.unblock_pin(pin, "246810")
    assert token.pin_state() == PinState(10, 10, factory=True)
    token.verify_pin("111111")


def test_a_right_administrator_pin_gives_its_own_tries_back(card: GmtCard, opened: Opened) -> None:
    token = opened(card)
    with pytest.raises(UnblockingPinRefused):
        token.unblock_pin("99999999", "246810")
    token.unblock_pin("00000000", "246810")
    assert card.record.applications[0].administrator.tries_left == ADMINISTRATOR_TRIES


def test_a_profile_without_an_administrator_pin_wants_one_given(card: GmtCard) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel, GmtProfile(administrator_pin=""))
    channel.sent.clear()
    with pytest.raises(NotSupported) as refused:
        token.unblock_pin(None, "246810")
    assert refused.value.function == "unblock"
    assert channel.sent == []
    token.unblock_pin("00000000", "246810")
    token.verify_pin("246810")


@pytest.mark.parametrize(
    ("administrator_pin", "new"), [("00000000", "12345"), ("", "246810"), ("1" * 17, "246810")]
)
def test_what_can_be_no_pin_is_not_sent_for_unblocking(
    card: GmtCard, administrator_pin: str, new: str
) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel)
    channel.sent.clear()
    with pytest.raises(PinInvalid):
        token.unblock_pin(administrator_pin, new)
    assert channel.sent == []
    assert card.record.applications[0].administrator.tries_left == ADMINISTRATOR_TRIES


def test_an_unblocking_proof_serves_once_and_no_pin_travels(card: GmtCard) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel)
    token.unblock_pin("00000000", "246810")
    assert channel.sent[-1][1] == Instruction.UNBLOCK_PIN
    assert all(pin not in command for pin in (b"00000000", b"246810") for command in channel.sent)
    assert card.transmit(channel.sent[-1]) == b"\x69\x85"


@pytest.mark.parametrize(
    ("status_word", "error", "left"),
    [
        ("63C3", UnblockingPinRefused, 3),
        ("6300", UnblockingPinRefused, None),
        ("63C0", UnblockingPinBlocked, None),
        ("6983", UnblockingPinBlocked, None),
    ],
)
def test_each_way_of_refusing_an_administrator_pin_is_told_apart(
    card: GmtCard, status_word: str, error: type[Exception], left: int | None
) -> None:
    class Refusing:
        def transmit(self, command: bytes) -> bytes:
            unblocking = command[1] == Instruction.UNBLOCK_PIN
            return bytes.fromhex(status_word) if unblocking else card.transmit(command)

    with pytest.raises(error) as refused:
        GmtToken(DirectChannel(Refusing())).unblock_pin(None, "246810")
    assert getattr(refused.value, "tries_left", None) == left


@pytest.mark.parametrize("pin", ["98765", "98765432109876543", "98765\x07", "九八七六五四"])
def test_what_can_be_no_pin_is_not_repeated_in_the_error(card: GmtCard, opened: Opened, pin: str) -> None:
    token = opened(card)
    presenting: tuple[Callable[[], None], ...] = (
        lambda: token.verify_pin(pin),
        lambda: token.change_pin("111111", pin),
        lambda: token.change_pin(pin, "111111"),
        lambda: token.unblock_pin(pin, "111111"),
        lambda: token.unblock_pin(None, pin),
    )
    for present in presenting:
        with pytest.raises(PinInvalid) as refused:
            present()
        assert pin not in str(refused.value)
        assert pin not in repr(refused.value)
