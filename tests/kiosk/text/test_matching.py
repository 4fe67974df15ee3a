from __future__ import annotations

import pytest

from kiosk.text.matching import name_matches

ENTERPRISE = "重庆长乐粮油（集团）有限公司"


@pytest.mark.parametrize(
    "typed",
    [
        ENTERPRISE,
        "重庆长乐粮油(集团)有限公司",
        " 重庆 长乐粮油（集团）\u3000有限公司 ",
        "cqclly(jt)yxgs",
        "cqcllyjtyxgs",
        "CQCLLYJTYXGS",
        "ｃｑｃｌｌｙｊｔｙｘｇｓ",
        "zqzyyljtyxgs".replace("zqzyyl", "zqzyly"),
        "cqcllyjtyxg",
        "cqcl",
    ],
)
def test_ways_to_type_an_enterprise(typed: str) -> None:
    assert name_matches(typed, ENTERPRISE, person=False)


@pytest.mark.parametrize(
    "typed", ["", " ", "重庆长乐粮油", "cqc", "cqcz", "clly", "cqcllyjtyxgss", "bqcllyjtyxgs", "（）"]
)
def test_what_is_not_the_enterprise(typed: str) -> None:
    assert not name_matches(typed, ENTERPRISE, person=False)


def test_initials_of_an_enterprise_are_four_or_more_or_those_of_all_its_shorter_name() -> None:
    assert name_matches("zlgy", "中粮谷油", person=False)
    assert not name_matches("zlg", "中粮谷油", person=False)
    assert name_matches("zlg", "中粮谷", person=False)
    assert name_matches("zl", "中粮", person=False)
    assert not name_matches("z", "中粮", person=False)
    assert not name_matches("zlgy", "中粮谷", person=False)


def test_initials_of_a_person_are_those_of_the_whole_name() -> None:
    assert name_matches("zs", "张三", person=True)
    assert name_matches("z", "张", person=True)
    assert not name_matches("z", "张三", person=True)
    assert not name_matches("wj", "王建国", person=True)
    assert name_matches("mmttex", "买买提·吐尔逊", person=True)


@pytest.mark.parametrize("name", ["・", "···", "☃☃☃☃", "\u0301"])
@pytest.mark.parametrize("typed", ["a", "?", "·", "aaaa"])
def test_a_name_of_which_nothing_is_spoken_has_no_initials(typed: str, name: str) -> None:
    assert not name_matches(typed, name, person=False)
    assert name_matches(name, name, person=False)


@pytest.mark.parametrize("typed", ["syx", "dyx", "cyx"])
def test_any_reading_of_a_character_will_do(typed: str) -> None:
    assert name_matches(typed, "单雨欣", person=True)


def test_letters_and_digits_of_a_name_stand_for_themselves() -> None:
    assert name_matches("a1lygs", "A1粮油公司", person=False)
    assert not name_matches("b1lygs", "A1粮油公司", person=False)


@pytest.mark.parametrize("typed", ["cjl", "c?l", "c？l", "cl", "CL", "cxl", "程𠮷林", "c𠮷l"])
def test_a_character_without_a_known_reading_is_left_out_or_any_letter_stands_for_it(typed: str) -> None:
    assert name_matches(typed, "程𠮷林", person=True)


@pytest.mark.parametrize("typed", ["c", "l", "cj", "jl", "cjxl", "l?c", "?", "c??l", "程林"])
def test_the_characters_beside_one_without_a_reading_are_wanted(typed: str) -> None:
    assert not name_matches(typed, "程𠮷林", person=True)


def test_what_this_python_or_nobody_can_read_is_a_character_without_a_reading() -> None:
    for unread in ("\U0002ebf0", "\U000323af", "\ue000", "?", "Ж"):
        for typed in ("cxl", "c?l", "cl"):
            assert name_matches(typed, f"程{unread}林", person=True), unread
    assert name_matches("c", "程𠮷", person=True)
    assert name_matches("?", "𠮷", person=True)
    assert not name_matches("·", "𠮷𠮷", person=True)


def test_a_question_mark_stands_for_a_rare_character_whose_reading_the_desk_happens_to_know() -> None:
    assert name_matches("??", "𠀀𠀁", person=True)
    assert name_matches("wr?", "王瑞龑", person=True)
    assert name_matches("wry", "王瑞龑", person=True)
    assert not name_matches("wr", "王瑞龑", person=True)


def test_a_question_mark_stands_for_no_common_character() -> None:
    assert not name_matches("c?l", "程建林", person=True)
    assert not name_matches("cq??", "重庆长乐粮油", person=False)


def test_the_first_four_characters_of_an_enterprise_may_have_one_without_a_reading() -> None:
    assert name_matches("zlg", "中粮谷\U0002ebf0油", person=False)
    assert name_matches("zlg?", "中粮谷\U0002ebf0油", person=False)
    assert not name_matches("zl", "中粮谷\U0002ebf0油", person=False)
