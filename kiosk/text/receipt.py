"""The receipt: what it says and how it is laid out, as a picture for a printer that takes bitmaps.

A receipt is a voucher and always Chinese. It is not an invoice, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.fees import OrderKind, PriceLine
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.domain.promises import DISPATCH_DAYS
from kiosk.labels import FEE_ITEMS, ORDER_KINDS, PAID_HOW
from kiosk.text import times
from kiosk.text.money import capitals, with_currency, yuan
from kiosk.text.qr_cells import modules

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from kiosk.text.paper import Paper

NEXT_STEPS = {
    Delivery.COUNTER: "窗口领取：请凭本凭条到窗口领取key盘，再在本机「绑定key盘」。",
    Delivery.MAIL: f"邮寄：付款后 {DISPATCH_DAYS} 个工作日内寄出。请在「我的订单」-「华商订单」填写收件地址。",
}
LOGIN_AFTER_SYNC = "联网登记后可登录"
BACK_AT_WORK = "回到单位"
STEPS_AT_WORK = (
    "1 下载安装驱动：网站首页「用户登录」→「下载安装」",
    "2 右键驱动，「以管理员身份运行」，插入key盘",
    "3 登录：账号、密码、短信验证码",
)
SITE = "扫码打开网站"
DRIVER_MESSAGES = (
    ("尚未安装CA盘驱动", "点「下载驱动」，装好后刷新网页"),
    ("驱动或key盘加载失败", "插好key盘，启动驱动，再刷新网页"),
)

# A receipt has room for a larger code than the screen, should the order's text ever need one.
_LARGEST_QR_VERSION = 15


class ReceiptKey(msgspec.Struct, frozen=True):
    """The bound key: serial of the token, number of the certificate, its validity and the old end, UTC seconds."""

    serial: str
    certificate: str
    valid_from: int
    valid_until: int
    previous_until: int | None = None
    login_after_sync: bool = False


class Receipt(msgspec.Struct, frozen=True):
    """The contents of a receipt.

    Amounts are fen and times UTC seconds. `key` is set once a key was bound, `next_step` otherwise. `journal_sequence` and `journal_hash` (eight hex digits) are the journal's tip when it was
    made, `printed_at` is when it went to the printer. `qr_text` identifies the order to a scanner. `official_account`
    is where the member finds it; receipts of former versions name none. `site` is where members log in; empty where it is not configured.
    """

    exchange: str
    payee: str
    order: str
    kind: OrderKind
    account: str
    enterprise: str
    lines: tuple[PriceLine, ...]
    paid_how: PaidHow
    paid_at: int
    journal_sequence: int
    journal_hash: str
    printed_at: int
    support: tuple[str, ...]
    qr_text: str
    key: ReceiptKey | None = None
    next_step: str | None = None
    copy: bool = False
    official_account: str = ""
    site: str = ""

    @property
    def total(self) -> int:
        """The sum of the lines in fen."""
        return sum(line.amount for line in self.lines)


def render(receipt: Receipt, dots: int, follow: Path | None = None) -> bytes:
    """The receipt as a one-bit PNG so many dots wide: 384 (58 mm paper) or 576 (80 mm).

    `follow` is the picture of the official account's code; without one, and where it is no picture, its name alone is printed.
    Raises QrTooLarge when `qr_text` fits into no code that can be printed.
    """
    # imported late: Pillow and the font are needed for printing alone
    from kiosk.text.paper import Paper, stack  # noqa: PLC0415

    wide = dots >= 576  # noqa: PLR2004 - the wider of the two papers
    paper = Paper(dots, 16 if wide else 6)
    size = 26 if wide else 24
    strips = [
        *_head(receipt, paper, size),
        *_order(receipt, paper, size),
        *_amounts(receipt, paper, size),
        *(_key(receipt.key, paper, size) if receipt.key else []),
        *_notices(receipt, paper, size),
        *_lookup(receipt, paper, size),
        *(_at_work(receipt.site, paper, size) if receipt.key else []),
        *_foot(receipt, paper, size),
        *_follow(receipt, follow, paper, size),
    ]
    return stack(strips)


def _head(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    title = "缴费凭条（补打）" if receipt.copy else "缴费凭条"
    return [
        paper.gap(16),
        paper.centred(receipt.exchange, size),
        paper.gap(4),
        paper.centred(title, round(size * 1.6), bold=True),
        paper.centred("RECEIPT", round(size * 0.7)),
        paper.rule(dashed=False, thickness=3),
    ]


def _order(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    return [
        paper.pair("订单号", receipt.order, round(size * 1.15), bold=True),
        paper.pair("业务", ORDER_KINDS[receipt.kind], size),
        paper.pair("账号", receipt.account, size),
        paper.pair("企业", receipt.enterprise, size),
        paper.pair("收款单位", receipt.payee, size),
        paper.rule(),
    ]


def _amounts(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    return [
        *(paper.pair(FEE_ITEMS[line.item], yuan(line.amount), size) for line in receipt.lines),
        paper.rule(),
        paper.pair("合计", with_currency(receipt.total), round(size * 1.5), bold=True),
        paper.pair("大写", capitals(receipt.total), size),
        paper.pair("付款", PAID_HOW[receipt.paid_how], size),
        paper.pair("付款时间", times.moment(receipt.paid_at), size),
        paper.rule(),
    ]


def _key(key: ReceiptKey, paper: Paper, size: int) -> list[Image]:
    previous = (
        []
        if key.previous_until is None
        else [paper.pair("原有效期至", times.moment(key.previous_until), size)]
    )
    return [
        paper.pair("序列号", key.serial, size),
        paper.pair("证书", key.certificate, size),
        *previous,
        paper.pair("有效期", times.moment(key.valid_from), size),
        paper.pair("至", times.moment(key.valid_until), size, bold=True),
        paper.rule(),
    ]


def _notices(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    strips = []
    if receipt.key is not None and receipt.key.login_after_sync:
        strips += [paper.gap(4), paper.banner(LOGIN_AFTER_SYNC, round(size * 1.15)), paper.gap(10)]
    if receipt.next_step is not None:
        strips += [paper.paragraph(receipt.next_step, size), paper.rule()]
    return strips


def _at_work(site: str, paper: Paper, size: int) -> list[Image]:
    """How the key is used at the member's own computer, and what the site says when it cannot be."""
    small = round(size * 0.8)
    strips = [paper.centred(BACK_AT_WORK, round(size * 1.15), bold=True)]
    strips += [paper.paragraph(step, size) for step in STEPS_AT_WORK]
    if site:
        strips += [paper.gap(6), _code(site, paper, 200), paper.centred(f"{SITE}\n{site}", small)]
    for said, remedy in DRIVER_MESSAGES:
        strips += [paper.gap(6), paper.paragraph(f"提示「{said}」：\n{remedy}", small)]
    return [*strips, paper.rule()]


def _code(text: str, paper: Paper, dots: int) -> Image:
    return paper.code(modules(text, largest_version=_LARGEST_QR_VERSION), min(dots, paper.inner))


def _lookup(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    small = round(size * 0.8)
    return [
        _code(receipt.qr_text, paper, 264),
        paper.centred("凭此码或订单号查询", small),
        paper.rule(),
        paper.pair("流水", f"{receipt.journal_sequence}-{receipt.journal_hash}", small),
        paper.pair("打印", times.moment(receipt.printed_at), small),
        paper.rule(),
    ]


def _foot(receipt: Receipt, paper: Paper, size: int) -> list[Image]:
    small = round(size * 0.8)
    return [
        paper.pair("求助", " / ".join(receipt.support), small),
        paper.gap(6),
        paper.centred("本凭条不是发票\n发票请在「我的订单」申请", small),
        paper.gap(16),
    ]


def _follow(receipt: Receipt, follow: Path | None, paper: Paper, size: int) -> list[Image]:
    """Where address and invoice are asked for."""
    if not receipt.official_account:
        return []
    drawn = None if follow is None else paper.picture_in(follow, min(240, paper.inner))
    name = f"微信关注「{receipt.official_account}」：更多-我的订单"
    return [*([] if drawn is None else [drawn]), paper.centred(name, round(size * 0.8)), paper.gap(16)]
