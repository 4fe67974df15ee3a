"""Which orders' money was refunded, or is here: questions that the payments, an app above this one, answer."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow

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

_returned: list[Orders] = []
_held: list[PaidOrders] = []


def register(returned: Orders, held: PaidOrders) -> None:
    """Register who answers of which orders the money was refunded, and of which the provider has it."""
    if returned not in _returned:
        _returned.append(returned)
        _held.append(held)


def money_returned(orders: Collection[str]) -> set[str]:
    """Those of these orders whose money was refunded, by any of the registered answers."""
    return set().union(*(answer(orders) for answer in _returned)) if orders else set()


def money_held(accounts: Collection[str]) -> list[PaidOrder]:
    """The orders of these accounts for which the centre itself has money, by all registered answers."""
    return [each for answer in _held for each in answer(accounts)]
