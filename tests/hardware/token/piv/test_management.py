"""The management key against answers written out by hand; the virtual card judges it in test_piv.py."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from hardware.ports import DeviceKeyRefused, MalformedAnswer, NotSupported, TokenError, TokenFault
from hardware.token.piv.management import ManagementKey
from hardware.token.piv.session import PivSession
from tests.support.channels import ScriptedTransport

if TYPE_CHECKING:
    from hardware.apdu import Transport

KEY = bytes.fromhex("010203040506070801020304050607080102030405060708")
NO_METADATA = bytes.fromhex("6D00")
WRONG = bytes.fromhex("6A80")
ACCEPTED = bytes.fromhex("9000")
CHALLENGE = bytes.fromhex("C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF")
WITNESS = bytes.fromhex("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF")


def sealed(cipher: str, key: bytes, block: bytes) -> bytes:
    """Encrypt a block as OpenSSL does."""
    return subprocess.run(
        ["openssl", "enc", f"-{cipher}", "-nopad", "-nosalt", "-K", key.hex()],
        input=block,
        check=True,
        capture_output=True,
    ).stdout


def management(transport: Transport, key: bytes = KEY) -> ManagementKey:
    return ManagementKey(PivSession(transport), key, lambda count: CHALLENGE[:count])


def block(tag: str, value: bytes) -> bytes:
    inner = bytes.fromhex(tag) + bytes((len(value),)) + value
    return b"\x7c" + bytes((len(inner),)) + inner + ACCEPTED


def told(algorithm: int) -> bytes:
    return bytes((0x01, 0x01, algorithm, 0x05, 0x01, 0x01)) + ACCEPTED


def sent(transport: ScriptedTransport) -> list[str]:
    return [each.hex().upper() for each in transport.sent]


@pytest.mark.parametrize(
    ("algorithm", "cipher", "length", "size"),
    [
        (0x03, "des-ede3", 24, 8),
        (0x08, "aes-128-ecb", 16, 16),
        (0x0A, "aes-192-ecb", 24, 16),
        (0x0C, "aes-256-ecb", 32, 16),
    ],
)
def test_desk_and_card_show_each_other_that_they_have_the_key(
    algorithm: int, cipher: str, length: int, size: int
) -> None:
    key = bytes(range(length))
    witness, challenge = WITNESS[:size], CHALLENGE[:size]
    transport = ScriptedTransport(
        told(algorithm),
        block("80", sealed(cipher, key, witness)),
        block("82", sealed(cipher, key, challenge)),
    )
    management(transport, key).require()
    inner = f"80{size:02X}{witness.hex()}81{size:02X}{challenge.hex()}".upper()
    assert sent(transport) == [
        "00F7009B00",
        f"0087{algorithm:02X}9B047C02800000",
        f"0087{algorithm:02X}9B{size * 2 + 6:02X}7C{size * 2 + 4:02X}{inner}00",
    ]


def test_a_connection_authenticates_once() -> None:
    transport = ScriptedTransport(
        told(3),
        block("80", sealed("des-ede3", KEY, WITNESS[:8])),
        block("82", sealed("des-ede3", KEY, CHALLENGE[:8])),
    )
    key = management(transport)
    key.require()
    key.require()
    assert len(transport.sent) == 3


def test_a_card_without_the_key_is_refused() -> None:
    transport = ScriptedTransport(told(3), block("80", WITNESS[:8]), block("82", bytes(8)))
    key = management(transport)
    with pytest.raises(DeviceKeyRefused):
        key.require()
    transport.answers = [bytes.fromhex("6F00")]
    with pytest.raises(TokenFault):  # it authenticates anew: the failed attempt does not count
        key.require()


@pytest.mark.parametrize("status_word", ["6982", "6983", "6300", "63C2", "6A80", "6985"])
def test_a_card_that_refuses_the_key_says_so(status_word: str) -> None:
    transport = ScriptedTransport(told(3), block("80", WITNESS[:8]), bytes.fromhex(status_word))
    with pytest.raises(DeviceKeyRefused):
        management(transport).require()
    assert len(transport.sent) == 3


def test_a_card_that_does_not_tell_its_algorithm_is_asked_with_each() -> None:
    transport = ScriptedTransport(
        NO_METADATA,
        WRONG,
        block("80", sealed("aes-192-ecb", KEY, WITNESS)),
        block("82", sealed("aes-192-ecb", KEY, CHALLENGE)),
    )
    management(transport).require()
    assert [each[:8] for each in sent(transport)] == ["00F7009B", "0087039B", "00870A9B", "00870A9B"]


def test_a_card_that_makes_no_witness_is_answered_its_challenge() -> None:
    transport = ScriptedTransport(NO_METADATA, *[WRONG] * 5, block("81", CHALLENGE), ACCEPTED)
    management(transport).require()
    assert sent(transport)[-2:] == [
        "00870A9B047C02810000",
        "00870A9B147C128210" + sealed("aes-192-ecb", KEY, CHALLENGE).hex().upper() + "00",
    ]


@pytest.mark.parametrize("status_word", ["6982", "6300"])
def test_a_card_that_refuses_the_answer_to_its_challenge_has_another_key(status_word: str) -> None:
    transport = ScriptedTransport(
        NO_METADATA, *[WRONG] * 4, block("81", CHALLENGE[:8]), bytes.fromhex(status_word)
    )
    with pytest.raises(DeviceKeyRefused):
        management(transport).require()


def test_a_key_of_another_length_than_the_cards_is_not_tried() -> None:
    transport = ScriptedTransport(told(0x0C))
    with pytest.raises(DeviceKeyRefused):
        management(transport).require()
    assert len(transport.sent) == 1


def test_a_key_that_no_algorithm_of_the_card_takes_is_refused() -> None:
    with pytest.raises(DeviceKeyRefused):
        management(ScriptedTransport(NO_METADATA, *[WRONG] * 8)).require()


def test_an_algorithm_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DeviceKeyRefused):
        management(ScriptedTransport(told(0x77))).require()


@pytest.mark.parametrize(
    "answer", [block("80", bytes(7)), block("81", bytes(8)), ACCEPTED, b"\x7c\x05\x80" + ACCEPTED]
)
def test_a_witness_of_another_form_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        management(ScriptedTransport(told(3), answer)).require()


def test_a_challenge_is_asked_for_anew_each_time_and_forgets_the_authentication() -> None:
    answers = [
        told(3),
        block("80", sealed("des-ede3", KEY, WITNESS[:8])),
        block("82", sealed("des-ede3", KEY, CHALLENGE[:8])),
    ]
    transport = ScriptedTransport(*answers, block("81", b"ABCDEFGH"), *answers[1:])
    key = management(transport)
    key.require()
    assert key.challenge() == b"ABCDEFGH"
    key.require()
    assert transport.answers == []


def test_a_card_that_still_waits_for_an_answer_is_asked_once_more() -> None:
    transport = ScriptedTransport(
        told(3), block("81", b"ABCDEFGH"), WRONG, block("81", b"IJKLMNOP"), WRONG, WRONG
    )
    key = management(transport)
    assert key.challenge() + key.challenge() == b"ABCDEFGHIJKLMNOP"
    with pytest.raises(NotSupported):
        key.challenge()
    assert set(sent(transport)[1:]) == {"0087039B047C02810000"}


def test_a_card_that_makes_no_challenges_has_no_random() -> None:
    with pytest.raises(NotSupported) as caught:
        management(ScriptedTransport(NO_METADATA, *[WRONG] * 4)).challenge()
    assert caught.value.function == "random"


def test_the_key_is_in_no_message() -> None:
    transport = ScriptedTransport(told(3), block("80", WITNESS[:8]), bytes.fromhex("6982"))
    key = management(transport)
    with pytest.raises(TokenError) as caught:
        key.require()
    assert KEY.hex() not in repr(caught.value).lower() + repr(key).lower()
