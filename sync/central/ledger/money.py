"""Whether an order's money was refunded: a question that the payments, an app above this one, answer."""

from __future__ import annotations

from typing import Protocol


class MoneyReturned(Protocol):
    """Answers whether an order's money was refunded; `lock` keeps a yes so until the transaction ends."""

    def __call__(self, order: str, *, lock: bool) -> bool:
        """Whether the order's money was refunded."""
        ...


_answers: list[MoneyReturned] = []


def register(answer: MoneyReturned) -> None:
    """Register who answers."""
    if answer not in _answers:
        _answers.append(answer)


def money_returned(order: str, *, lock: bool = False) -> bool:
    """Whether the order's money was refunded, by any of the registered answers."""
    return any(answer(order, lock=lock) for answer in _answers)
