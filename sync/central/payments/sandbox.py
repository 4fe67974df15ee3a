"""The sandbox provider: no real money, paid by a button. It has its own table, as a real provider has its records."""

from __future__ import annotations

import hashlib

from django.db import transaction

from sync.central.payments.models import SandboxTrade
from sync.central.payments.provider import Trade, TradeState


class SandboxProvider:
    """A `PaymentProvider` that answers from its own table."""

    name = "sandbox"

    def prepare(self, out_trade_no: str, amount: int, description: str) -> None:
        """Open a trade."""
        del description  # a real provider shows it to the payer
        SandboxTrade.objects.get_or_create(out_trade_no=out_trade_no, defaults={"amount": amount})

    def query(self, out_trade_no: str) -> Trade:
        """The state of a trade."""
        row = SandboxTrade.objects.filter(out_trade_no=out_trade_no).first()
        if row is None:
            return Trade(TradeState.UNKNOWN)
        return Trade(TradeState(row.state), row.amount, row.transaction, row.paid_at or 0)

    def pay(self, out_trade_no: str, now: int) -> Trade:
        """Pay as the payer; paying what is paid or closed changes nothing."""
        with transaction.atomic():
            row = SandboxTrade.objects.select_for_update().get(out_trade_no=out_trade_no)
            if row.state == TradeState.NOT_PAID.value:
                row.state, row.paid_at = TradeState.SUCCESS.value, now
                row.transaction = "SANDBOX" + hashlib.sha256(out_trade_no.encode()).hexdigest()[:20].upper()
                row.save()
        return self.query(out_trade_no)

    def close(self, out_trade_no: str) -> Trade:
        """Close an unpaid trade."""
        rows = SandboxTrade.objects.filter(out_trade_no=out_trade_no, state=TradeState.NOT_PAID.value)
        rows.update(state=TradeState.CLOSED.value)
        return self.query(out_trade_no)

    def refund(self, out_trade_no: str, out_refund_no: str, amount: int) -> Trade:
        """Refund a trade in full."""
        rows = SandboxTrade.objects.filter(
            out_trade_no=out_trade_no, state=TradeState.SUCCESS.value, amount=amount
        )
        rows.update(state=TradeState.REFUNDED.value, out_refund_no=out_refund_no)
        return self.query(out_trade_no)
