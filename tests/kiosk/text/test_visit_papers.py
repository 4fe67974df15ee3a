"""A key's label and an enterprise's slip: every fact shows, nothing runs over the edges, the code is the serial number."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import zxingcpp
from msgspec.structs import replace
from PIL import Image, ImageChops

from kiosk.domain.fees import OrderKind
from kiosk.text.paper import Paper
from kiosk.text.visit_papers import KeyLabel, SlipLine, VisitSlip, render_label, render_slip

LABEL = KeyLabel("11000001", "李**", "E8AD652202221F03", 1795327531, 1835219560)
LINE = SlipLine("3-0147-6", OrderKind.NEW, "11000001", "李**", "E8AD652202221F03", 1835219560, 34_000)
OTHER = SlipLine("3-0148-4", OrderKind.RENEWAL, "11000003", "周*", "E8AD652202221F09", 1835219561, 23_000)
SLIP = VisitSlip(
    "北京华商储备商品交易所",
    "重庆长乐粮油（集团）有限责任公司第三分公司",
    (LINE, OTHER),
    1042,
    "9F3A01BC",
    1795327531,
    ("0371-68085231", "68085211"),
)
LABEL_CHANGES = {
    "account": "11000002",
    "operator": "王*",
    "serial": "E8AD652202221F04",
    "valid_from": 1795327532,
    "valid_until": 1835219561,
}
SLIP_CHANGES = {
    "exchange": "别的交易所",
    "enterprise": "中粮谷油",
    "lines": (LINE,),
    "journal_sequence": 1043,
    "journal_hash": "9F3A01BD",
    "printed_at": 1795327532,
    "support": ("0371-68085231",),
    "copy": True,
}
LINE_CHANGES = {
    "order": "3-0149-2",
    "kind": OrderKind.REPLACEMENT,
    "account": "11000002",
    "operator": "王*",
    "serial": "E8AD652202221F04",
    "valid_until": 1835219561,
    "amount": 23_000,
}


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("L")


@pytest.mark.parametrize("dots", [384, 576])
def test_the_code_of_a_label_is_the_serial_number(dots: int) -> None:
    printed = picture(render_label(LABEL, dots))
    assert printed.width == dots
    assert [code.text for code in zxingcpp.read_barcodes(printed)] == [LABEL.serial]


@pytest.mark.parametrize("field", LABEL_CHANGES)
def test_every_field_of_a_label_shows(field: str) -> None:
    assert set(LABEL_CHANGES) == set(KeyLabel.__struct_fields__)
    assert render_label(replace(LABEL, **{field: LABEL_CHANGES[field]}), 384) != render_label(LABEL, 384)


@pytest.mark.parametrize("field", SLIP_CHANGES)
def test_every_field_of_a_slip_shows(field: str) -> None:
    assert set(SLIP_CHANGES) == set(VisitSlip.__struct_fields__)
    assert render_slip(replace(SLIP, **{field: SLIP_CHANGES[field]}), 384) != render_slip(SLIP, 384)


@pytest.mark.parametrize("field", LINE_CHANGES)
def test_every_field_of_a_line_shows(field: str) -> None:
    assert set(LINE_CHANGES) == set(SlipLine.__struct_fields__)
    changed = replace(SLIP, lines=(LINE, replace(LINE, **{field: LINE_CHANGES[field]})))
    assert render_slip(changed, 384) != render_slip(replace(SLIP, lines=(LINE, LINE)), 384)


@pytest.mark.parametrize("dots", [384, 576])
def test_nothing_runs_over_the_edges(dots: int) -> None:
    long = replace(SLIP, enterprise="长" * 60, lines=(replace(LINE, serial="E8AD" * 20, operator="欧" * 30),))
    for png in (
        render_slip(SLIP, dots),
        render_slip(long, dots),
        render_label(LABEL, dots),
        render_label(replace(LABEL, operator="长" * 40), dots),
    ):
        left, _, right, _ = ImageChops.invert(picture(png)).getbbox() or (0, 0, 0, 0)
        assert left >= 6
        assert right <= dots - 5


def test_a_slip_says_what_each_key_cost_and_the_sum_and_what_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    for name in ("centred", "pair"):
        drawn = getattr(Paper, name)

        def draw(paper: Paper, *words: Any, drawn: Callable[..., Any] = drawn, **how: Any) -> Any:
            said.append(" ".join(word for word in words if isinstance(word, str)))
            return drawn(paper, *words, **how)

        monkeypatch.setattr(Paper, name, draw)
    render_slip(SLIP, 384)
    text = "\n".join(said)
    for wanted in (
        "1 新办key盘 340.00",
        "2 key盘续期 230.00",
        "账号 11000003 周*",
        "key盘 2 把",
        "合计 ￥570.00",
        "伍佰柒拾元整",
        "本清单不是发票",
        "求助 0371-68085231 / 68085211",
    ):
        assert wanted in text


def test_both_are_read_as_they_were_written() -> None:
    decoder = msgspec.msgpack.Decoder(KeyLabel | VisitSlip)
    for paper in (LABEL, SLIP):
        assert decoder.decode(msgspec.msgpack.encode(paper)) == paper
