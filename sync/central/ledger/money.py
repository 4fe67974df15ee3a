"""Which orders' money was refunded, or is here: the payments, an app above this one, answer, and tell the kiosks."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from sync.central.fleet.feed.collecting import Telling

Orders = Callable[[Collection[str]], set[str]]
"""Answers which of these orders it is so of."""

UNPROVED = (PaidHow.CODE.value, PaidHow.SCAN.value, PaidHow.DESK.value)
"""How a kiosk takes money on its own word."""


class PaidOrder(msgspec.Struct, frozen=True):
    """An order for which the provider has money; `kiosk` made it, which may not have told of it yet. UTC seconds."""

    order: str
    account: str
    kind: OrderKind
    kiosk: int
    paid_at: int


PaidOrders = Callable[[Collection[str]], list[PaidOrder]]
"""Answers for which orders of these accounts the provider has money."""

MoneyTold = Callable[[Telling, Collection[str]], None]
"""Tells the owners of these orders of all their money."""

_returned: list[Orders] = []
_held: list[PaidOrders] = []
_told: list[MoneyTold] = []


def register(returned: Orders, held: PaidOrders, told: MoneyTold) -> None:
    """Register who answers of which orders the money was refunded, of which the provider has it, and who tells of it."""
    if returned not in _returned:
        _returned.append(returned)
        _held.append(held)
        _told.append(told)


def money_returned(orders: Collection[str]) -> set[str]:
    """Those of these orders whose money was refunded, by any of the registered answers."""
    return set().union(*(answer(orders) for answer in _returned)) if orders else set()


def money_held(accounts: Collection[str]) -> list[PaidOrder]:
    """The orders of these accounts for which the centre itself has money, by all registered answers."""
    return [each for answer in _held for each in answer(accounts)]


def tell_money(told: Telling, orders: Collection[str]) -> None:
    """Tell the owners of these orders of all their money, when the transaction ends."""
    for tell in _told:
        tell(told, orders)
