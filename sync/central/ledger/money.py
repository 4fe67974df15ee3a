"""Which orders' money was refunded: a question that the payments, an app above this one, answer."""

from __future__ import annotations

from collections.abc import Callable, Collection

from kiosk.domain.ledger import PaidHow

MoneyReturned = Callable[[Collection[str]], set[str]]
"""Answers which of these orders' money was refunded."""

UNPROVED = (PaidHow.CODE.value, PaidHow.SCAN.value, PaidHow.DESK.value)
"""How a kiosk takes money on its own word."""


_answers: list[MoneyReturned] = []


def register(answer: MoneyReturned) -> None:
    """Register who answers."""
    if answer not in _answers:
        _answers.append(answer)


def money_returned(orders: Collection[str]) -> set[str]:
    """Those of these orders whose money was refunded, by any of the registered answers."""
    return set().union(*(answer(orders) for answer in _answers)) if orders else set()
