from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.ports import (
    DeviceKeyRefused,
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    TokenFault,
    UnblockingPinBlocked,
    UnblockingPinRefused,
    WrongPin,
)
from hardware.token.piv.commands import Instruction, ObjectIdentifier, Slot
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import PivCardRecord
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Opened = Callable[..., PivToken]
    Make = Callable[[PivToken], bytes]
    Certify = Callable[..., bytes]

CONTAINERS = {
    Slot.AUTHENTICATION: ObjectIdentifier.AUTHENTICATION_CERTIFICATE,
    Slot.SIGNATURE: ObjectIdentifier.SIGNATURE_CERTIFICATE,
}


def others(record: PivCardRecord, slot: Slot = Slot.AUTHENTICATION) -> PivCardRecord:
    """What is on the card besides the slot's key and certificate."""
    return msgspec.structs.replace(
        record,
        keys=tuple(each for each in record.keys if f"{each.slot:02X}" != slot),
        objects=tuple(each for each in record.objects if each.number != CONTAINERS[slot]),
    )


def test_without_a_puk_nothing_is_unblocked_or_erased(piv_card: PivCard, opened: Opened, bound: Make) -> None:
    bound(opened(piv_card))
    before = piv_card.record
    token = opened(piv_card, PivProfile(unblocking_pin=""))
    with pytest.raises(NotSupported) as refused:
        token.unblock_pin(None, "654321")
    assert refused.value.function == "unblock"
    with pytest.raises(NotSupported) as refused:
        token.erase()
    assert refused.value.function == "erase"
    assert piv_card.record == before


def test_erasing_leaves_a_blank_slot_and_the_factory_pin(
    piv_card: PivCard, opened: Opened, tmp_path: Path, made: Make, certificate_for: Certify
) -> None:
    token = opened(piv_card)
    public_key = made(token)
    token.write_certificate(certificate_for(public_key))
    token.change_pin("123456", "654321")
    for _ in range(2):
        with pytest.raises(WrongPin):
            token.verify_pin("222222")
    before = others(piv_card.record)
    token.erase()
    assert token.public_key() is None
    assert token.certificate() is None
    state = token.pin_state()
    assert state.untouched
    token.verify_pin("123456")
    after = others(piv_card.record)
    assert msgspec.structs.replace(after, pin=before.pin) == before
    assert after.pin == blank_piv_key(tmp_path / "new.json", "1").record.pin
    key = piv_card.record.key(0x9A)
    assert key is not None
    assert key.public_key != public_key
    with pytest.raises(NoKeyPair):
        token.sign(b"message")


def test_a_wrong_puk_costs_a_try_and_nothing_else(piv_card: PivCard, opened: Opened, bound: Make) -> None:
    token = opened(piv_card, PivProfile(unblocking_pin="87654321"))
    certificate = bound(token)
    before, allowed = piv_card.record, piv_card.record.unblocking_pin.tries_allowed
    for left in range(allowed - 1, -1, -1):
        with pytest.raises((UnblockingPinRefused, UnblockingPinBlocked)):
            token.erase()
        puk = msgspec.structs.replace(before.unblocking_pin, tries_left=left)
        assert piv_card.record == msgspec.structs.replace(before, unblocking_pin=puk)
    with pytest.raises(UnblockingPinBlocked):
        token.erase()
    assert token.certificate() == certificate
    token.verify_pin("123456")
    assert token.sign(b"message")


def test_a_wrong_management_key_costs_no_try_of_the_puk(
    piv_card: PivCard, opened: Opened, bound: Make
) -> None:
    length = len(piv_card.record.management.key)
    bound(opened(piv_card))
    before = piv_card.record
    wrong = PivProfile(management_key="0F" * length, unblocking_pin="87654321")
    with pytest.raises(DeviceKeyRefused):
        opened(piv_card, wrong).erase()
    assert piv_card.record == before


def test_an_erase_that_stops_leaves_no_key_that_anybody_can_use_and_erasing_again_completes_it(
    piv_card: PivCard, opened: Opened, bound: Make
) -> None:
    faulty = FaultyCard(piv_card)
    token = opened(faulty)
    certificate = bound(token)
    old = piv_card.record.key(0x9A)
    for instruction in (Instruction.PUT_DATA, Instruction.GENERATE_ASYMMETRIC_KEY_PAIR):
        faulty.plan(Fault(FaultKind.INTERNAL_ERROR, instruction=instruction))
        with pytest.raises(TokenFault):
            token.erase()
        assert piv_card.record.key(0x9A) == old
        assert token.certificate() == (certificate if instruction is Instruction.PUT_DATA else None)
        with pytest.raises(WrongPin):
            token.verify_pin("123456")
    token.erase()
    assert token.pin_state().untouched
    token.verify_pin("123456")
    assert piv_card.record.key(0x9A) != old


def test_the_pin_that_stands_meanwhile_is_another_one_each_time(piv_card: PivCard) -> None:
    drawn = itertools.count(1)
    seen = set()
    for _ in range(3):
        channel = DirectChannel(piv_card)
        PivToken(channel, random=lambda length: next(drawn).to_bytes(length)).erase()
        first, last = [sent[13:21] for sent in channel.sent if sent[1] == Instruction.RESET_RETRY_COUNTER]
        assert last == b"123456\xff\xff"
        seen.add(first)
    assert len(seen) == 3
    assert all(len(pin) == 8 and pin.isdigit() for pin in seen)


def test_a_blank_card_is_erased_too_and_bound_afterwards(
    piv_card: PivCard, opened: Opened, bound: Make
) -> None:
    token = opened(piv_card)
    token.erase()
    token.erase()
    assert bound(token) == token.certificate()


def test_random_bytes_come_from_the_card_as_many_as_wanted(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "card.json"
    blank_piv_key(path, "1")
    given: list[bytes] = []

    def make(count: int) -> bytes:
        given.append(bytes([len(given) + 1]) * count)
        return given[-1]

    token = opened(PivCard(path, make))
    assert token.random(20) == (b"\1" * 8 + b"\2" * 8 + b"\3" * 8)[:20]
    assert len(opened(PivCard(path)).random(64)) == 64
    assert opened(PivCard(path)).random(64) != opened(PivCard(path)).random(64)


def test_a_card_that_repeats_its_random_bytes_is_caught(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "card.json"
    blank_piv_key(path, "1")
    with pytest.raises(MalformedAnswer):
        opened(PivCard(path, bytes)).random(9)


@pytest.mark.parametrize("count", [0, 65, -1])
def test_random_bytes_are_1_to_64(piv_card: PivCard, opened: Opened, count: int) -> None:
    with pytest.raises(ValueError, match="64"):
        opened(piv_card).random(count)


def test_a_random_number_between_two_writes_does_not_hinder_the_second(
    piv_card: PivCard, opened: Opened, certificate_for: Certify
) -> None:
    token = opened(piv_card)
    public_key = token.generate_key_pair()
    token.random(16)
    token.write_certificate(certificate_for(public_key))
    assert token.certificate() is not None
