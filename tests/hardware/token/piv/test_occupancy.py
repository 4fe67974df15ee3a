"""A slot of which neither an object nor GET METADATA tells: whose it is, by what the card does, and without a try of the PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.ports import NoKeyPair, PinShared
from hardware.token.piv.commands import Instruction, KeyReference, ObjectIdentifier, OtherAlgorithm, Slot
from hardware.token.piv.objects import NOT_UNDERSTOOD, VACATED
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.virtual.card import CardPulled, Fault, FaultKind, FaultyCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import KeyRecord
from tests.support.channels import DirectChannel
from tests.support.piv_certificates import issue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.virtual.card import VirtualCard
    from hardware.virtual.piv.card import PivCard

    Opened = Callable[..., PivToken]
    Make = Callable[[PivToken], bytes]

CONTAINERS = {
    Slot.AUTHENTICATION: ObjectIdentifier.AUTHENTICATION_CERTIFICATE,
    Slot.SIGNATURE: ObjectIdentifier.SIGNATURE_CERTIFICATE,
}
KEYS = {Slot.AUTHENTICATION: KeyReference.AUTHENTICATION, Slot.SIGNATURE: KeyReference.SIGNATURE}
POINT = bytes.fromhex(
    "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
    "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
)
SCALAR = (1).to_bytes(32)


@pytest.fixture
def card(tmp_path: Path) -> PivCard:
    """One of the standard, as its maker ships it."""
    return blank_piv_key(tmp_path / "card.json", "11409355")


def imported(card: PivCard, slot: int = KeyReference.AUTHENTICATION) -> PivCard:
    """The card with somebody's key in that slot, and no certificate."""
    card.store(card.record.with_key(KeyRecord(slot, SCALAR, POINT)))
    return card


class PinFirst:
    """A card that looks for the PIN before it looks for the key."""

    def __init__(self, card: PivCard) -> None:
        self._card = card
        self.asked: list[int] = []

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        if command[1] == Instruction.GENERAL_AUTHENTICATE and command[3] != KeyReference.MANAGEMENT:
            self.asked.append(command[2])
            if not self._card.session.verified:
                return b"\x69\x82"
        return self._card.transmit(command)


class Answering(PinFirst):
    """A card that answers so to GENERAL AUTHENTICATE with a slot's key, by algorithm, and to ATTEST."""

    def __init__(self, card: PivCard, answers: dict[int, str], attested: bytes = b"") -> None:
        super().__init__(card)
        self._answers = answers
        self._attested = attested
        self._rest = b""

    def transmit(self, command: bytes) -> bytes:
        match command[1]:
            case Instruction.ATTEST if self._attested:
                self._rest = self._attested
                return self._piece()
            case 0xC0 if self._rest:
                return self._piece()
            case Instruction.GENERAL_AUTHENTICATE if command[3] != KeyReference.MANAGEMENT:
                chained = command[0] & 0x10
                return b"\x90\x00" if chained else bytes.fromhex(self._answers.get(command[2], "6A86"))
        return self._card.transmit(command)

    def _piece(self) -> bytes:
        piece, self._rest = self._rest[:200], self._rest[200:]
        return piece + (bytes((0x61, min(len(self._rest), 255))) if self._rest else b"\x90\x00")


def test_a_card_that_says_that_there_is_no_key_pair_is_blank_and_not_doubted(
    card: PivCard, opened: Opened, made: Make
) -> None:
    token = opened(card)
    assert (token.certificate(), token.public_key()) == (None, None)
    assert not token.doubtful
    assert token.pin_state().factory is None
    assert made(token) == token.public_key()


@pytest.mark.parametrize("slot", list(Slot))
def test_an_imported_key_pair_is_doubted_before_the_pin_and_somebodys_after_it(
    card: PivCard, opened: Opened, slot: Slot
) -> None:
    before = imported(card, KEYS[slot]).record
    token = opened(card, PivProfile(slot=slot))
    assert (token.certificate(), token.public_key()) == (None, None)
    assert token.doubtful
    assert token.pin_state().factory is False, "nothing tries the factory PIN by itself"
    token.verify_pin("123456")
    assert token.certificate() == NOT_UNDERSTOOD
    assert token.public_key() is None
    assert not token.doubtful
    token.close()
    assert card.record == before


@pytest.mark.parametrize("slot", list(Slot))
def test_a_blank_card_that_wants_the_pin_first_is_doubted_until_it_has_it(
    card: PivCard, opened: Opened, slot: Slot
) -> None:
    token = opened(PinFirst(card), PivProfile(slot=slot))
    assert token.certificate() is None
    assert token.doubtful
    assert token.pin_state().factory is False
    token.verify_pin("123456")
    assert token.certificate() is None
    assert not token.doubtful
    assert token.generate_key_pair() == token.public_key()


def test_one_that_holds_a_key_pair_and_wants_the_pin_first_is_somebodys_once_it_has_it(
    card: PivCard, opened: Opened
) -> None:
    token = opened(PinFirst(imported(card)))
    token.verify_pin("123456")
    assert token.certificate() == NOT_UNDERSTOOD


def test_where_it_cannot_be_told_with_the_pin_either_it_is_somebodys(card: PivCard, opened: Opened) -> None:
    token = opened(Answering(card, {0x11: "6982"}))
    assert token.certificate() is None
    token.verify_pin("123456")
    assert token.certificate() == NOT_UNDERSTOOD


@pytest.mark.parametrize("algorithm", list(OtherAlgorithm))
def test_a_key_pair_of_another_kind_is_somebodys_at_once(
    card: PivCard, opened: Opened, algorithm: OtherAlgorithm
) -> None:
    token = opened(Answering(card, {algorithm: "6982"}))
    assert token.certificate() == NOT_UNDERSTOOD
    assert token.public_key() is None


@pytest.mark.parametrize("answer", ["6985", "6A80", "6A86", "6A88"])
def test_whatever_says_that_there_is_none_is_taken_for_that(
    card: PivCard, opened: Opened, answer: str
) -> None:
    told = dict.fromkeys((0x11, *OtherAlgorithm), answer)
    token = opened(Answering(card, told))
    assert token.certificate() is None
    assert not token.doubtful


@pytest.mark.parametrize(
    "container",
    [
        ObjectIdentifier.SIGNATURE_CERTIFICATE,
        ObjectIdentifier.KEY_MANAGEMENT_CERTIFICATE,
        0x5FC10D,
        0x5FC120,
    ],
)
def test_a_doubted_slot_of_a_card_with_another_certificate_is_somebodys(
    card: PivCard, opened: Opened, container: int
) -> None:
    card.store(card.record.with_value(container, b"\x70\x03\x30\x01\x00\x71\x01\x00\xfe\x00"))
    assert opened(PinFirst(card)).certificate() == NOT_UNDERSTOOD
    assert opened(card).certificate() is None, "one that tells of the slot is believed"


@pytest.mark.parametrize(("curve", "blank"), [("P-256", True), ("P-384", False)])
def test_what_the_card_attests_to_have_made_is_as_the_desk_leaves_it(
    card: PivCard,
    opened: Opened,
    curve: str,
    blank: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    point = POINT if curve == "P-256" else _p384()
    token = opened(Answering(card, {0x11: "6982"}, issue(point)))
    assert (token.certificate() is None) is blank
    assert not token.doubtful


def _p384() -> bytes:
    return bytes.fromhex(
        "04AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7"
        "3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F"
    )


@pytest.mark.parametrize("slot", list(Slot))
def test_what_the_desk_erased_says_so_and_is_blank_on_any_card(
    card: PivCard, opened: Opened, slot: Slot
) -> None:
    profile = PivProfile(slot=slot)
    for channel in (card, PinFirst(card)):
        opened(channel, profile).erase()
        assert card.record.value(CONTAINERS[slot]) == VACATED
        token = opened(channel, profile)
        assert (token.certificate(), token.public_key()) == (None, None)
        assert not token.doubtful
        assert token.pin_state().factory is None
        with pytest.raises(NoKeyPair):
            token.sign(b"message")


@pytest.mark.parametrize("kind", [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER])
def test_a_blank_card_stays_free_wherever_it_is_pulled_until_its_key_is_recorded(
    tmp_path: Path, opened: Opened, made: Make, kind: FaultKind
) -> None:
    for point in range(1, 80):
        card = blank_piv_key(tmp_path / "card.json", "11409355")
        try:
            token = opened(FaultyCard(card, Fault(kind, at=point)))
            assert token.certificate() is None
            made(token)
        except CardPulled:
            card.power_on()
            again = opened(card)
            recorded = again.public_key()
            assert recorded is not None or again.certificate() is None
            assert not again.doubtful
            assert made(again) == again.public_key()
            continue
        assert point > 8
        return
    pytest.fail("the work does not end")


def test_the_slot_is_asked_once_without_the_pin_and_once_with_it(card: PivCard, opened: Opened) -> None:
    channel = PinFirst(card)
    token = opened(channel)
    for _ in range(3):
        assert (token.certificate(), token.public_key()) == (None, None)
        token.pin_state()
    assert channel.asked == [0x11]
    channel.asked.clear()
    token.verify_pin("123456")
    for _ in range(3):
        assert (token.certificate(), token.public_key()) == (None, None)
    assert channel.asked[0] == 0x11
    assert set(channel.asked) == {0x11, *OtherAlgorithm}
    before = len(channel.asked)
    token.certificate()
    assert len(channel.asked) == before


# Other slots in use


def certificate_elsewhere(card: PivCard) -> None:
    card.store(card.record.with_value(ObjectIdentifier.KEY_MANAGEMENT_CERTIFICATE, issue(POINT)))


def retired_certificate(card: PivCard) -> None:
    card.store(card.record.with_value(0x5FC112, issue(POINT)))


def key_pair_elsewhere(card: PivCard) -> None:
    imported(card, KeyReference.SIGNATURE)


@pytest.mark.parametrize(
    ("put", "yubikey"),
    [
        pytest.param(certificate_elsewhere, False, id="certificate-standard"),
        pytest.param(certificate_elsewhere, True, id="certificate-yubikey"),
        pytest.param(retired_certificate, False, id="retired-standard"),
        pytest.param(retired_certificate, True, id="retired-yubikey"),
        pytest.param(key_pair_elsewhere, True, id="key-pair-that-is-told"),
    ],
)
def test_a_card_whose_other_slots_are_in_use_is_not_erased_and_keeps_its_pin(
    tmp_path: Path, opened: Opened, made: Make, put: Callable[[PivCard], None], *, yubikey: bool
) -> None:
    card = blank_piv_key(
        tmp_path / "card.json", "11409355", yubikey=yubikey, management_algorithm=0x0A if yubikey else 0x03
    )
    token = opened(card)
    token.write_certificate(issue(made(token)))
    token.change_pin("123456", "654321")
    put(card)
    before = card.record
    with pytest.raises(PinShared):
        opened(card).erase()
    assert card.record == before


def test_nothing_that_proves_a_secret_is_sent_to_find_out(card: PivCard) -> None:
    channel = DirectChannel(card)
    PivToken(channel).certificate()
    proving = {Instruction.VERIFY, Instruction.CHANGE_REFERENCE_DATA, Instruction.RESET_RETRY_COUNTER}
    assert not [sent for sent in channel.sent if sent[1] in proving and len(sent) > 5]
    assert not [sent for sent in channel.sent if sent[1] == 0x87 and sent[3] == KeyReference.MANAGEMENT]


if TYPE_CHECKING:

    def _is_a_card(card: PinFirst) -> VirtualCard:
        return card
