from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.credit_codes import CreditCodeFault, check_character, credit_code_fault, tidy_code

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PUBLISHED = "91350100M000100Y43"  # GB 32100-2015, annex B
# Registered by the market's authority, the ministry of civil affairs and the institutions' office.
REGISTERED = (
    PUBLISHED,
    "91110000600037341L",
    "914403001922038216",
    "9144030071526726XG",
    "51610700305332460K",
    "12100000400002259P",
    "11610923MB2900168E",
)


def checked(body: str) -> str:
    """Append the check character by Horner's rule, the way of ISO 7064's pure systems, so that the test does not lean on the code."""
    remainder = 0
    for each in reversed(body):
        remainder = (remainder * 3 + ALPHABET.index(each)) % 31
    return body + ALPHABET[(31 - remainder) % 31]


@pytest.mark.parametrize("code", REGISTERED)
def test_codes_of_registered_bodies_are_right(code: str) -> None:
    assert credit_code_fault(code) is None
    assert checked(code[:-1]) == code


@pytest.mark.parametrize("body", ["N2410105MF1234567", "Y1410105MF1234567", "A1410105MF1234567"])
def test_codes_that_begin_with_n_or_y_are_right_too(body: str) -> None:
    assert credit_code_fault(checked(body)) is None


@given(st.text("0123456789", min_size=6, max_size=6), st.text(ALPHABET, min_size=11, max_size=11))
def test_one_wrong_character_or_two_that_changed_places_are_noticed(division: str, others: str) -> None:
    code = checked(others[:2] + division + others[2:])
    assert credit_code_fault(code) is None
    for place in range(18):
        other = code[:place] + ALPHABET[(ALPHABET.index(code[place]) + 1) % 31] + code[place + 1 :]
        assert credit_code_fault(other) is not None
    for place in range(17):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert swapped == code or credit_code_fault(swapped) is not None


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("", CreditCodeFault.LENGTH),
        (PUBLISHED[:-1], CreditCodeFault.LENGTH),
        (PUBLISHED + "0", CreditCodeFault.LENGTH),
        ("410105199001011", CreditCodeFault.LENGTH),  # a tax number of the time before
        ("9135010OM000100Y43", CreditCodeFault.CHARACTER),
        ("91350100M00010OY43", CreditCodeFault.CHARACTER),
        ("91350100M000100Y4Z", CreditCodeFault.CHARACTER),
        ("913501A0M000100Y43", CreditCodeFault.CHARACTER),
        ("91350100M000100Y44", CreditCodeFault.CHECK),
        ("91350100M000010Y43", CreditCodeFault.CHECK),
    ],
)
def test_what_is_wrong_is_told(code: str, fault: CreditCodeFault) -> None:
    assert credit_code_fault(code) is fault


@pytest.mark.parametrize("letter", "IOSVZ")
def test_five_letters_are_in_no_code(letter: str) -> None:
    assert credit_code_fault(letter + PUBLISHED[1:]) is CreditCodeFault.CHARACTER


def test_a_code_is_tidied_as_people_type_it() -> None:
    assert tidy_code(" 9135 0100-m000 100y 43 ") == PUBLISHED
    assert tidy_code("９１３５０１００Ｍ０００１００Ｙ４３") == PUBLISHED


def test_a_check_character_is_of_characters_that_codes_have() -> None:
    assert check_character(PUBLISHED[:-1]) == "3"
    with pytest.raises(ValueError, match="substring not found"):
        check_character("I" * 17)
