from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.text.cells import columns, pad, truncate, width, wrap

NEVER_FIRST = "。，、；：？！）」』】》”"
NEVER_LAST = "（「『【《“￥"
# What must stay together, at most 23 cells wide: a number, date or word with the punctuation that clings to it.
UNITS = st.builds(
    lambda opening, core, closing: opening + core + closing,
    st.sampled_from(["", "（", "「", "￥"]),
    st.sampled_from(["费", "2000.50", "3-0147-6", "KEY", "2025-07-22 17:23:01"]),
    st.sampled_from(["", "。", "，", "）", "」"]),
)


def test_han_and_fullwidth_punctuation_take_two_cells() -> None:
    assert width("key盘（续期）￥1") == 3 + 2 + 8 + 2 + 1


@pytest.mark.parametrize(
    ("align", "padded"), [("left", "密钥   "), ("right", "   密钥"), ("centre", " 密钥  ")]
)
def test_padding_counts_cells(align: str, padded: str) -> None:
    assert pad("密钥", 7, align) == padded  # type: ignore[arg-type]


def test_padding_leaves_what_is_too_wide_alone() -> None:
    assert pad("密钥盘", 5) == "密钥盘"


def test_truncation_marks_what_it_cut_and_never_halves_a_character() -> None:
    assert truncate("密钥盘", 6) == "密钥盘"
    assert truncate("密钥盘在手里", 7) == "密钥.."
    assert truncate("密钥", 1) == ""


@pytest.mark.parametrize("room", [0, -2])
def test_a_place_without_any_room_holds_nothing(room: int) -> None:
    assert truncate("密钥", room) == ""
    assert columns([("3-0147-6", "新办key盘")], room) == [""]


@given(st.text(max_size=40), st.integers(min_value=0, max_value=20))
def test_truncation_never_exceeds_its_cells(text: str, cells: int) -> None:
    assert width(truncate(text, cells)) <= cells


def test_a_full_stop_goes_down_with_the_character_before_it() -> None:
    assert wrap("请核对金额。", 10) == ["请核对金", "额。"]


def test_an_opening_bracket_goes_down_with_the_character_after_it() -> None:
    assert wrap("请选择「办理」", 8) == ["请选择", "「办理」"]


def test_numbers_dates_and_order_numbers_are_not_broken() -> None:
    assert wrap("应付￥2000.50，订单号3-0147-6", 12) == ["应付", "￥2000.50，", "订单号", "3-0147-6"]
    assert wrap("有效期2025-07-22 17:23:01 ~ 2026-07-22 17:23:01", 24) == [
        "有效期",
        "2025-07-22 17:23:01 ~",
        "2026-07-22 17:23:01",
    ]
    assert wrap("请打 0371-68085231 / 68085211 问", 26) == ["请打", "0371-68085231 / 68085211", "问"]
    assert wrap("请打 0371-68085231 / 68085211", 16) == ["请打", "0371-68085231 /", "68085211"]
    assert wrap("至(2025-07-22 17:23:01)止", 23) == ["至(2025-07-22 17:23:01)", "止"]


def test_line_breaks_and_indents_of_the_text_stay() -> None:
    assert wrap("  1 扫码\n\n  2 付款", 20) == ["  1 扫码", "", "  2 付款"]


def test_spaces_vanish_at_a_break() -> None:
    assert wrap("scan the code to pay", 9) == ["scan the", "code to", "pay"]


def test_what_is_wider_than_a_line_is_cut() -> None:
    assert wrap("E8AD652202221F03", 6) == ["E8AD65", "220222", "1F03"]


def test_a_line_too_narrow_for_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells"):
        wrap("密", 1)


@given(st.text(max_size=60), st.integers(min_value=2, max_value=30))
def test_lines_are_never_too_wide_and_nothing_but_space_is_lost(text: str, cells: int) -> None:
    lines = wrap(text, cells)
    assert all(width(line) <= cells for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


@given(st.lists(UNITS, max_size=20), st.sampled_from(["的", " "]), st.integers(min_value=23, max_value=40))
def test_no_line_begins_or_ends_with_what_it_must_not(units: list[str], between: str, cells: int) -> None:
    lines = wrap(between.join(units), cells)
    assert not any(line.startswith(tuple(NEVER_FIRST)) for line in lines)
    assert not any(line.endswith(tuple(NEVER_LAST)) for line in lines)
    assert all(any(unit in line for line in lines) for unit in units)


def test_columns_line_up_in_cells_and_the_last_gives_way_to_the_others() -> None:
    rows = [("3-0147-6", "待付款", "李晓梅"), ("3-2-0147-6", "退款中", "陈静")]
    assert columns(rows, 40) == ["3-0147-6   待付款 李晓梅", "3-2-0147-6 退款中 陈静"]
    assert columns(rows, 23, gap=2) == ["3-0147-6    待付款", "3-2-0147-6  退款中"]
    assert columns(rows, 14) == ["3-0147-6   ..", "3-2-0147-6 .."]
    assert columns([], 40) == []
