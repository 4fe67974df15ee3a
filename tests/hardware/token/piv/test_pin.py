from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    PinBlocked,
    PinInvalid,
    PinState,
    SecurityNotSatisfied,
    TokenError,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.piv.commands import Instruction, Slot
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[..., PivToken]
    Make = Callable[[PivToken], bytes]

SIGNATURE_SLOT = PivProfile(slot=Slot.SIGNATURE)


def test_the_yubikey_tells_its_pins_tries_and_whether_it_is_the_factorys(
    tmp_path: Path, opened: Opened
) -> None:
    card = blank_piv_key(tmp_path / "card.json", "1", yubikey=True, pin_tries=5)
    token = opened(card)
    assert token.pin_state() == PinState(5, 5, factory=True)
    token.change_pin("123456", "654321")
    assert token.pin_state() == PinState(5, 5, factory=False)
    with pytest.raises(WrongPin):
        token.verify_pin("123456")
    assert token.pin_state() == PinState(4, 5, factory=False)


def test_the_cards_default_is_not_a_factory_pin_of_our_own(tmp_path: Path, opened: Opened) -> None:
    card = blank_piv_key(tmp_path / "card.json", "1", yubikey=True)
    token = opened(card, PivProfile(factory_pin="111111"))
    assert token.pin_state().factory is False
    token.change_pin("123456", "654321")
    assert token.pin_state().factory is None


def test_another_card_tells_the_tries_left_and_the_profile_those_allowed(
    tmp_path: Path, opened: Opened
) -> None:
    token = opened(blank_piv_key(tmp_path / "card.json", "1"))
    assert token.pin_state() == PinState(3, 3, factory=None)
    with pytest.raises(WrongPin):
        token.verify_pin("654321")
    assert token.pin_state() == PinState(2, 3, factory=None)
    token.verify_pin("123456")
    assert token.pin_state() == PinState(3, 3, factory=None)


def test_a_card_with_more_tries_than_the_profile_knows_is_not_untouched(
    tmp_path: Path, opened: Opened
) -> None:
    state = opened(blank_piv_key(tmp_path / "card.json", "1", pin_tries=10)).pin_state()
    assert state == PinState(10, None)
    assert not state.untouched


def test_wrong_pins_count_down_to_blocked_and_a_right_one_no_longer_helps(
    piv_card: PivCard, opened: Opened
) -> None:
    token = opened(piv_card)
    for left in (2, 1):
        with pytest.raises(WrongPin) as refused:
            token.verify_pin("222222")
        assert refused.value.tries_left == left
        assert token.pin_state().tries_left == left
    with pytest.raises(PinBlocked):
        token.verify_pin("222222")
    assert token.pin_state().blocked
    with pytest.raises(PinBlocked):
        token.verify_pin("123456")
    with pytest.raises(PinBlocked):
        token.change_pin("123456", "654321")


@pytest.mark.parametrize(
    "pin", ["", "12345", "123456789", "12345a", "一二三四五六", "12345\n", "１２３４５６"]
)
def test_what_cannot_be_a_pin_is_not_sent(piv_card: PivCard, pin: str) -> None:
    channel = DirectChannel(piv_card)
    token = PivToken(channel)
    channel.sent.clear()
    calls: tuple[Callable[[], None], ...] = (
        lambda: token.verify_pin(pin),
        lambda: token.change_pin(pin, "654321"),
        lambda: token.change_pin("123456", pin),
        lambda: token.unblock_pin(None, pin),
        lambda: token.unblock_pin("12345678", pin),
    )
    for refused in calls:
        with pytest.raises(PinInvalid):
            refused()
    assert channel.sent == []


@pytest.mark.parametrize("pin", ["123456", "1234567", "12345678"])
def test_a_pin_is_filled_to_eight_bytes(tmp_path: Path, pin: str) -> None:
    channel = DirectChannel(blank_piv_key(tmp_path / "card.json", "1", pin=pin))
    PivToken(channel).verify_pin(pin)
    assert channel.sent[-1] == bytes.fromhex("0020008008") + pin.encode().ljust(8, b"\xff")


@pytest.mark.parametrize("answer", ["63C2", "6983", "6300", "6982", "6F00", "6C08", "6A9E"])
def test_a_pin_is_presented_once_whatever_the_answer(piv_card: PivCard, answer: str) -> None:
    channel = DirectChannel(piv_card)
    token = PivToken(channel)
    calls: tuple[Callable[[], None], ...] = (
        lambda: token.verify_pin("123456"),
        lambda: token.change_pin("123456", "654321"),
        lambda: token.unblock_pin(None, "654321"),
    )
    for call in calls:
        channel.sent.clear()
        channel.transport = FaultyCard(piv_card, Fault(FaultKind.RUBBISH, rubbish=bytes.fromhex(answer)))
        with pytest.raises(TokenError):
            call()
        assert len(channel.sent) == 1


def test_a_changed_pin_replaces_the_old(piv_card: PivCard, opened: Opened) -> None:
    opened(piv_card).change_pin("123456", "87654321")
    token = opened(piv_card)
    with pytest.raises(WrongPin):
        token.verify_pin("123456")
    token.verify_pin("87654321")


def test_changing_the_pin_with_a_wrong_one_costs_a_try(piv_card: PivCard, opened: Opened) -> None:
    token = opened(piv_card)
    with pytest.raises(WrongPin) as refused:
        token.change_pin("222222", "333333")
    assert refused.value.tries_left == 2


@pytest.mark.parametrize("unblocking_pin", [None, "12345678"])
def test_the_puk_unblocks_the_pin(piv_card: PivCard, opened: Opened, unblocking_pin: str | None) -> None:
    token = opened(piv_card)
    for _ in range(2):
        with pytest.raises(WrongPin):
            token.verify_pin("222222")
    with pytest.raises(PinBlocked):
        token.verify_pin("222222")
    token.unblock_pin(unblocking_pin, "654321")
    assert token.pin_state().tries_left == 3
    token.verify_pin("654321")


def test_wrong_puks_count_down_to_blocked(piv_card: PivCard, opened: Opened) -> None:
    token = opened(piv_card)
    for left in (2, 1):
        with pytest.raises(UnblockingPinRefused) as refused:
            token.unblock_pin("00000000", "654321")
        assert refused.value.tries_left == left
    for unblocking_pin in ("00000000", "12345678"):
        with pytest.raises(UnblockingPinBlocked):
            token.unblock_pin(unblocking_pin, "654321")
    token.verify_pin("123456")


@pytest.mark.parametrize("status_word", ["6A80", "6985"])
def test_a_new_pin_that_the_card_declines_is_said_to_be_none(
    piv_card: PivCard, opened: Opened, status_word: str
) -> None:
    faulty = FaultyCard(piv_card)
    token = opened(faulty)
    calls: tuple[Callable[[], None], ...] = (
        lambda: token.change_pin("123456", "111111"),
        lambda: token.unblock_pin(None, "111111"),
    )
    for call in calls:
        faulty.plan(Fault(FaultKind.RUBBISH, rubbish=bytes.fromhex(status_word)))
        with pytest.raises(PinInvalid):
            call()


def test_a_card_is_asked_once_whether_it_tells_of_its_pins(tmp_path: Path) -> None:
    channel = DirectChannel(blank_piv_key(tmp_path / "card.json", "1"))
    token = PivToken(channel)
    token.pin_state()
    token.pin_state()
    token.generate_key_pair()
    assert [command[1] for command in channel.sent].count(Instruction.GET_METADATA) == 1


def test_in_slot_9c_the_pin_is_presented_before_each_signature(piv_card: PivCard, bound: Make) -> None:
    channel = DirectChannel(piv_card)
    token = PivToken(channel, SIGNATURE_SLOT)
    bound(token)
    channel.sent.clear()
    token.sign(b"first")
    token.certificate()
    token.sign(b"second")
    instructions = [command[1] for command in channel.sent]
    presented = [at for at, each in enumerate(instructions) if each == Instruction.VERIFY]
    assert len(presented) == 2
    assert all(instructions[at + 1] == Instruction.GENERAL_AUTHENTICATE for at in presented)
    token.change_pin("123456", "654321")
    token.sign(b"third")


def test_in_slot_9c_a_pin_that_is_refused_once_is_not_presented_again(piv_card: PivCard, bound: Make) -> None:
    channel = DirectChannel(piv_card)
    token = PivToken(channel, SIGNATURE_SLOT)
    bound(token)
    PivToken(DirectChannel(piv_card), SIGNATURE_SLOT).change_pin("123456", "654321")
    with pytest.raises(WrongPin):
        token.sign(b"message")
    with pytest.raises(SecurityNotSatisfied):
        token.sign(b"message")
    assert piv_card.record.pin.tries_left == 2


def test_in_slot_9a_the_pin_is_presented_once_and_not_kept(piv_card: PivCard, bound: Make) -> None:
    channel = DirectChannel(piv_card)
    token = PivToken(channel)
    bound(token)
    token.sign(b"first")
    token.sign(b"second")
    assert [command[1] for command in channel.sent].count(Instruction.VERIFY) == 1
    assert b"123456" not in repr(vars(token)).encode()


@pytest.mark.parametrize("profile", [PivProfile(), SIGNATURE_SLOT])
def test_no_secret_is_in_a_tokens_text_or_after_closing_in_its_memory(
    piv_card: PivCard, opened: Opened, profile: PivProfile, bound: Make
) -> None:
    token = opened(piv_card, profile)
    bound(token)
    assert "123456" not in repr(token)
    assert ("123456" in repr(vars(token))) == (profile is SIGNATURE_SLOT)
    token.close()
    assert "123456" not in repr(vars(token))


@pytest.mark.parametrize("value", ["70023001", "C10105", "7049"], ids=["certificate", "unknown", "cut off"])
@pytest.mark.parametrize("number", [0x5FC10A, 0x5FC10B, 0x5FC101, 0x5FC10D, 0x5FC112, 0x5FC120])
def test_the_pin_of_a_card_that_serves_elsewhere_is_its_owners(
    tmp_path: Path, opened: Opened, number: int, value: str
) -> None:
    """One PIN serves all slots: the factory PIN would take a try of it."""
    card = blank_piv_key(tmp_path / "card.json", "1")
    card.store(card.record.with_value(number, bytes.fromhex(value)))
    assert opened(card).pin_state() == PinState(3, 3, factory=False)


@pytest.mark.parametrize("value", ["", "7000", "70007101 00FE00", "FFFF"])
def test_the_pin_of_a_card_that_holds_nothing_elsewhere_may_be_the_factorys(
    tmp_path: Path, opened: Opened, value: str
) -> None:
    card = blank_piv_key(tmp_path / "card.json", "1")
    card.store(card.record.with_value(0x5FC10A, bytes.fromhex(value)))
    assert opened(card).pin_state().factory is None
    assert opened(card, SIGNATURE_SLOT).pin_state().factory is None


def test_a_card_that_tells_whose_its_pin_is_is_believed(tmp_path: Path, opened: Opened) -> None:
    card = blank_piv_key(tmp_path / "card.json", "1", yubikey=True)
    card.store(card.record.with_value(0x5FC10A, bytes.fromhex("70023001")))
    assert opened(card).pin_state().factory is True


def test_the_other_slots_are_asked_once_a_connection(tmp_path: Path) -> None:
    channel = DirectChannel(blank_piv_key(tmp_path / "card.json", "1"))
    token = PivToken(channel)
    states = {token.pin_state() for _ in range(3)}
    assert states == {PinState(3, 3, factory=None)}
    asked = [
        sent
        for sent in channel.sent
        if sent[1] == Instruction.GET_DATA and sent[5:10] == b"\x5c\x03\x5f\xc1\x12"
    ]
    assert len(asked) == 1
