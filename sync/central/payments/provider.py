"""The port of a payment provider, with WeChat Pay's names of a trade's states.

An `out_trade_no` is unique and cannot be used again once paid or closed; an `out_refund_no` is one refund. Amounts are fen, times UTC seconds.
"""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec


class TradeState(enum.StrEnum):
    """The provider's states of a trade."""

    UNKNOWN = "UNKNOWN"
    NOT_PAID = "NOTPAY"
    SUCCESS = "SUCCESS"
    CLOSED = "CLOSED"
    REFUNDED = "REFUND"


class Trade(msgspec.Struct, frozen=True):
    """The provider's record of one `out_trade_no`."""

    state: TradeState
    amount: int = 0
    transaction: str = ""
    paid_at: int = 0


class PaymentProvider(Protocol):
    """Takes the money."""

    name: str

    def prepare(self, out_trade_no: str, amount: int, description: str) -> None:
        """Open a trade; the same number with the same amount changes nothing."""
        ...

    def query(self, out_trade_no: str) -> Trade:
        """The state of a trade."""
        ...

    def close(self, out_trade_no: str) -> Trade:
        """Close an unpaid trade; its state now (it may have been paid just before)."""
        ...

    def refund(self, out_trade_no: str, out_refund_no: str, amount: int) -> Trade:
        """Refund a trade in full; its state now. The same refund number changes nothing."""
        ...


class NoProvider:
    """Takes no money: the desk's staff do. A `PaymentProvider` that knows of no trade."""

    name = "none"

    def prepare(self, out_trade_no: str, amount: int, description: str) -> None:
        """Do nothing."""
        del out_trade_no, amount, description

    def query(self, out_trade_no: str) -> Trade:
        """No trade."""
        del out_trade_no
        return Trade(TradeState.UNKNOWN)

    def close(self, out_trade_no: str) -> Trade:
        """No trade."""
        return self.query(out_trade_no)

    def refund(self, out_trade_no: str, out_refund_no: str, amount: int) -> Trade:
        """No trade, and so no refund."""
        del out_refund_no, amount
        return self.query(out_trade_no)
