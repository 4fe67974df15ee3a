"""A whole life of a key whose answers come in pieces, in each style and whatever the size of the pieces."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hardware.ports import MalformedAnswer, PinState, TokenError, WrongPin
from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.profile import GmtProfile
from hardware.token.gmt.token import GmtToken
from hardware.token.self_test import random_self_test, signature_self_test
from hardware.virtual.gmt.apdu import Chaining
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import add_application, blank_key, unprepared_key
from tests.support import sm2_reference
from tests.support.channels import DirectChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORCED = {Chaining.SAME_AGAIN: "6A9E", Chaining.GET_RESPONSE: "61", Chaining.EXACT_LENGTH: "6C"}

GET_RESPONSE = 0xC0

every_style = pytest.mark.parametrize("chaining", list(Chaining))


class Noting:
    """The card, noting which instructions got which status words."""

    def __init__(self, card: GmtCard) -> None:
        self.card = card
        self.got: list[tuple[int, str]] = []

    def transmit(self, command: bytes) -> bytes:
        answer = self.card.transmit(command)
        self.got.append((command[1], answer[-2:].hex().upper()))
        return answer


def certificate(folder: Path) -> bytes:
    """A real certificate of some 1.5 kB."""
    names = ",".join(f"DNS:name-{number}.example" for number in range(50))
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "key.pem",
                "-subj",
                "/CN=Example",
            ),
            *("-addext", f"subjectAltName={names}", "-outform", "DER", "-out", "certificate.der"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return (folder / "certificate.der").read_bytes()


@every_style
@pytest.mark.parametrize("page", [7, 31, 768])
def test_a_key_lives_its_whole_life_in_pieces(tmp_path: Path, chaining: Chaining, page: int) -> None:
    blank_key(tmp_path / "card.json", "E8AD652202221F03")
    noting = Noting(GmtCard(tmp_path / "card.json", chaining=chaining, page=page))
    token = GmtToken(DirectChannel(noting))
    assert token.serial == "E8AD652202221F03"
    assert token.pin_state() == PinState(10, 10, factory=True)
    token.verify_pin("111111")
    public_key = token.generate_key_pair()
    der = certificate(tmp_path)
    assert len(der) > 1024
    token.write_certificate(der)
    assert (token.public_key(), token.certificate()) == (public_key, der)
    random_self_test(token)
    signature_self_test(token, lambda count: b"c" * count)
    token.change_pin("111111", "222222")
    token.unblock_pin(None, "333333")
    with pytest.raises(WrongPin):
        token.verify_pin("222222")
    token.erase()
    assert token.pin_state() == PinState(10, 10, factory=True)
    assert (token.public_key(), token.certificate()) == (None, None)
    assert any(word.startswith(FORCED[chaining]) for _, word in noting.got)


@every_style
def test_every_command_that_awaits_data_can_be_answered_in_pieces(tmp_path: Path, chaining: Chaining) -> None:
    blank_key(tmp_path / "card.json", "1")
    noting = Noting(GmtCard(tmp_path / "card.json", chaining=chaining, page=1))
    token = GmtToken(DirectChannel(noting))
    token.pin_state()
    token.verify_pin("111111")
    token.generate_key_pair()
    token.write_certificate(b"certificate")
    token.certificate()
    token.sign(b"message")
    token.erase()
    token.public_key()
    pieced = {code for code, word in noting.got if word.startswith(FORCED[chaining])}
    assert pieced - {GET_RESPONSE} == {
        Instruction.GET_DEVICE_INFORMATION,
        Instruction.GET_PIN_INFORMATION,
        Instruction.ENUMERATE_APPLICATIONS,
        Instruction.OPEN_APPLICATION,
        Instruction.CREATE_CONTAINER,
        Instruction.ENUMERATE_CONTAINERS,
        Instruction.EXPORT_CERTIFICATE,
        Instruction.GENERATE_RANDOM,
        Instruction.GENERATE_ECC_KEY_PAIR,
        Instruction.ECC_SIGN_DATA,
        Instruction.EXPORT_PUBLIC_KEY,
    }


@every_style
def test_a_piece_never_makes_the_card_execute_twice(tmp_path: Path, chaining: Chaining) -> None:
    blank_key(tmp_path / "card.json", "1")
    card = GmtCard(tmp_path / "card.json", chaining=chaining, page=3)
    token = GmtToken(DirectChannel(card))
    with pytest.raises(WrongPin) as refused:
        token.verify_pin("999999")
    assert refused.value.tries_left == 9
    token.verify_pin("111111")
    assert token.generate_key_pair()[1:] == card.record.applications[0].containers[0].public_key
    assert len(card.record.applications[0].containers) == 1


@every_style
def test_a_chained_command_can_be_answered_in_pieces(tmp_path: Path, chaining: Chaining) -> None:
    profile = GmtProfile(longest_data=100)
    blank_key(tmp_path / "card.json", "1", profile)
    channel = DirectChannel(GmtCard(tmp_path / "card.json", chaining=chaining, page=10))
    token = GmtToken(channel, profile)
    token.verify_pin("111111")
    public_key = token.generate_key_pair()
    channel.sent.clear()
    signature = token.sign(bytes(1000))
    assert sum(command[0] == 0x90 for command in channel.sent) == 10
    assert sm2_reference.verify(public_key, bytes(1000), signature)


@every_style
def test_a_list_of_many_applications_comes_whole(tmp_path: Path, chaining: Chaining) -> None:
    card = unprepared_key(tmp_path / "card.json", "1")
    names = ["A" * 32, "B" * 32, "KEYDESK"]
    for name in names:
        add_application(card, GmtProfile(application=name))
    token = GmtToken(DirectChannel(GmtCard(tmp_path / "card.json", chaining=chaining, page=5)))
    token.erase()
    remembered = GmtCard(tmp_path / "card.json").record
    assert [each.name for each in remembered.applications] == names


ENDLESS: dict[str, Callable[[int], bytes]] = {
    "same again, nothing": lambda _: b"\x6a\x9e",
    "same again": lambda _: bytes(1000) + b"\x6a\x9e",
    "get response, nothing": lambda _: b"\x61\x00",
    "get response": lambda _: bytes(1000) + b"\x61\x00",
    "another length each time": lambda count: bytes((0x6C, count % 256)),
    "all in turn": lambda count: bytes(500) + (b"\x6a\x9e", b"\x61\x08", b"\x6c\x08")[count % 3],
}


@pytest.mark.parametrize("endless", list(ENDLESS))
def test_an_answer_without_end_ends_after_some_rounds_and_bytes(card: GmtCard, endless: str) -> None:
    class Endless:
        rounds = taken = 0

        def transmit(self, command: bytes) -> bytes:
            self.rounds += 1
            answer = ENDLESS[endless](self.rounds)
            self.taken += len(answer)
            return answer

    transport = Endless()
    with pytest.raises(TokenError) as failed:
        GmtToken(DirectChannel(transport))
    assert isinstance(failed.value, MalformedAnswer)
    assert transport.rounds <= 512
    assert transport.taken <= (1 << 18) + 2000
