"""What a key costs: schedules with a number and a date, and the lines of one order.

The default figures are the guide's, section 1. All amounts are fen.
"""

from __future__ import annotations

import enum
from typing import assert_never

import msgspec


class OrderKind(enum.StrEnum):
    """The three services that a member pays for."""

    NEW = "new"
    REPLACEMENT = "replacement"
    RENEWAL = "renewal"

    @property
    def wants_new_token(self) -> bool:
        """Whether a token from stock is bought and a key pair made on it."""
        return self is not OrderKind.RENEWAL

    @property
    def product(self) -> int:
        """The number that stands for it in an order code."""
        match self:
            case OrderKind.NEW:
                return 1
            case OrderKind.REPLACEMENT:
                return 2
            case OrderKind.RENEWAL:
                return 3
            case _:
                assert_never(self)


class FeeItem(enum.StrEnum):
    """What a price line is for: 国产密钥, 证书费用, 服务费."""

    TOKEN = "token"  # noqa: S105 - a token of hardware, no secret
    CERTIFICATE = "certificate"
    SERVICE = "service"


class PriceLine(msgspec.Struct, frozen=True):
    """One line of a bill: an item and its amount in fen."""

    item: FeeItem
    amount: int


class FeeSchedule(msgspec.Struct, frozen=True):
    """The prices from `effective_from` (UTC seconds) on, in fen; sent from the centre under a number."""

    number: int
    effective_from: int
    token: int
    certificate: int
    service: int

    def lines(self, kind: OrderKind) -> tuple[PriceLine, ...]:
        """The price lines of one order of that kind, in the order of the bill."""
        yearly = (PriceLine(FeeItem.CERTIFICATE, self.certificate), PriceLine(FeeItem.SERVICE, self.service))
        return (PriceLine(FeeItem.TOKEN, self.token), *yearly) if kind.wants_new_token else yearly


def total(lines: tuple[PriceLine, ...]) -> int:
    """The sum of the lines in fen."""
    return sum(line.amount for line in lines)


def schedule_at(schedules: tuple[FeeSchedule, ...], moment: int) -> FeeSchedule | None:
    """The schedule in force at that moment (UTC seconds): the latest to have begun, the highest number of those."""
    begun = [schedule for schedule in schedules if schedule.effective_from <= moment]
    return max(begun, key=lambda schedule: (schedule.effective_from, schedule.number), default=None)
