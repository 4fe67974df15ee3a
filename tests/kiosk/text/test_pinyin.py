"""Characters for a desk without an input method: what letters may mean, the usual ones first."""

from __future__ import annotations

import pytest

from kiosk.text.pinyin import LONGEST_SYLLABLE, meant_by, readings, surnames_first

# From lists of frequent surnames and given names; not from the program.
NAMES = "欧阳娜娜 诸葛亮 慕容雪 吕玥 张喆 刘堃 曾祎 单雄信 仇英 解缙 任盈盈 查良镛 区桃 女娲 翟让 逄涛"


@pytest.mark.parametrize("name", NAMES.split())
def test_every_character_of_a_name_is_among_those_of_each_of_its_readings(name: str) -> None:
    for character in name:
        spelt = [sound for sound in readings(character) if sound.isascii()]
        assert spelt, character
        for sound in spelt:
            syllable, meant = meant_by(sound)
            assert syllable == sound
            assert character in meant


@pytest.mark.parametrize(
    ("letters", "syllable"),
    [
        ("wangxiao", "wang"),
        ("xi", "xi"),
        ("xiaofang", "xiao"),
        ("lvmei", "lv"),
        ("aaa", "a"),
        ("w", ""),
        ("", ""),
        ("john", ""),
    ],
)
def test_the_longest_syllable_comes_first(letters: str, syllable: str) -> None:
    found, characters = meant_by(letters)
    assert found == syllable
    assert bool(characters) is bool(syllable)
    assert len(found) <= LONGEST_SYLLABLE


def test_the_first_reading_and_the_common_characters_come_before_others() -> None:
    _, fang = meant_by("fang")
    assert fang.index("芳") < fang.index("髣")
    _, chong = meant_by("chong")
    assert chong.index("冲") < chong.index("重")


def test_what_names_begin_with_comes_first() -> None:
    assert surnames_first("汪枉王黄") == "王黄汪枉"
    _, wang = meant_by("wang")
    assert surnames_first(wang)[0] == "王"
    assert sorted(surnames_first(wang)) == sorted(wang)
