"""统一社会信用代码, the code of an enterprise: 18 characters, the last of which checks the others (GB 32100-2015).

Registration authority (1), category (1), administrative division (6 digits), body (9), check character. What authorities and
categories there are is left open: codes that begin with N (rural collectives) or Y (others) came after the first lists.
"""

from __future__ import annotations

import enum
import re
import unicodedata

CREDIT_CODE_LENGTH = 18
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z; a character's place is its value
_WEIGHTS = tuple(pow(3, place, 31) for place in range(CREDIT_CODE_LENGTH - 1))
_DIVISION = slice(2, 8)
_SEPARATORS = re.compile(r"[\s‐-―−_.-]+")


class CreditCodeFault(enum.StrEnum):
    """Why a text is no credit code."""

    LENGTH = "length"
    CHARACTER = "character"
    """A character that no code has, or a letter in the division."""
    CHECK = "check"
    """Mistyped: the check character is another."""


def tidy_code(text: str) -> str:
    """Return a code or a document's number as it is kept: capitals, half width, without separators."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def check_character(body: str) -> str:
    """Return the check character of the 17 before it (GB 32100-2015, annex B). Raises ValueError for another character."""
    total = sum(weight * _ALPHABET.index(each) for weight, each in zip(_WEIGHTS, body, strict=True))
    return _ALPHABET[-total % 31]


def credit_code_fault(code: str) -> CreditCodeFault | None:
    """Return what is wrong with a tidy code; None where its check character is right."""
    if len(code) != CREDIT_CODE_LENGTH:
        return CreditCodeFault.LENGTH
    division = code[_DIVISION]
    if not set(code) <= set(_ALPHABET) or not division.isdigit():
        return CreditCodeFault.CHARACTER
    return None if check_character(code[:-1]) == code[-1] else CreditCodeFault.CHECK
