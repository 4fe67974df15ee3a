"""How Chinese characters are read, in letters without tones, whether typed letters spell a text, and which characters they may mean."""

from __future__ import annotations

import functools
from collections.abc import Iterator

LONGEST_SYLLABLE = 6
"""Letters, as in `zhuang`."""

# The most frequent first; they are half of all that a name begins with.
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢"
    "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戚莫孔向汤"
)
_COMMON = "gb2312"
_UNIFIED = range(0x4E00, 0x9FA6)


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


_MISREAD = {"长治": ("chang", "zhi"), "朝阳": ("chao", "yang"), "漯河": ("luo", "he")}
"""Places that the dictionary of phrases reads as something else."""


@functools.cache
def syllables(place: str) -> tuple[str, ...]:
    """How a place is read, a syllable a character: 重庆 is `chong` `qing`, 六安 `lu` `an`."""
    # imported late, as above
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    start = next((each for each in _MISREAD if place.startswith(each)), "")
    return (*_MISREAD.get(start, ()), *lazy_pinyin(place.removeprefix(start), v_to_u=False))


def reached(letters: str, begun: set[int], read: tuple[str, ...]) -> list[set[int]]:
    """How far the letters go after each syllable, from any of the places `begun`; of each its beginning may be typed, or all."""
    steps = []
    for sound in read:
        lengths = range(1, len(sound) + 1)
        begun = {
            place + length
            for place in begun
            for length in lengths
            if place + length <= len(letters) and letters.startswith(sound[:length], place)
        }
        steps.append(begun)
    return steps


def _sounds(character: str) -> frozenset[str]:
    if character.isascii():
        return frozenset(character if character.isalnum() else ())
    return readings(character)


def meant_by(letters: str) -> tuple[str, str]:
    """The longest syllable that small letters begin with, and the characters that it may be, the usual ones first.

    ü is typed as v. Both are empty where the letters begin with no syllable. The first call takes some tenths of a second.
    """
    sounds = _by_sound()
    for length in range(min(len(letters), LONGEST_SYLLABLE), 0, -1):
        if letters[:length] in sounds:
            return letters[:length], sounds[letters[:length]]
    return "", ""


def surnames_first(characters: str) -> str:
    """The same characters, those first that names begin with."""
    return "".join(
        sorted(characters, key=lambda each: _SURNAMES.index(each) if each in _SURNAMES else len(_SURNAMES))
    )


@functools.cache
def _by_sound() -> dict[str, str]:
    """The characters of each syllable: those with it as their first reading before others, the common ones before rare ones."""
    from pypinyin import Style, pinyin  # noqa: PLC0415 - as above

    first: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for character in _characters():
        for read in pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore", v_to_u=False):
            for place, sound in enumerate(dict.fromkeys(filter(str.isascii, read))):
                (others if place else first).setdefault(sound, []).append(character)
    return {
        sound: "".join((*first.get(sound, ()), *others.get(sound, ())))
        for sound in {*first, *others}
        if sound
    }


def _characters() -> Iterator[str]:
    """Those of GB 2312, whose first level is in the order of their readings; then the other unified ideographs."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    known = dict.fromkeys(filter(None, (code.decode(_COMMON, "ignore") for code in codes)))
    yield from known
    yield from (character for character in map(chr, _UNIFIED) if character not in known)
