"""What a name may hold: one rule for where names are taken in and for certificates, the same on every Python.

`unicodedata` knows more characters with each Python, so a character is judged by Unicode 3.2, which every Python has
beside its own, and Han characters by their blocks (The Unicode Standard, chapter 18; extensions B to I). Texts are
composed (NFC), which changes nothing between versions for characters that are assigned; a character that NFC replaces
by another, as it does compatibility ideographs, is refused: the certificate would hold another name than the record.
"""

from __future__ import annotations

import enum
import unicodedata

from kiosk.domain.errors import DomainError

LONGEST_NAME = 64
"""ub-organizational-unit-name and ub-common-name of RFC 5280, appendix A.1, in characters."""
LONGEST_PERSON = 40
"""Characters of a person's name, as the centre keeps it."""

# The last code points are those of Unicode 15.1.
_HAN = (
    range(0x3400, 0x4DC0),  # extension A
    range(0x4E00, 0xA000),
    range(0x20000, 0x2A6E0),  # B
    range(0x2A700, 0x2B73A),  # C
    range(0x2B740, 0x2B81E),  # D
    range(0x2B820, 0x2CEA2),  # E
    range(0x2CEB0, 0x2EBE1),  # F
    range(0x2EBF0, 0x2EE5E),  # I
    range(0x30000, 0x3134B),  # G
    range(0x31350, 0x323B0),  # H
)
# What is drawn as nothing and is in no category of its own: Default_Ignorable_Code_Point and blank letters.
_INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u2800\u3164\uffa0"
) | frozenset(map(chr, range(0xFE00, 0xFE10)))
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})
_PRIVATE_USE, _UNASSIGNED, _SURROGATE = "Co", "Cn", "Cs"
_TAGS_AND_SELECTORS = range(0xE0000, 0xE1000)


class NameFault(enum.StrEnum):
    """Why a name is refused."""

    EMPTY = "empty"
    NOTHING_SPOKEN = "nothing-spoken"
    """It has no letter, digit or Han character, so that nobody can say or type it."""
    TOO_LONG = "too-long"
    INVISIBLE = "invisible"
    """A control character, one of no width, or one that is drawn as nothing."""
    PRIVATE_USE = "private-use"
    """A character that some old system made up, which is another one or none elsewhere."""
    REPLACED = "replaced"
    """NFC makes another character of it."""
    UNKNOWN = "unknown"
    """No character, or none of Unicode 3.2 and no Han character; also what stands for bytes that nobody could read."""


class NameRefused(DomainError):
    """A name cannot be taken; `character` is the one that is not allowed, `instead` what NFC makes of it."""

    def __init__(self, fault: NameFault, character: str = "", instead: str = "") -> None:
        super().__init__(f"{fault.value} {' '.join(f'U+{ord(each):04X}' for each in character)}".strip())
        self.fault = fault
        self.character = character
        self.instead = instead


def is_han(character: str) -> bool:
    """Whether it is a Han character, whatever Python knows of it; compatibility ideographs are not."""
    return any(ord(character) in block for block in _HAN)


def tidy_name(text: str, longest: int = LONGEST_NAME) -> str:
    """Return the name composed (NFC) and with single spaces, as OpenSSL compares names. Raises NameRefused."""
    for character in text.strip():
        fault = _fault(character)
        if fault is not None:
            instead = unicodedata.normalize("NFC", character) if fault is NameFault.REPLACED else ""
            raise NameRefused(fault, character, instead)
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy:
        raise NameRefused(NameFault.EMPTY)
    if not any(is_han(character) or character.isalnum() for character in tidy):
        raise NameRefused(NameFault.NOTHING_SPOKEN)
    if len(tidy) > longest:
        raise NameRefused(NameFault.TOO_LONG)
    return tidy


def _fault(character: str) -> NameFault | None:
    if is_han(character):
        return None
    category = unicodedata.ucd_3_2_0.category(character)
    if character in _INVISIBLE or category in _INVISIBLE_CATEGORIES or ord(character) in _TAGS_AND_SELECTORS:
        return NameFault.INVISIBLE
    if category == _PRIVATE_USE:
        return NameFault.PRIVATE_USE
    if category in {_UNASSIGNED, _SURROGATE} or character == "\N{REPLACEMENT CHARACTER}":
        return NameFault.UNKNOWN
    composed = unicodedata.normalize("NFC", character)
    return NameFault.REPLACED if composed != character and len(composed) == 1 else None
