"""What is printed where several operators of one enterprise come one after another: a label for each key, and one slip for all.

Both are always Chinese, as the receipts are that everybody gets besides. Neither is a voucher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.labels import ORDER_KINDS
from kiosk.text import times
from kiosk.text.money import capitals, with_currency, yuan
from kiosk.text.qr_cells import modules

if TYPE_CHECKING:
    from PIL.Image import Image

    from kiosk.text.paper import Paper

_WIDE = 576
_CODE_DOTS = 200


class KeyLabel(msgspec.Struct, frozen=True, array_like=True, tag="key-label"):
    """A label to stick on a key: whose it is, by the account and a masked name, its serial number and validity (UTC seconds)."""

    account: str
    operator: str
    serial: str
    valid_from: int
    valid_until: int


class SlipLine(msgspec.Struct, frozen=True, array_like=True):
    """A key on the slip: its order's number and what was paid in fen, whose it is as on the label, and its end (UTC seconds)."""

    order: str
    kind: OrderKind
    account: str
    operator: str
    serial: str
    valid_until: int
    amount: int


class VisitSlip(msgspec.Struct, frozen=True, array_like=True, tag="visit-slip"):
    """The keys of one enterprise that were bound in one visit; `printed_at` in UTC seconds."""

    exchange: str
    enterprise: str
    lines: tuple[SlipLine, ...]
    journal_sequence: int
    journal_hash: str
    printed_at: int
    support: tuple[str, ...]
    copy: bool = False

    @property
    def total(self) -> int:
        """The sum in fen."""
        return sum(line.amount for line in self.lines)


def render_label(label: KeyLabel, dots: int) -> bytes:
    """The label as a one-bit PNG so many dots wide; its code is the serial number, which opens the key's order at the kiosk."""
    from kiosk.text.paper import stack  # noqa: PLC0415 - Pillow and the font are needed for printing alone

    paper, size = _paper(dots)
    return stack(
        [
            paper.gap(12),
            paper.pair("账号", label.account, round(size * 1.3), bold=True),
            paper.pair("交易员", label.operator, size),
            paper.pair("序列号", label.serial, size),
            paper.pair("有效期", times.moment(label.valid_from), size),
            paper.pair("至", times.moment(label.valid_until), size, bold=True),
            paper.gap(8),
            paper.code(modules(label.serial), min(_CODE_DOTS, paper.inner)),
            paper.centred("key盘标签：在首页扫此码可打开订单", round(size * 0.8)),
            paper.gap(12),
        ]
    )


def render_slip(slip: VisitSlip, dots: int) -> bytes:
    """The slip as a one-bit PNG so many dots wide."""
    from kiosk.text.paper import stack  # noqa: PLC0415 - as above

    paper, size = _paper(dots)
    small = round(size * 0.8)
    title = "企业清单（补打）" if slip.copy else "企业清单"
    strips = [
        paper.gap(16),
        paper.centred(slip.exchange, size),
        paper.gap(4),
        paper.centred(title, round(size * 1.4), bold=True),
        paper.rule(dashed=False, thickness=3),
        paper.pair("企业", slip.enterprise, size),
        paper.rule(),
    ]
    for number, line in enumerate(slip.lines, start=1):
        strips += [*_line(number, line, paper, size), paper.rule()]
    strips += [
        paper.pair("key盘", f"{len(slip.lines)} 把", size),
        paper.pair("合计", with_currency(slip.total), round(size * 1.5), bold=True),
        paper.pair("大写", capitals(slip.total), size),
        paper.rule(),
        paper.pair("流水", f"{slip.journal_sequence}-{slip.journal_hash}", small),
        paper.pair("打印", times.moment(slip.printed_at), small),
        paper.pair("求助", " / ".join(slip.support), small),
        paper.gap(6),
        paper.centred("本清单不是发票，也不代替每把key盘的凭条", small),
        paper.gap(16),
    ]
    return stack(strips)


def _line(number: int, line: SlipLine, paper: Paper, size: int) -> list[Image]:
    whose = f"{line.account} {line.operator}"
    return [
        paper.pair(f"{number} {ORDER_KINDS[line.kind]}", yuan(line.amount), size, bold=True),
        paper.pair("账号", whose, size),
        paper.pair("订单号", line.order, size),
        paper.pair("序列号", line.serial, size),
        paper.pair("有效期至", times.moment(line.valid_until), size),
    ]


def _paper(dots: int) -> tuple[Paper, int]:
    """The paper, and the size of its letters."""
    from kiosk.text.paper import Paper  # noqa: PLC0415 - as above

    wide = dots >= _WIDE
    return Paper(dots, 16 if wide else 6), 26 if wide else 24
