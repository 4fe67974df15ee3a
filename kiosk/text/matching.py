"""Whether a typed name is the name on record, compared leniently for a desk without an input method.

A name matches when it is the same but for spaces, the width of brackets and letters and the case of letters, or
when its pinyin initials were typed: of an enterprise those of the first four characters or more, of a person and of a
shorter name all. A character with several readings may be typed with the initial of any; one without a known reading may
be left out, or any letter may stand for it. A question mark stands for any character that is rare in print. Letters and digits in a name are typed as they are, and
brackets and dots may be left out of initials.
"""

from __future__ import annotations

import unicodedata

from kiosk.domain.names import is_han
from kiosk.text.pinyin import readings

_LEAST_OF_ENTERPRISE = 4
_COMMON = "gb2312"
"""The encoding of the characters whose readings people know; the others are rare."""

_UNKNOWN = "?"
_PRIVATE_USE = "Co"


def name_matches(typed: str, name: str, *, person: bool) -> bool:
    """Whether what was typed means this name: of a person, or else of an enterprise."""
    wanted = _plain(name)
    given = _plain(typed)
    if not given:
        return False
    return given == wanted or _are_initials(given, wanted, person=person)


def _plain(text: str) -> str:
    """Without spaces, in half width, in lower case (NFKC also makes （ into a plain bracket)."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _are_initials(given: str, wanted: str, *, person: bool) -> bool:
    letters = _spoken(given)
    read = [_initials(character) for character in _spoken(wanted)]
    if not letters or not read:
        return False
    reached = _reached(letters, read)
    if person:
        return len(read) in reached
    return max(reached, default=0) >= min(_LEAST_OF_ENTERPRISE, len(read))


def _reached(letters: list[str], read: list[set[str]]) -> set[int]:
    """How many of the characters the letters may stand for."""
    reached = _left_out({0}, read)
    for letter in letters:
        taken = {place + 1 for place in reached if place < len(read) and _stands(letter, read[place])}
        reached = _left_out(taken, read)
    return reached


def _left_out(reached: set[int], read: list[set[str]]) -> set[int]:
    """The same, where characters without a reading may be left out."""
    more = set(reached)
    for place, initials in enumerate(read):
        if place in more and not initials:
            more.add(place + 1)
    return more


def _stands(letter: str, initials: set[str]) -> bool:
    return not initials or letter in initials


def _spoken(text: str) -> list[str]:
    return [character for character in text if _is_spoken(character)]


def _is_spoken(character: str) -> bool:
    """Whether it counts: a letter, a digit, a Han character that this Python may not know, or what stands for one."""
    made_up = unicodedata.category(character) == _PRIVATE_USE
    return character.isalnum() or character == _UNKNOWN or is_han(character) or made_up


def _initials(character: str) -> set[str]:
    """The letters that may be typed for one character of a name; none where no reading of it is known."""
    if character.isascii():
        return {character} - {_UNKNOWN}
    initials = {reading[0] for reading in readings(character)}
    return initials | {_UNKNOWN} if initials and _is_rare(character) else initials


def _is_rare(character: str) -> bool:
    try:
        character.encode(_COMMON)
    except UnicodeEncodeError:
        return True
    return False
