"""Identity documents of operators: which numbers can be right.

A resident's number (公民身份号码, GB 11643-1999) has 18 characters: division (6 digits), day of birth, order, check character. Residence
permits of Hong Kong, Macao and Taiwan people (港澳台居民居住证) have the same form under the divisions 810000, 820000 and 830000.
Divisions are not looked up: they come and go, and a number keeps the one that it was given.
"""

from __future__ import annotations

import enum
import re
from datetime import date

from kiosk.domain.names import LONGEST_PERSON, NameFault, NameRefused, is_han, tidy_name

RESIDENT_NUMBER_LENGTH = 18
_WEIGHTS = tuple(
    pow(2, RESIDENT_NUMBER_LENGTH - 1 - place, 11) for place in range(RESIDENT_NUMBER_LENGTH - 1)
)
_CHECK_CHARACTERS = "10X98765432"  # by the weighted sum modulo 11 (ISO 7064 MOD 11-2)
_RESIDENT_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
_BIRTH = slice(6, 14)
_EARLIEST = date(1880, 1, 1)  # as in the standard's own example; nobody who was born before ever had a number
_BETWEEN_NAMES = "·•・"
_BETWEEN_PARTS = " -.'’"
# Nine characters in a passport's machine-readable line (ICAO 9303-4); some states have longer numbers.
_PASSPORT = re.compile(r"(?=.*[0-9])[0-9A-Z]*")
_PASSPORT_LENGTHS = range(5, 16)


class DocumentKind(enum.StrEnum):
    """有效证件类型."""

    RESIDENT_ID = "resident-id"
    """中国居民身份证, also a residence permit of Hong Kong, Macao and Taiwan people."""
    PASSPORT = "passport"


class HolderFault(enum.StrEnum):
    """Why a name can be nobody's who has such a document. No value is one of `DocumentFault`: both are looked up in one table."""

    CHARACTER = "name-character"
    """One that no name has (`tidy_name`)."""
    SPELT = "spelt"
    """Letters where a name in characters is wanted: what is only spelt, or on a resident's document."""
    DIGIT = "digit"
    LENGTH = "name-length"
    """Longer than the centre keeps one, so that nobody could approve it."""


class DocumentFault(enum.StrEnum):
    """Why a number is none of that kind."""

    LENGTH = "length"
    CHARACTER = "character"
    BIRTH = "birth"
    """No day, or one that is still to come, or on which nobody was born who has a number."""
    CHECK = "check"
    """Mistyped: the check character is another."""


def document_fault(kind: DocumentKind, number: str, today: date) -> DocumentFault | None:
    """Return what is wrong with a tidy number (`tidy_code` in credit_codes.py); `today` is China's day."""
    match kind:
        case DocumentKind.RESIDENT_ID:
            return _resident_number_fault(number, today)
        case DocumentKind.PASSPORT:
            return _passport_fault(number)


def holder_fault(kind: DocumentKind, name: str) -> HolderFault | None:
    """Return what is wrong with a tidy name: Han characters, on a passport capital letters too.

    Capitals as a passport has them, since small letters are pinyin that nobody made characters of.
    """
    try:
        tidy_name(name, LONGEST_PERSON)
    except NameRefused as error:
        return HolderFault.LENGTH if error.fault is NameFault.TOO_LONG else HolderFault.CHARACTER
    letters = [each for each in name if not is_han(each) and each not in _BETWEEN_NAMES]
    if any(each.isdecimal() for each in letters):
        return HolderFault.DIGIT
    if kind is DocumentKind.PASSPORT:
        letters = [each for each in letters if not each.isupper() and each not in _BETWEEN_PARTS]
    if not letters:
        return None
    return HolderFault.SPELT if any(each.isalpha() for each in letters) else HolderFault.CHARACTER


def _resident_number_fault(number: str, today: date) -> DocumentFault | None:
    if len(number) != RESIDENT_NUMBER_LENGTH:
        return DocumentFault.LENGTH
    if _RESIDENT_NUMBER.fullmatch(number) is None:
        return DocumentFault.CHARACTER
    try:
        born = date.fromisoformat(number[_BIRTH])
    except ValueError:
        return DocumentFault.BIRTH
    if not _EARLIEST <= born <= today:
        return DocumentFault.BIRTH
    total = sum(weight * int(each) for weight, each in zip(_WEIGHTS, number, strict=False))
    return None if _CHECK_CHARACTERS[total % 11] == number[-1] else DocumentFault.CHECK


def _passport_fault(number: str) -> DocumentFault | None:
    if len(number) not in _PASSPORT_LENGTHS:
        return DocumentFault.LENGTH
    return None if _PASSPORT.fullmatch(number) else DocumentFault.CHARACTER
