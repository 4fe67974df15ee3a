from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.ports import (
    MalformedAnswer,
    NoKeyPair,
    NotSupported,
    WrongPin,
)
from hardware.token.piv import PivToken
from hardware.token.piv_layout import ObjectIdentifier, Slot
from hardware.token.piv_profile import PivProfile
from hardware.virtual.piv_card import PivCard
from hardware.virtual.piv_card_blank import blank_piv_key
from hardware.virtual.piv_card_state import PivCardRecord

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
