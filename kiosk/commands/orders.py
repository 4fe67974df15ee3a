"""`keydesk orders`: the orders of this kiosk, newest first."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kiosk.commands.output import listing
from kiosk.commands.store import open_store
from kiosk.domain.ledger import Order
from kiosk.labels import ORDER_KINDS, ORDER_STATUSES
from kiosk.text.command_line import spoken
from kiosk.text.money import yuan
from kiosk.text.times import moment


def run(arguments: argparse.Namespace) -> int:
    """Print them. Raises CommandError, ConfigurationError, StoreError."""
    text = spoken().text
    heads = [text("订单号"), text("时间"), text("业务"), text("账号"), text("金额（元）"), text("状态")]

    def row(order: Order) -> tuple[str, ...]:
        return (
            order.order_number,
            moment(order.placed_at),
            text(ORDER_KINDS[order.kind]),
            order.account,
            yuan(order.total),
            _status(order, text),
        )

    with open_store(arguments).read() as tx:
        orders = tx.ledger.each_open_order if arguments.open else tx.ledger.each_order
        listing(arguments, orders, heads, row, text("没有订单"))
    return 0


def _status(order: Order, text: Callable[..., str]) -> str:
    status = text(ORDER_STATUSES[order.status])
    if order.surplus:
        return text("{status}，多收 {amount} 元", status=status, amount=yuan(order.surplus))
    if order.returned:
        return text("{status}，多收的 {amount} 元已退回", status=status, amount=yuan(order.returned))
    return status
