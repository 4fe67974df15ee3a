from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import qrcode
import zxingcpp
from PIL import Image, ImageChops

from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.labels import FEE_ITEMS, ORDER_KINDS, PAID_HOW
from kiosk.text.paper import Paper
from kiosk.text.qr_cells import QrTooLarge
from kiosk.text.receipt import (
    NEXT_STEPS,
    Receipt,
    ReceiptKey,
    render,
)

QR_TEXT = "HTTPS://PAY.EXAMPLE.CN/O/3-0147-6"
KEY = ReceiptKey(
    serial="E8AD652202221F03",
    certificate="3000000000023B1A",
    valid_from=1795327531,
    valid_until=1835219560,
    previous_until=1803683560,
    login_after_sync=True,
)
RECEIPT = Receipt(
    exchange="北京华商储备商品交易所",
    payee="郑州华粮科技有限公司",
    order="3-0147-6",
    kind=OrderKind.REPLACEMENT,
    account="11000001",
    enterprise="重庆长乐粮油（集团）有限责任公司第三分公司",
    lines=(
        PriceLine(FeeItem.TOKEN, 11000),
        PriceLine(FeeItem.CERTIFICATE, 8000),
        PriceLine(FeeItem.SERVICE, 15000),
    ),
    paid_how=PaidHow.CODE,
    paid_at=1795327500,
    journal_sequence=1042,
    journal_hash="9F3A01BC",
    printed_at=1795327531,
    support=("0371-68085231", "68085211"),
    qr_text=QR_TEXT,
    key=KEY,
)
CHANGES = {
    "exchange": "别的交易所",
    "payee": "别的公司",
    "order": "3-0148-4",
    "kind": OrderKind.NEW,
    "account": "11000002",
    "enterprise": "中粮谷油",
    "lines": RECEIPT.lines[1:],
    "paid_how": PaidHow.DESK,
    "paid_at": 1795327501,
    "journal_sequence": 1043,
    "journal_hash": "9F3A01BD",
    "printed_at": 1795327532,
    "support": ("0371-68085231",),
    "qr_text": "KEYDESK",
    "key": None,
    "next_step": NEXT_STEPS[Delivery.COUNTER],
    "copy": True,
    "official_account": "郑州华粮",
    "site": "https://site.example/",
}
KEY_CHANGES = {
    "serial": "E8AD652202221F04",
    "certificate": "3000000000023B1B",
    "valid_from": 1795327532,
    "valid_until": 1835219561,
    "previous_until": None,
    "login_after_sync": False,
}


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("dots", [384, 576])
def test_the_picture_is_as_wide_as_the_paper_and_black_and_white(dots: int) -> None:
    printed = picture(render(RECEIPT, dots))
    assert printed.width == dots
    assert printed.mode == "1"


@pytest.mark.parametrize("dots", [384, 576])
def test_the_code_on_it_names_the_order(dots: int) -> None:
    codes = zxingcpp.read_barcodes(picture(render(RECEIPT, dots)).convert("L"))
    assert [code.text for code in codes] == [QR_TEXT]


@pytest.mark.parametrize("dots", [384, 576])
def test_a_second_code_on_the_receipt_of_a_bound_key_is_the_sites_address(dots: int) -> None:
    with_site = msgspec.structs.replace(RECEIPT, site="https://site.example/")
    codes = zxingcpp.read_barcodes(picture(render(with_site, dots)).convert("L"))
    assert sorted(code.text for code in codes) == [QR_TEXT, "https://site.example/"]
    unbound = msgspec.structs.replace(with_site, key=None)
    (code,) = zxingcpp.read_barcodes(picture(render(unbound, dots)).convert("L"))
    assert code.text == QR_TEXT


def written(receipt: Receipt, monkeypatch: pytest.MonkeyPatch) -> str:
    """What stands on a receipt, line by line."""
    said: list[str] = []
    for name in ("centred", "paragraph", "pair"):
        drawn = getattr(Paper, name)

        def draw(paper: Paper, *words: Any, drawn: Callable[..., Any] = drawn, **how: Any) -> Any:
            said.append(" ".join(str(word) for word in words if isinstance(word, str)))
            return drawn(paper, *words, **how)

        monkeypatch.setattr(Paper, name, draw)
    render(receipt, 384)
    return "\n".join(said)


def test_the_receipt_of_a_bound_key_ends_with_what_to_do_back_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = written(RECEIPT, monkeypatch)
    wanted = (
        "回到单位",
        "1 下载安装驱动",
        "「用户登录」→「下载安装」",
        "2 右键",
        "以管理员身份运行",
        "插入key盘",
        "3 登录：账号、密码、短信验证码",
        "尚未安装CA盘驱动",
        "下载驱动",
        "驱动或key盘加载失败",
        "启动驱动，再刷新网页",
        "求助 0371-68085231 / 68085211",
    )
    places = [said.find(each) for each in wanted]
    assert -1 not in places
    assert places == sorted(places)


def test_a_receipt_without_a_bound_key_says_nothing_of_the_way_back_to_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "回到单位" not in written(msgspec.structs.replace(RECEIPT, key=None), monkeypatch)


@pytest.mark.parametrize("dots", [384, 576])
def test_nothing_runs_over_the_edges(dots: int) -> None:
    long = msgspec.structs.replace(
        RECEIPT, enterprise="长" * 60, payee="A" * 90, order="3-123456789-0147-6", key=None
    )
    for receipt in (RECEIPT, long):
        printed = picture(render(receipt, dots)).convert("L")
        left, _, right, _ = ImageChops.invert(printed).getbbox() or (0, 0, 0, 0)
        assert left >= 6
        assert right <= dots - 5


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_shows(field: str) -> None:
    changed = msgspec.structs.replace(RECEIPT, **{field: CHANGES[field]})
    assert set(CHANGES) == set(Receipt.__struct_fields__)
    assert render(changed, 384) != render(RECEIPT, 384)


@pytest.mark.parametrize("dots", [384, 576])
def test_the_code_of_the_official_account_is_printed_for_phones(tmp_path: Path, dots: int) -> None:
    follow = "https://weixin.qq.com/r/example"
    file = tmp_path / "follow.png"
    with file.open("wb") as picture_file:
        qrcode.make(follow).save(picture_file)
    receipt = msgspec.structs.replace(RECEIPT, official_account="郑州华粮")
    codes = zxingcpp.read_barcodes(picture(render(receipt, dots, file)).convert("L"))
    assert {code.text for code in codes} == {QR_TEXT, follow}


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_receipt_is_printed_without_a_picture_that_is_none(tmp_path: Path, content: bytes) -> None:
    receipt = msgspec.structs.replace(RECEIPT, official_account="郑州华粮")
    file = tmp_path / "follow.png"
    without = render(receipt, 384)
    assert render(receipt, 384, file) == without
    file.write_bytes(content)
    assert render(receipt, 384, file) == without


@pytest.mark.parametrize("field", KEY_CHANGES)
def test_every_field_of_the_key_shows(field: str) -> None:
    changed = msgspec.structs.replace(KEY, **{field: KEY_CHANGES[field]})
    assert set(KEY_CHANGES) == set(ReceiptKey.__struct_fields__)
    assert render(msgspec.structs.replace(RECEIPT, key=changed), 384) != render(RECEIPT, 384)


def test_the_notice_of_a_key_that_waits_for_the_network_is_a_black_bar() -> None:
    registered = msgspec.structs.replace(RECEIPT, key=msgspec.structs.replace(KEY, login_after_sync=False))

    def bars(receipt: Receipt) -> int:
        """Rows that are mostly black from edge to edge, beyond the thickness of a rule."""
        printed = picture(render(receipt, 384)).convert("L")
        rows = [printed.crop((10, y, 374, y + 1)).tobytes() for y in range(printed.height)]
        return sum(row.count(0) > len(row) / 2 for row in rows)

    assert bars(RECEIPT) > 20
    assert bars(registered) < 10


def test_the_same_receipt_gives_the_same_bytes() -> None:
    assert render(RECEIPT, 384) == render(RECEIPT, 384)


def test_every_kind_item_and_way_of_paying_has_a_name() -> None:
    assert set(ORDER_KINDS) == set(OrderKind)
    assert set(FEE_ITEMS) == set(FeeItem)
    assert set(PAID_HOW) == set(PaidHow)
    assert set(NEXT_STEPS) == set(Delivery)


def test_a_code_that_cannot_be_printed_is_refused() -> None:
    with pytest.raises(QrTooLarge):
        render(msgspec.structs.replace(RECEIPT, qr_text="a" * 1000), 384)


def test_a_character_that_the_font_lacks_is_printed_as_its_code() -> None:
    def printed(enterprise: str) -> bytes:
        return render(msgspec.structs.replace(RECEIPT, enterprise=enterprise), 384)

    assert printed("程\U0002ebf0林") == printed("程[U+2EBF0]林")
    assert printed("程\U0002ebf0林") != printed("程\U000323af林")
    assert printed("程𠮷林") != printed("程[U+20BB7]林")
