"""The virtual PIV card by its bytes: PIN, PUK and management key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.card import CardPulled, Fault, FaultKind
from tests.support.piv_terminal import PivTerminal

ALGORITHMS = (0x03, 0x08, 0x0A, 0x0C)


def test_the_pin_is_verified_asked_for_and_cleared(piv: PivTerminal) -> None:
    assert (piv.send("00200080"), piv.verify(), piv.send("00200080")) == ("63C3", "9000", "9000")
    assert (piv.send("0020FF80"), piv.send("00200080")) == ("9000", "63C3")


def test_a_wrong_pin_takes_the_verified_state_and_a_try_and_a_right_one_gives_them_back(
    piv: PivTerminal,
) -> None:
    piv.verify()
    assert piv.verify(piv.WRONG_PIN) == "63C2"
    assert piv.send("00200080") == "63C2"
    assert (piv.verify(), piv.verify(piv.WRONG_PIN)) == ("9000", "63C2")


def test_the_last_wrong_pin_blocks_it(piv: PivTerminal) -> None:
    assert [piv.verify(piv.WRONG_PIN) for _ in range(4)] == ["63C2", "63C1", "63C0", "6983"]
    assert (piv.verify(), piv.send("00200080")) == ("6983", "6983")


def test_a_try_is_counted_before_it_is_judged(piv: PivTerminal) -> None:
    pulled = piv.around(Fault(FaultKind.PULLED_AFTER, instruction=0x20))
    with pytest.raises(CardPulled):
        pulled.verify(piv.WRONG_PIN)
    assert piv.restarted().send("00200080") == "63C2"


def test_what_can_be_no_pin_costs_no_try(piv: PivTerminal) -> None:
    assert piv.verify(b"12345a\xff\xff".hex()) == "6A80"
    assert piv.send("00240080", piv.PIN + b"12\xff\xff\xff\xff\xff\xff".hex()) == "6A80"
    assert piv.send("002C0080", piv.WRONG_PUK + b"abcdefgh".hex()) == "6A80"
    assert piv.verify(piv.WRONG_PIN) == "63C2"
    assert piv.send("002C0080", piv.WRONG_PUK + piv.PIN) == "63C2"


def test_the_pin_is_changed_by_its_old_value(piv: PivTerminal) -> None:
    assert piv.send("00240080", piv.WRONG_PIN + piv.OTHER_PIN) == "63C2"
    assert piv.send("00240080", piv.PIN + piv.OTHER_PIN) == "9000"
    assert piv.send("00200080") == "9000"
    assert (piv.verify(piv.PIN), piv.verify(piv.OTHER_PIN)) == ("63C2", "9000")


def test_the_puk_is_changed_by_its_old_value(piv: PivTerminal) -> None:
    other = b"87654321".hex()
    assert piv.send("00240081", piv.PUK + other) == "9000"
    assert piv.send("00200080") == "63C3"
    assert piv.send("002C0080", piv.PUK + piv.PIN) == "63C2"
    assert piv.send("002C0080", other + piv.PIN) == "9000"


def test_a_blocked_pin_is_opened_by_the_puk(piv: PivTerminal) -> None:
    for _ in range(3):
        piv.verify(piv.WRONG_PIN)
    assert piv.send("00240080", piv.PIN + piv.OTHER_PIN) == "6983"
    assert piv.send("002C0080", piv.PUK + piv.OTHER_PIN) == "9000"
    assert (piv.send("00200080"), piv.verify(piv.OTHER_PIN)) == ("63C3", "9000")


def test_a_blocked_puk_stays_blocked(piv: PivTerminal) -> None:
    assert [piv.send("002C0080", piv.WRONG_PUK + piv.PIN) for _ in range(4)] == [
        "63C2",
        "63C1",
        "63C0",
        "6983",
    ]
    assert piv.send("002C0080", piv.PUK + piv.PIN) == "6983"
    assert piv.send("00240081", piv.PUK + piv.WRONG_PUK) == "6983"
    assert piv.verify() == "9000"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_management_key_is_proved_by_the_challenge_that_it_enciphers(
    new_piv: Callable[..., PivTerminal], algorithm: int
) -> None:
    piv = new_piv(management_algorithm=algorithm)
    assert piv.make_key() == "6982"
    assert piv.let_in(algorithm) == "9000"
    assert piv.make_key().startswith("7F4943864104")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_card_and_the_desk_prove_the_management_key_to_each_other(
    new_piv: Callable[..., PivTerminal], algorithm: int
) -> None:
    piv = new_piv(management_algorithm=algorithm)
    header, block = f"0087{algorithm:02X}9B", "0F" * (8 if algorithm == 0x03 else 16)
    witness = piv.send(header, "7C028000")[8:-4]
    opened = piv.tlv("80", piv.enciphered(algorithm, witness, opened=True))
    answer = piv.send(header, piv.tlv("7C", opened + piv.tlv("81", block) + "8200"), "00")
    assert answer == piv.tlv("7C", piv.tlv("82", piv.enciphered(algorithm, block))) + "9000"
    assert piv.make_key().endswith("9000")


@pytest.mark.parametrize(
    ("asked", "proof", "answer"),
    [
        ("7C028100", "7C0A8208" + "00" * 8, "6982"),
        ("7C028100", "7C048202" + "0000", "6982"),
        ("7C028000", "7C148008" + "00" * 8 + "8108" + "00" * 8, "6982"),
        ("7C028000", "7C108008" + "00" * 8 + "8104" + "00" * 4, "6A80"),
        ("7C028100", "7C148008" + "00" * 8 + "8108" + "00" * 8, "6985"),
        ("7C028100", "7C028300", "6A80"),
    ],
)
def test_a_wrong_proof_of_the_management_key_takes_its_rights_away(
    piv: PivTerminal, asked: str, proof: str, answer: str
) -> None:
    assert piv.let_in() == "9000"
    piv.send("0087039B", asked)
    assert piv.send("0087039B", proof) == answer
    assert piv.make_key() == "6982"


def test_a_challenge_serves_once(piv: PivTerminal) -> None:
    asked = piv.send("0087039B047C02810000")
    response = "0087039B", piv.tlv("7C", piv.tlv("82", piv.enciphered(0x03, asked[8:-4])))
    assert (piv.send(*response), piv.send(*response)) == ("9000", "6985")
    assert piv.make_key() == "6982"
    assert piv.send("0087039B047C02810000") != asked


def test_the_older_number_of_3des_means_it_too(piv: PivTerminal) -> None:
    assert piv.send("0087009B047C02810000").endswith("9000")
