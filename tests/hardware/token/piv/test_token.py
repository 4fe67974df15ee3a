from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.ports import (
    DeviceKeyRefused,
    KeyAlgorithm,
    NoKeyPair,
    PinShared,
    SecurityNotSatisfied,
    TokenFull,
)
from hardware.token.piv.commands import Instruction, KeyReference, ObjectIdentifier, Slot
from hardware.token.piv.objects import certificate_object, encode, parse
from hardware.token.piv.profile import PivProfile
from hardware.token.piv.token import PivToken
from hardware.virtual.card import CardPulled, Fault, FaultKind, FaultyCard
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

P256_KEY_HEADER = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D030107034200")
CONTAINERS = {
    Slot.AUTHENTICATION: ObjectIdentifier.AUTHENTICATION_CERTIFICATE,
    Slot.SIGNATURE: ObjectIdentifier.SIGNATURE_CERTIFICATE,
}


def openssl_accepts(folder: Path, public_key: bytes, message: bytes, signature: bytes) -> bool:
    (folder / "key.der").write_bytes(P256_KEY_HEADER + public_key)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    judged = subprocess.run(
        [
            *("openssl", "dgst", "-sha256", "-verify", "key.der", "-keyform", "DER"),
            *("-signature", "signature", "message"),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert judged.stdout.strip().lower() in ("verified ok", "verification failure"), judged.stderr
    return judged.returncode == 0


def others(record: PivCardRecord, slot: Slot = Slot.AUTHENTICATION) -> PivCardRecord:
    """What is on the card besides the slot's key and certificate."""
    return msgspec.structs.replace(
        record,
        keys=tuple(each for each in record.keys if f"{each.slot:02X}" != slot),
        objects=tuple(each for each in record.objects if each.number != CONTAINERS[slot]),
    )


def test_a_blank_card_tells_its_serial_number_and_holds_nothing(piv_card: PivCard, opened: Opened) -> None:
    token = opened(piv_card)
    assert token.serial == piv_card.serial
    assert token.driver == "piv"
    assert token.algorithm is KeyAlgorithm.P256
    assert token.application == "PIV"
    assert token.factory_pin == "123456"
    assert token.public_key() is None
    assert token.certificate() is None


def test_a_yubikey_is_called_by_its_number_and_another_card_by_its_guid(
    tmp_path: Path, opened: Opened
) -> None:
    assert opened(blank_piv_key(tmp_path / "1", "11409355", yubikey=True)).serial == "11409355"
    card = blank_piv_key(tmp_path / "2", "11409355")
    assert opened(card).serial == card.record.guid.hex().upper()


def test_a_yubikey_that_shows_no_number_is_called_by_its_guid(tmp_path: Path, opened: Opened) -> None:
    card = blank_piv_key(tmp_path / "card.json", "0", yubikey=True)
    assert opened(card).serial == card.record.guid.hex().upper()


def test_opening_and_reading_changes_nothing_on_the_card(piv_card: PivCard, opened: Opened) -> None:
    before = piv_card.record
    token = opened(piv_card)
    token.public_key()
    token.certificate()
    token.pin_state()
    token.close()
    assert piv_card.record == before


@pytest.mark.parametrize("yubikey", [False, True])
def test_commands_have_short_lengths_and_the_class_of_the_standard(
    tmp_path: Path, bound: Make, *, yubikey: bool
) -> None:
    channel = DirectChannel(blank_piv_key(tmp_path / "card.json", "1", yubikey=yubikey))
    bound(PivToken(channel))
    assert {command[0] for command in channel.sent} == {0x00, 0x10}
    assert all(len(command) <= 5 + 255 + 1 for command in channel.sent)
    assert all(len(command) == 5 + 255 for command in channel.sent if command[0] == 0x10)


@pytest.mark.parametrize("length", [0, 31, 5000])
def test_openssl_verifies_what_the_card_signs(
    piv_card: PivCard, opened: Opened, tmp_path: Path, length: int, made: Make
) -> None:
    token = opened(piv_card)
    public_key = made(token)
    message = bytes(range(256)) * 20
    signature = token.sign(message[:length])
    assert openssl_accepts(tmp_path, public_key, message[:length], signature)
    assert not openssl_accepts(tmp_path, public_key, message[: length + 1], signature)


def test_key_pair_and_certificate_outlast_the_power(
    piv_card: PivCard, opened: Opened, tmp_path: Path, made: Make, certificate_for: Certify
) -> None:
    token = opened(piv_card)
    public_key = made(token)
    assert opened(PivCard(tmp_path / "card.json")).public_key() == public_key
    certificate = certificate_for(public_key)
    token.write_certificate(certificate)
    token.close()
    again = opened(PivCard(tmp_path / "card.json"))
    assert again.public_key() == public_key
    assert again.certificate() == certificate


def test_the_certificate_object_has_the_standards_form(
    piv_card: PivCard, opened: Opened, bound: Make
) -> None:
    certificate = bound(opened(piv_card))
    value = piv_card.record.value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE)
    assert value is not None
    assert parse(value) == {0x70: certificate, 0x71: b"\x00", 0xFE: b""}


def test_another_certificate_takes_the_place_of_the_first(
    piv_card: PivCard, opened: Opened, made: Make, certificate_for: Certify
) -> None:
    token = opened(piv_card)
    public_key = made(token)
    token.write_certificate(certificate_for(public_key, 900))
    renewed = certificate_for(public_key)
    token.write_certificate(renewed)
    assert token.certificate() == renewed
    assert token.public_key() == public_key


def test_a_new_key_pair_drops_the_certificate_of_the_old(
    piv_card: PivCard, opened: Opened, made: Make, certificate_for: Certify
) -> None:
    token = opened(piv_card)
    first = made(token)
    token.write_certificate(certificate_for(first))
    second = token.generate_key_pair()
    assert second != first
    assert token.certificate() is None
    assert token.public_key() == second


def test_a_certificate_too_long_for_the_card_is_packed_and_read_back(
    piv_card: PivCard, opened: Opened, made: Make, certificate_for: Certify
) -> None:
    token = opened(piv_card, PivProfile(longest_object=1500))
    certificate = certificate_for(made(token), 1500)
    token.write_certificate(certificate)
    value = piv_card.record.value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE)
    assert value is not None
    assert parse(value)[0x71] == b"\x01"
    assert len(encode(0x53, value)) <= 1500 < len(certificate)
    assert token.certificate() == certificate
    assert token.public_key() is not None


def test_a_certificate_too_long_even_so_leaves_the_one_before(
    piv_card: PivCard, opened: Opened, bound: Make, certificate_for: Certify
) -> None:
    certificate = bound(opened(piv_card))
    token = opened(piv_card, PivProfile(longest_object=1000))
    with pytest.raises(TokenFull):
        token.write_certificate(certificate_for(token.public_key(), 3000))
    assert token.certificate() == certificate


def test_a_full_card_says_so(tmp_path: Path, opened: Opened, made: Make, certificate_for: Certify) -> None:
    token = opened(blank_piv_key(tmp_path / "card.json", "1", room=500))
    public_key = made(token)
    with pytest.raises(TokenFull):
        token.write_certificate(certificate_for(public_key))
    assert token.certificate() is None
    assert token.public_key() == public_key


@pytest.mark.parametrize("slot", list(Slot))
def test_only_the_slot_of_the_profile_is_touched(
    piv_card: PivCard, opened: Opened, slot: Slot, bound: Make
) -> None:
    other = Slot.SIGNATURE if slot is Slot.AUTHENTICATION else Slot.AUTHENTICATION
    certificate = bound(opened(piv_card, PivProfile(slot=other)))
    before = others(piv_card.record, slot)
    token = opened(piv_card, PivProfile(slot=slot))
    assert token.public_key() is None
    bound(token)
    with pytest.raises(PinShared):
        token.erase()
    assert others(piv_card.record, slot) == before
    assert opened(piv_card, PivProfile(slot=other)).certificate() == certificate


def test_without_a_verified_pin_nothing_is_signed(piv_card: PivCard, opened: Opened, made: Make) -> None:
    made(opened(piv_card))
    piv_card.power_on()
    with pytest.raises(SecurityNotSatisfied):
        opened(piv_card).sign(b"message")


def test_a_blank_card_neither_signs_nor_takes_a_certificate(piv_card: PivCard, opened: Opened) -> None:
    token = opened(piv_card)
    token.verify_pin("123456")
    with pytest.raises(NoKeyPair):
        token.sign(b"message")
    with pytest.raises(NoKeyPair):
        token.write_certificate(b"certificate")


@pytest.mark.parametrize("algorithm", [0x03, 0x08, 0x0A, 0x0C])
@pytest.mark.parametrize("yubikey", [False, True])
def test_the_management_key_is_of_any_algorithm(
    tmp_path: Path, opened: Opened, algorithm: int, *, yubikey: bool
) -> None:
    key = bytes(range(64, 64 + {0x03: 24, 0x08: 16, 0x0A: 24, 0x0C: 32}[algorithm]))
    card = blank_piv_key(
        tmp_path / "card.json", "1", yubikey=yubikey, management_algorithm=algorithm, management_key=key
    )
    token = opened(card, PivProfile(management_key=key.hex()))
    assert token.generate_key_pair() == token.public_key()


def test_a_card_with_another_management_key_is_left_as_it_is(
    piv_card: PivCard, opened: Opened, bound: Make, certificate_for: Certify
) -> None:
    bound(opened(piv_card))
    before = piv_card.record
    token = opened(piv_card, PivProfile(management_key="00" * 23 + "02"))
    for refused in (
        token.generate_key_pair,
        token.erase,
        lambda: token.write_certificate(certificate_for(token.public_key())),
    ):
        with pytest.raises(DeviceKeyRefused):
            refused()
    assert piv_card.record == before


def test_a_management_key_of_another_length_is_refused(piv_card: PivCard, opened: Opened) -> None:
    with pytest.raises(DeviceKeyRefused):
        opened(piv_card, PivProfile(management_key="00" * 16)).generate_key_pair()


def test_a_certificate_of_another_kind_of_key_is_told_without_a_public_key(
    piv_card: PivCard, opened: Opened, made: Make
) -> None:
    token = opened(piv_card)
    made(token)
    value = certificate_object(b"0\x03something else", 3000)
    piv_card.store(piv_card.record.with_value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE, value))
    assert token.certificate() == b"0\x03something else"
    assert token.public_key() is None


def test_closing_gives_the_card_up(piv_card: PivCard) -> None:
    channel = DirectChannel(piv_card)
    PivToken(channel).close()
    assert channel.closed


HOLLOW = [bytes.fromhex(each) for each in ("7000", "70007101 00FE00", "FE00", "000000", "FF" * 300)]
"""Certificate objects that are there and hold nothing; the desk leaves none."""


def hollow(card: PivCard, value: bytes) -> PivCard:
    """The card as another program left it."""
    card.store(card.record.with_value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE, value))
    return card


@pytest.mark.parametrize("value", HOLLOW, ids=lambda value: value.hex()[:16])
def test_a_key_pair_behind_an_object_that_holds_nothing_is_somebodys(
    piv_card: PivCard, opened: Opened, made: Make, value: bytes
) -> None:
    made(opened(piv_card))
    token = opened(hollow(piv_card, value))
    assert (token.certificate(), token.public_key()) == (value, None)
    tries = piv_card.record.pin.tries_left
    token.close()
    assert piv_card.record.value(ObjectIdentifier.AUTHENTICATION_CERTIFICATE) == value
    assert piv_card.record.pin.tries_left == tries


@pytest.mark.parametrize("value", HOLLOW, ids=lambda value: value.hex()[:16])
def test_without_a_key_pair_it_is_blank_where_the_card_tells_that_and_somebodys_where_not(
    piv_card: PivCard, opened: Opened, made: Make, value: bytes
) -> None:
    token = opened(hollow(piv_card, value))
    tells = piv_card.record.yubikey_serial is not None
    assert token.certificate() == (None if tells else value)
    assert token.pin_state().tries_left is not None, "the slot's answer says nothing of the PIN's"
    if tells:
        with pytest.raises(NoKeyPair):
            token.sign(b"message")
        assert opened(piv_card).public_key() is None
        assert made(token) == token.public_key()


@pytest.mark.parametrize("kind", [FaultKind.PULLED_BEFORE, FaultKind.PULLED_AFTER])
def test_a_card_that_held_nothing_stays_blank_wherever_it_is_pulled_until_its_key_is_recorded(
    tmp_path: Path, kind: FaultKind, made: Make
) -> None:
    for point in range(1, 40):
        card = hollow(blank_piv_key(tmp_path / "card.json", "11409355", yubikey=True), HOLLOW[1])
        try:
            token = PivToken(DirectChannel(FaultyCard(card, Fault(kind, at=point))))
            assert token.certificate() is None
            made(token)
        except CardPulled:
            card.power_on()
            again = PivToken(DirectChannel(card))
            assert again.certificate() is None
            assert made(again) == again.public_key()
            continue
        assert point > 8
        return
    pytest.fail("the work does not end")


class Tells:
    """A YubiKey of which GET METADATA of slot 9A tells so; a key pair that is made changes it."""

    def __init__(self, card: PivCard, told: bytes) -> None:
        self._card, self._told = card, told

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        if command[1] == Instruction.GENERATE_ASYMMETRIC_KEY_PAIR:
            self._told = b""
        if self._told and command[:4] == bytes((0, Instruction.GET_METADATA, 0, KeyReference.AUTHENTICATION)):
            return self._told + b"\x90\x00"
        return self._card.transmit(command)


IMPORTED, RSA = bytes.fromhex("010111 02020201 030102"), bytes.fromhex("010107 02020201 030101")


@pytest.mark.parametrize("told", [IMPORTED, RSA], ids=["imported", "rsa"])
def test_a_key_pair_that_the_desk_cannot_have_made_is_somebodys_also_without_an_object(
    tmp_path: Path, opened: Opened, made: Make, told: bytes
) -> None:
    card = Tells(blank_piv_key(tmp_path / "card.json", "11409355", yubikey=True), told)
    token = opened(card)
    assert token.certificate()
    assert token.public_key() is None
    token.erase()
    assert (token.certificate(), token.public_key()) == (None, None)
    assert made(token) == token.public_key()


def test_a_key_pair_made_on_the_card_of_which_nothing_is_said_is_blank_as_the_desk_leaves_it(
    tmp_path: Path, opened: Opened
) -> None:
    token = opened(blank_piv_key(tmp_path / "card.json", "11409355", yubikey=True))
    token.erase()
    assert (token.certificate(), token.public_key()) == (None, None)
