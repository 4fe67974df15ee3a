"""What cards put in by mistake seem to be: answers to reset as published, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.token.known_cards import KnownCard, describe_card, parse_answer_to_reset


@pytest.mark.parametrize(
    ("atr", "card"),
    [
        ("3B FD 13 00 00 81 31 FE 15 80 73 C0 21 C0 57 59 75 62 69 4B 65 79 40", KnownCard.SECURITY_KEY),
        ("3B F8 13 00 00 81 31 FE 15 59 75 62 69 6B 65 79 34 D4", KnownCard.SECURITY_KEY),
        ("3B 9F 95 81 31 FE 9F 00 66 46 53 05 10 04 31 71 DF 00 00 00 00 00 26", KnownCard.OTHER_KEY),
        ("3B 6E 00 00 57 44 36 19 69 86 93 02 21 18 15 50 0E 2B", KnownCard.OTHER_KEY),
        ("3B 6F 00 00 00 31 C1 73 C8 21 10 64 47 4D 33 42 00 90 00", KnownCard.BANK_CARD),
        ("3B 62 00 00 47 44", KnownCard.BANK_CARD),
        ("3B 9F 94 80 1F C7 80 31 E0 73 FE 21 13 57 47 44 0E 01 00 55 01 B2", KnownCard.SIM_CARD),
        ("3B 88 80 01 D1 03 86 05 00 80 80 00 58", KnownCard.IDENTITY_CARD),
        ("3B 8A 80 01 4D 54 00 05 00 20 86 64 00 01 D4", KnownCard.TRANSPORT_CARD),
        ("3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A", KnownCard.STORAGE_CARD),
        ("3B 81 01 42 C2", None),
        ("3B FD 13 00 00 81 31 FE 15 80 73 C0 21 C0 57 59 75 62 69 4B 65", None),
    ],
)
def test_published_answers_to_reset_are_told_apart(atr: str, card: KnownCard | None) -> None:
    assert describe_card(bytes.fromhex(atr)) is card


def test_without_the_global_interface_bytes_of_a_sim_card_it_is_none() -> None:
    assert describe_card(bytes.fromhex("3B 67 00 00 80 31 E0 73 FE 21 13")) is None


def test_an_answer_to_reset_is_cut_into_protocols_and_historical_bytes() -> None:
    answer = parse_answer_to_reset(bytes.fromhex("3B 97 94 80 1F 43 80 31 E0 73 FE 21 1B 39"))
    assert answer is not None
    assert answer.protocols == (0, 15)
    assert answer.historical == bytes.fromhex("80 31 E0 73 FE 21 1B")


@given(st.binary(max_size=40))
def test_whatever_a_card_says_has_a_bounded_reading(atr: bytes) -> None:
    answer = parse_answer_to_reset(atr)
    if answer is not None:
        assert len(answer.historical) == atr[1] % 16
        assert atr.find(answer.historical) >= 0
        assert len(answer.protocols) < len(atr) <= 33
    assert describe_card(atr) is None or isinstance(describe_card(atr), KnownCard)
