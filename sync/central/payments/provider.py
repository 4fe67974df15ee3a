"""What the payment page asks of a provider; WeChat Pay's words for an order's states.

A provider works by `out_trade_no`: unique, spent once paid or closed. Amounts are fen, times UTC seconds.
"""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec


class TradeState(enum.StrEnum):
    """A trade as the provider knows it."""

    UNKNOWN = "UNKNOWN"
    NOT_PAID = "NOTPAY"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"
    REFUNDED = "REFUND"


class Trade(msgspec.Struct, frozen=True):
    """What the provider says of one `out_trade_no`."""

    state: TradeState
    amount: int = 0
    transaction: str = ""
    paid_at: int = 0


class PaymentProvider(Protocol):
    """Who takes the money."""

    name: str

    def prepare(self, out_trade_no: str, amount: int, description: str) -> None:
        """Open a trade; the same number with the same amount changes nothing."""
        ...

    def query(self, out_trade_no: str) -> Trade:
        """How a trade stands."""
        ...

    def close(self, out_trade_no: str) -> Trade:
        """Close an unpaid trade; how it stands now (it may have been paid a moment before)."""
        ...

    def refund(self, out_trade_no: str, amount: int) -> Trade:
        """Pay a trade back in full; how it stands now."""
        ...
