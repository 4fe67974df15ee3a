"""`keydesk orders`: the orders of this kiosk, newest first; or those of one number."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kiosk.commands.failures import CommandError
from kiosk.commands.output import line, listing
from kiosk.commands.store import open_store
from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.finding import named_orders
from kiosk.domain.ledger import Order
from kiosk.labels import ORDER_KINDS, ORDER_STATUSES
from kiosk.store.transaction import Transaction
from kiosk.text.command_line import spoken
from kiosk.text.money import yuan
from kiosk.text.times import moment
from kiosk.text.wording import REFUSALS


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
        if arguments.number is None:
            orders = tx.ledger.each_open_order if arguments.open else tx.ledger.each_order
            listing(arguments, orders, heads, row, text("没有订单"))
            return 0
        found = _numbered(tx, arguments)
        listing(arguments, lambda: iter(found), heads, row, text("本机没有这个号的订单"))
        if len(found) > 1 and not arguments.json and not arguments.csv:
            line(text("这个号有 {count} 笔订单，请按账号和时间分辨", count=len(found)))
    return 0


def _numbered(tx: Transaction, arguments: argparse.Namespace) -> tuple[Order, ...]:
    """The orders of the typed number. Raises CommandError for what is no number."""
    try:
        found = named_orders(tx, arguments.number)
    except DeskRefused as refused:
        raise CommandError(spoken().text(REFUSALS[refused.reason])) from refused
    return tuple(order for order in found if order.status.is_open or not arguments.open)


def _status(order: Order, text: Callable[..., str]) -> str:
    status = text(ORDER_STATUSES[order.status])
    if order.surplus:
        return text("{status}，多收 {amount} 元", status=status, amount=yuan(order.surplus))
    if order.returned:
        return text("{status}，多收的 {amount} 元已退回", status=status, amount=yuan(order.returned))
    return status
