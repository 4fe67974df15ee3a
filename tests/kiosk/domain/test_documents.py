from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.documents import DocumentFault, DocumentKind, HolderFault, document_fault, holder_fault
from kiosk.domain.names import LONGEST_PERSON

TODAY = date(2026, 11, 30)
PUBLISHED = "11010519491231002X"  # GB 11643-1999
OTHER_PUBLISHED = "440524188001010014"  # GB 11643-1999
# As the ministry of public security shows residence permits, and one of Macao.
PERMITS = ("810000199408230021", "820000199001010010", "830000199201300022")


def resident(number: str, today: date = TODAY) -> DocumentFault | None:
    return document_fault(DocumentKind.RESIDENT_ID, number, today)


def passport(number: str) -> DocumentFault | None:
    return document_fault(DocumentKind.PASSPORT, number, TODAY)


def checked(body: str) -> str:
    """Append the check character by Horner's rule (ISO 7064 MOD 11-2), so that the test does not lean on the code."""
    remainder = 0
    for each in body:
        remainder = (remainder + int(each)) * 2 % 11
    check = (12 - remainder) % 11
    return body + ("X" if check == 10 else str(check))


@pytest.mark.parametrize("number", [PUBLISHED, OTHER_PUBLISHED, *PERMITS])
def test_residents_and_people_with_a_residence_permit_have_right_numbers(number: str) -> None:
    assert resident(number) is None
    assert checked(number[:-1]) == number


@given(st.integers(0, 999), st.dates(date(1900, 1, 1), TODAY))
def test_one_wrong_digit_or_two_that_changed_places_are_noticed(order: int, born: date) -> None:
    number = checked(f"410105{born:%Y%m%d}{order:03d}")
    assert resident(number) is None
    for place in range(17):
        other = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert resident(other) is not None
    for place in range(16):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert swapped == number or resident(swapped) is not None


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("", DocumentFault.LENGTH),
        ("110105491231002", DocumentFault.LENGTH),  # of fifteen digits, no longer valid
        (PUBLISHED + "0", DocumentFault.LENGTH),
        ("11010519491231002x", DocumentFault.CHARACTER),
        ("1101051949123100XX", DocumentFault.CHARACTER),
        ("01010519491231002X", DocumentFault.CHARACTER),
        ("11010519491231002Y", DocumentFault.CHARACTER),
        ("110105194912310021", DocumentFault.CHECK),
        (checked("11010519491331002"), DocumentFault.BIRTH),
        (checked("11010519490229002"), DocumentFault.BIRTH),
        (checked("11010520261201002"), DocumentFault.BIRTH),
        (checked("11010518791231002"), DocumentFault.BIRTH),
        (checked("11010500010101002"), DocumentFault.BIRTH),
    ],
)
def test_what_is_wrong_with_a_residents_number_is_told(number: str, fault: DocumentFault) -> None:
    assert resident(number) is fault


def test_whoever_was_born_today_has_a_number() -> None:
    assert resident(checked("11010520261130002")) is None


@pytest.mark.parametrize(
    "number", ["E12345678", "EA1234567", "G12345678", "AB123", "123456789", "A" * 14 + "1"]
)
def test_passports_of_any_state_are_taken(number: str) -> None:
    assert passport(number) is None


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("", DocumentFault.LENGTH),
        ("E123", DocumentFault.LENGTH),
        ("A" * 15 + "1", DocumentFault.LENGTH),
        ("PASSPORT", DocumentFault.CHARACTER),
        ("E1234567é", DocumentFault.CHARACTER),
        ("e12345678", DocumentFault.CHARACTER),
    ],
)
def test_what_is_wrong_with_a_passports_number_is_told(number: str, fault: DocumentFault) -> None:
    assert passport(number) is fault


@pytest.mark.parametrize(
    ("kind", "name", "fault"),
    [
        (DocumentKind.RESIDENT_ID, "王晓芳", None),
        (DocumentKind.RESIDENT_ID, "𠮷田", None),
        (DocumentKind.RESIDENT_ID, "阿不都·买买提", None),
        (DocumentKind.RESIDENT_ID, "", HolderFault.CHARACTER),
        (DocumentKind.RESIDENT_ID, "王xiao", HolderFault.SPELT),
        (DocumentKind.RESIDENT_ID, "wangxiaofang", HolderFault.SPELT),
        (DocumentKind.RESIDENT_ID, "WANG", HolderFault.SPELT),
        (DocumentKind.RESIDENT_ID, "王 晓芳", HolderFault.CHARACTER),
        (DocumentKind.RESIDENT_ID, "王晓芳3", HolderFault.DIGIT),
        (DocumentKind.RESIDENT_ID, "王晓芳\u200b", HolderFault.CHARACTER),
        (DocumentKind.PASSPORT, "王晓芳", None),
        (DocumentKind.PASSPORT, "O'NEIL JEAN-PAUL ST.", None),
        (DocumentKind.PASSPORT, "MÜLLER", None),
        (DocumentKind.PASSPORT, "Smith", HolderFault.SPELT),
        (DocumentKind.PASSPORT, "SMITH2", HolderFault.DIGIT),
        (DocumentKind.PASSPORT, "SMITH#", HolderFault.CHARACTER),
        (DocumentKind.PASSPORT, "A" * LONGEST_PERSON, None),
        (DocumentKind.PASSPORT, "A" * (LONGEST_PERSON + 1), HolderFault.LENGTH),
        (DocumentKind.RESIDENT_ID, "王" * 65, HolderFault.LENGTH),
    ],
)
def test_a_name_is_one_that_such_a_document_has(
    kind: DocumentKind, name: str, fault: HolderFault | None
) -> None:
    assert holder_fault(kind, name) is fault
