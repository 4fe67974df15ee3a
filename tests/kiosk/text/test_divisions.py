"""Administrative divisions by pinyin initials."""

from __future__ import annotations

import pytest

from kiosk.text.divisions import MOST, divisions, meant_by
from kiosk.text.request_wording import CARRIERS, carriers_for


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hnzz", "河南省郑州市"),
        ("zz", "河南省郑州市"),
        ("henanzhengzhou", "河南省郑州市"),
        ("hnszzs", "河南省郑州市"),
        ("zhengz", "河南省郑州市"),
        ("cq", "重庆市"),
        ("bj", "北京市"),
        ("xm", "福建省厦门市"),
        ("cs", "湖南省长沙市"),
        ("bz", "安徽省亳州市"),
        ("ahla", "安徽省六安市"),
        ("sxcz", "山西省长治市"),
        ("lh", "河南省漯河市"),
        ("cy", "辽宁省朝阳市"),
        ("lnfx", "辽宁省阜新市"),
        ("jlcc", "吉林省长春市"),
        ("zjls", "浙江省丽水市"),
        ("zjtz", "浙江省台州市"),
        ("ahbb", "安徽省蚌埠市"),
        ("hnld", "湖南省娄底市"),
        ("gddg", "广东省东莞市"),
        ("hndz", "海南省儋州市"),
        ("scls", "四川省乐山市"),
        ("xzcd", "西藏自治区昌都市"),
        ("hljqqhe", "黑龙江省齐齐哈尔市"),
        ("nmghhht", "内蒙古自治区呼和浩特市"),
        ("gxnn", "广西壮族自治区南宁市"),
        ("xjks", "新疆维吾尔自治区喀什地区"),
        ("es", "湖北省恩施土家族苗族自治州"),
        ("jlybcxzzzz", "吉林省延边朝鲜族自治州"),
        ("xg", "香港特别行政区"),
    ],
)
def test_initials_or_syllables_find_the_place_as_it_is_read(typed: str, meant: str) -> None:
    assert meant in meant_by(typed)


@pytest.mark.parametrize("typed", ["zq", "sm", "", "hnzzjsq", "gdzqq", "9"])
def test_another_reading_or_more_than_a_place_means_none_of_these(typed: str) -> None:
    assert not {"重庆市", "福建省厦门市", "河南省郑州市"} & set(meant_by(typed))


def test_a_place_that_is_spelt_to_its_end_stands_before_one_that_is_begun_and_provinces_before_places() -> (
    None
):
    assert meant_by("hnzz")[:2] == ("河南省郑州市", "湖南省株洲市")
    assert meant_by("hn")[:3] == ("河南省", "湖南省", "海南省")
    assert meant_by("hu")[-1] not in {"湖北省", "湖南省"}
    assert len(meant_by("h")) == MOST


def test_each_division_stands_once_and_can_be_found_by_its_own_initials() -> None:
    from kiosk.text.pinyin import syllables  # noqa: PLC0415 - the dictionary is slow to load

    names = [each.name for each in divisions()]
    assert len(names) == len(set(names)) > 370
    assert len({each.province for each in divisions()}) == 34
    for each in divisions():
        short = each.province[0] + ("" if each.place is None else each.place[0])
        letters = "".join(syllables(each.province[0]))
        letters += "" if each.place is None else "".join(syllables(each.place[1]))
        assert each.name in meant_by(letters), short


def test_carriers_are_found_by_their_initials() -> None:
    assert carriers_for("sf") == ("顺丰速运",)
    assert carriers_for("ems") == ("中国邮政EMS",)
    assert carriers_for("") == ()
    assert all(each in CARRIERS for each in carriers_for("y"))
