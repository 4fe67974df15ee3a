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


def test_initials_of_an_enterprise_are_four_or_more() -> None:
    assert not name_matches("zlg", "中粮谷", person=False)
    assert name_matches("中粮谷", "中粮谷", person=False)
    assert name_matches("zlgy", "中粮谷油", person=False)
    assert not name_matches("zlgy", "中粮谷", person=False)


def test_initials_of_a_person_are_two_or_more() -> None:
    assert name_matches("zs", "张三", person=True)
    assert not name_matches("z", "张", person=True)
    assert not name_matches("wj", "王建国", person=True)
    assert name_matches("mmttex", "买买提·吐尔逊", person=True)


@pytest.mark.parametrize("typed", ["syx", "dyx", "cyx"])
def test_any_reading_of_a_character_will_do(typed: str) -> None:
    assert name_matches(typed, "单雨欣", person=True)


def test_letters_and_digits_of_a_name_stand_for_themselves() -> None:
    assert name_matches("a1lygs", "A1粮油公司", person=False)
    assert not name_matches("b1lygs", "A1粮油公司", person=False)
