"""How Chinese characters are read, in letters without tones, and whether typed letters spell a text."""

from __future__ import annotations

import functools


@functools.cache
def readings(character: str) -> frozenset[str]:
    """Every reading of one character, as `le` and `yue` of 乐; none where no reading is known."""
    # imported late: its dictionary takes a tenth of a second to load, and the first screen does not need it
    from pypinyin import Style, pinyin  # noqa: PLC0415

    groups = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore", v_to_u=False)
    return frozenset(reading for group in groups for reading in group if reading)


def spells(letters: str, text: str) -> bool:
    """Whether small letters stand for characters that follow one another in the text.

    Of each character the whole reading may be typed or its beginning: 「发票」 by `fapiao`, `fap` or `fp`. Letters and digits
    stand for themselves; whatever else is in the text ends what can be typed in one go.
    """
    reached: set[int] = set()
    for character in text.casefold():
        reached = {
            place + length
            for place in reached | {0}
            for sound in _sounds(character)
            for length in range(1, len(sound) + 1)
            if letters.startswith(sound[:length], place)
        }
        if len(letters) in reached:
            return True
    return False


def _sounds(character: str) -> frozenset[str]:
    if character.isascii():
        return frozenset(character if character.isalnum() else ())
    return readings(character)
