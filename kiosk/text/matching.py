"""Whether a typed name is the name on record, compared leniently for a desk without an input method.

A name matches when it is the same but for spaces, the width of brackets and letters and the case of letters, or
when its pinyin initials were typed: of an enterprise the first four or more, of a person all, two or more. A
character with several readings may be typed with the initial of any. Letters and digits in a name are typed as they
are, and brackets and dots may be left out of initials.
"""

from __future__ import annotations

import unicodedata

_LEAST_INITIALS_OF_ENTERPRISE = 4
_LEAST_INITIALS_OF_PERSON = 2


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
    characters = _spoken(wanted)
    if person:
        enough = _LEAST_INITIALS_OF_PERSON <= len(letters) == len(characters)
    else:
        enough = _LEAST_INITIALS_OF_ENTERPRISE <= len(letters) <= len(characters)
    spoken = zip(letters, characters, strict=False)
    return enough and all(letter in _initials(character) for letter, character in spoken)


def _spoken(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


def _initials(character: str) -> set[str]:
    """The letters that may be typed for one character of a name."""
    if character.isascii():
        return {character}
    # imported late: its dictionary takes a tenth of a second to load, and the first screen does not need it
    from pypinyin import Style, pinyin  # noqa: PLC0415

    readings = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore", v_to_u=False)
    return {reading[0] for group in readings for reading in group if reading}
