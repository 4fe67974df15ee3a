from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hardware.ports import (
    KeyAlgorithm,
    MalformedAnswer,
    NoKeyPair,
    PinBlocked,
    PinInvalid,
    PinState,
    SecurityNotSatisfied,
    TokenFault,
    TokenNotPrepared,
    WrongPin,
)
from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from tests.support.channels import DirectChannel, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hardware.apdu import Transport

    Opened = Callable[[Transport], GmtToken]

SM2_KEY_HEADER = bytes.fromhex("3059301306072A8648CE3D020106082A811CCF5501822D034200")


def verified(token: GmtToken) -> GmtToken:
    token.verify_pin("111111")
    return token


def openssl_accepts(folder: Path, public_key: bytes, message: bytes, signature: bytes) -> bool:
    (folder / "key.der").write_bytes(SM2_KEY_HEADER + public_key)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    subprocess.run(
        ["openssl", "pkey", "-pubin", "-inform", "DER", "-in", "key.der", "-out", "key.pem"],
        cwd=folder,
        check=True,
    )
    judged = subprocess.run(
        [
            *("openssl", "dgst", "-sm3", "-verify", "key.pem", "-sigopt", "distid:1234567812345678"),
            *("-signature", "signature", "message"),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert judged.stdout.strip() in ("Verified OK", "Verification failure", "Verification Failure"), (
        judged.stderr
    )
    return judged.returncode == 0


def test_a_blank_key_tells_its_serial_number_and_holds_nothing(card: GmtCard, opened: Opened) -> None:
    token = opened(card)
    assert token.serial == "E8AD652202221F03"
    assert token.driver == "gmt"
    assert token.algorithm is KeyAlgorithm.SM2
    assert token.public_key() is None
    assert token.certificate() is None
    assert token.pin_state() == PinState(10, 10, factory=True)


def test_opening_a_blank_key_changes_nothing_on_it(card: GmtCard, opened: Opened, tmp_path: Path) -> None:
    before = (tmp_path / "card.json").read_bytes()
    token = opened(card)
    token.public_key()
    token.close()
    assert (tmp_path / "card.json").read_bytes() == before


@pytest.mark.parametrize("length", [1, 31, 5000])
def test_openssl_verifies_what_the_key_signs(
    card: GmtCard, opened: Opened, tmp_path: Path, length: int
) -> None:
    token = verified(opened(card))
    public_key = token.generate_key_pair()
    message = bytes(range(256)) * 20
    signature = token.sign(message[:length])
    assert openssl_accepts(tmp_path, public_key, message[:length], signature)
    assert not openssl_accepts(tmp_path, public_key, message[: length + 1], signature)


def test_key_pair_and_certificate_outlast_the_power(card: GmtCard, opened: Opened, tmp_path: Path) -> None:
    token = verified(opened(card))
    public_key = token.generate_key_pair()
    token.write_certificate(b"a certificate" * 200)
    token.close()
    again = opened(GmtCard(tmp_path / "card.json"))
    assert again.public_key() == public_key
    assert again.certificate() == b"a certificate" * 200


def test_another_certificate_takes_the_place_of_the_first(card: GmtCard, opened: Opened) -> None:
    token = verified(opened(card))
    token.generate_key_pair()
    token.write_certificate(b"the old one, which is longer")
    token.write_certificate(b"the new one")
    assert token.certificate() == b"the new one"


def test_a_new_key_pair_drops_the_certificate_of_the_old(card: GmtCard, opened: Opened) -> None:
    token = verified(opened(card))
    first = token.generate_key_pair()
    token.write_certificate(b"certificate")
    assert token.generate_key_pair() != first
    assert token.certificate() is None


def test_a_long_certificate_goes_out_in_a_chain(tmp_path: Path) -> None:
    profile = GmtProfile(longest_data=100)
    channel = DirectChannel(blank_key(tmp_path / "card.json", "1", profile))
    token = verified(GmtToken(channel, profile))
    token.generate_key_pair()
    channel.sent.clear()
    token.write_certificate(b"c" * 250)
    assert [command[0] for command in channel.sent] == [0x90, 0x90, 0x80]
    assert token.certificate() == b"c" * 250


@pytest.mark.parametrize("action", ["generate", "write", "sign"])
def test_without_a_verified_pin_nothing_is_made_written_or_signed(
    card: GmtCard, opened: Opened, action: str
) -> None:
    verified(opened(card)).generate_key_pair()
    card.power_on()
    token = opened(card)
    actions: dict[str, Callable[[], object]] = {
        "generate": token.generate_key_pair,
        "write": lambda: token.write_certificate(b"certificate"),
        "sign": lambda: token.sign(b"message"),
    }
    with pytest.raises(SecurityNotSatisfied):
        actions[action]()


def test_a_blank_key_neither_signs_nor_takes_a_certificate(card: GmtCard, opened: Opened) -> None:
    token = verified(opened(card))
    with pytest.raises(NoKeyPair):
        token.sign(b"message")
    with pytest.raises(NoKeyPair):
        token.write_certificate(b"certificate")


def test_wrong_pins_count_down_to_blocked_and_a_right_one_no_longer_helps(
    tmp_path: Path, opened: Opened
) -> None:
    token = opened(blank_key(tmp_path / "card.json", "1", pin_tries=3))
    for left in (2, 1):
        with pytest.raises(WrongPin) as refused:
            token.verify_pin("222222")
        assert refused.value.tries_left == left
        assert token.pin_state().tries_left == left
    with pytest.raises(PinBlocked):
        token.verify_pin("222222")
    assert token.pin_state().blocked
    with pytest.raises(PinBlocked):
        token.verify_pin("111111")


def test_the_right_pin_gives_all_tries_back(card: GmtCard, opened: Opened) -> None:
    token = opened(card)
    with pytest.raises(WrongPin):
        token.verify_pin("222222")
    assert not token.pin_state().untouched
    token.verify_pin("111111")
    assert token.pin_state().untouched


@pytest.mark.parametrize("pin", ["", "12345", "1" * 17, "一二三四五六", "12345\n"])
def test_what_cannot_be_a_pin_is_not_sent(card: GmtCard, pin: str) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel)
    channel.sent.clear()
    with pytest.raises(PinInvalid):
        token.verify_pin(pin)
    assert channel.sent == []
    assert token.pin_state().untouched


def test_the_pin_never_travels_and_a_proof_serves_once(card: GmtCard) -> None:
    channel = DirectChannel(card)
    token = GmtToken(channel)
    token.verify_pin("111111")
    assert all(b"111111" not in command for command in channel.sent)
    assert channel.sent[-1][1] == Instruction.VERIFY_PIN
    assert card.transmit(channel.sent[-1]) == b"\x69\x85"


def test_a_changed_pin_replaces_the_factory_pin(card: GmtCard, opened: Opened) -> None:
    opened(card).change_pin("111111", "my-own-pin")
    token = opened(card)
    assert token.pin_state() == PinState(10, 10, factory=False)
    with pytest.raises(WrongPin):
        token.verify_pin("111111")
    token.verify_pin("my-own-pin")


def test_changing_the_pin_with_a_wrong_one_costs_a_try(card: GmtCard, opened: Opened) -> None:
    token = opened(card)
    with pytest.raises(WrongPin) as refused:
        token.change_pin("222222", "333333")
    assert refused.value.tries_left == 9
    token.verify_pin("111111")


def test_a_card_that_does_not_tell_of_the_factory_pin_leaves_it_open() -> None:
    token = GmtToken(
        DirectChannel(
            ScriptedTransport(
                device_information(b"SERIAL") + b"\x90\x00",
                bytes(8) + b"\x00\x01\x90\x00",
                b"\x0a\x07\x90\x00",
            )
        )
    )
    assert token.pin_state() == PinState(7, 10, factory=None)


def test_a_key_without_the_application_opens_and_says_so_when_the_application_is_wanted(
    card: GmtCard,
) -> None:
    token = GmtToken(DirectChannel(card), GmtProfile(application="SOMEONE-ELSE"))
    assert token.serial == "E8AD652202221F03"
    assert token.application == "SOMEONE-ELSE"
    assert token.factory_pin == "111111"
    assert len(token.random(16)) == 16
    wanting: tuple[Callable[[], object], ...] = (
        token.public_key,
        token.certificate,
        token.pin_state,
        token.generate_key_pair,
        lambda: token.verify_pin("111111"),
        lambda: token.change_pin("111111", "222222"),
        lambda: token.unblock_pin(None, "222222"),
        lambda: token.write_certificate(b"certificate"),
        lambda: token.sign(b"message"),
    )
    for method in wanting:
        with pytest.raises(TokenNotPrepared):
            method()
    token.close()


@pytest.mark.parametrize("count", [1, 8, 64])
def test_the_key_makes_as_many_random_bytes_as_asked_for(card: GmtCard, opened: Opened, count: int) -> None:
    assert len(opened(card).random(count)) == count


@pytest.mark.parametrize("count", [-1, 0, 65])
def test_no_random_bytes_and_too_many_are_a_callers_mistake(
    card: GmtCard, opened: Opened, count: int
) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        opened(card).random(count)


def test_fewer_random_bytes_than_asked_for_are_malformed() -> None:
    token = GmtToken(
        DirectChannel(ScriptedTransport(device_information(b"SERIAL") + b"\x90\x00", bytes(7) + b"\x90\x00"))
    )
    with pytest.raises(MalformedAnswer):
        token.random(8)


def test_a_fault_of_the_card_names_command_and_status_word(card: GmtCard, opened: Opened) -> None:
    faulty = FaultyCard(card)
    token = verified(opened(faulty))
    faulty.plan(Fault(FaultKind.INTERNAL_ERROR, instruction=Instruction.GENERATE_ECC_KEY_PAIR))
    with pytest.raises(TokenFault) as failed:
        token.generate_key_pair()
    assert (failed.value.instruction, failed.value.status_word) == (0x70, 0x6F00)
    assert token.generate_key_pair()[0] == 4


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.RUBBISH, FaultKind.SILENT])
@pytest.mark.parametrize("instruction", [Instruction.EXPORT_PUBLIC_KEY, Instruction.ECC_SIGN_DATA])
def test_a_damaged_answer_is_an_error_and_no_value(
    card: GmtCard, opened: Opened, kind: FaultKind, instruction: Instruction
) -> None:
    faulty = FaultyCard(card)
    token = verified(opened(faulty))
    public_key = token.generate_key_pair()
    faulty.plan(Fault(kind, instruction=instruction, rubbish=b"\x01\x02\x90\x00"))
    signing = instruction is Instruction.ECC_SIGN_DATA
    with pytest.raises((MalformedAnswer, TokenFault)):
        token.sign(b"message") if signing else token.public_key()
    assert token.public_key() == public_key


def test_closing_clears_the_verified_pin_and_a_gone_card_does_not_mind(card: GmtCard) -> None:
    channel = DirectChannel(card)
    token = verified(GmtToken(channel))
    token.close()
    assert channel.closed
    assert not card.session.verified

    faulty = FaultyCard(card, Fault(FaultKind.SILENT, instruction=Instruction.CLEAR_SECURE_STATE))
    channel = DirectChannel(faulty)
    GmtToken(channel).close()
    assert channel.closed


def device_information(serial: bytes) -> bytes:
    fields = (2, 64, 64, 32, 32, 2, 2, *(4,) * 8, 64)
    return b"".join(
        (serial if place == 4 else b"").ljust(length, b"\0") for place, length in enumerate(fields)
    )


@pytest.mark.parametrize("serial", [b"", b"\xff\xfe", b"\0AB", "序列号".encode()])
def test_a_serial_number_that_cannot_be_read_is_malformed(serial: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        GmtToken(DirectChannel(ScriptedTransport(device_information(serial) + b"\x90\x00")))
