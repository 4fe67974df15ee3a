"""The fee table and the lines of a bill, aligned by terminal cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.domain.fees import FeeItem, OrderKind, PriceLine, total
from kiosk.text.cells import pad
from kiosk.text.money import yuan
from kiosk.text.wording import ITEMS, KINDS
from kiosk.ui.widgets.lines import between

if TYPE_CHECKING:
    from kiosk.desk.views.orders import FeeTable
    from kiosk.text.wording import Text

_NAME = 22
_AMOUNT = 17


def fee_table(t: Text, fees: FeeTable) -> list[str]:
    """The notice's table: one row per fee item, one column per order kind, the totals last."""
    prices = {kind: {line.item: line.amount for line in lines} for kind, lines in fees}
    kinds = [kind for kind, _ in fees]
    head = pad(t("项目（元）"), _NAME) + "".join(pad(t(KINDS[kind]), _AMOUNT, "right") for kind in kinds)
    rows = [
        pad(t(ITEMS[item]), _NAME)
        + "".join(
            pad(yuan(prices[kind][item]) if item in prices[kind] else "-", _AMOUNT, "right") for kind in kinds
        )
        for item in FeeItem
    ]
    totals = pad(t("合计"), _NAME) + "".join(
        pad(_per(t, kind, total(lines)), _AMOUNT, "right") for kind, lines in fees
    )
    return [head, *rows, totals]


def _per(t: Text, kind: OrderKind, amount: int) -> str:
    if kind is OrderKind.RENEWAL:
        return t("{amount} 元/年", amount=yuan(amount))
    return t("{amount} 元/次", amount=yuan(amount))


def bill_lines(t: Text, lines: tuple[PriceLine, ...], cells: int) -> list[str]:
    """One line per item: the name at the left, the amount at the right."""
    return [between(t(ITEMS[line.item]), t("{amount} 元", amount=yuan(line.amount)), cells) for line in lines]


def price_of(fees: FeeTable | None, kind: OrderKind) -> int | None:
    """The price of that kind in fen; None without a fee schedule."""
    return next((total(lines) for of, lines in fees or () if of is kind), None)
