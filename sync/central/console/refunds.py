"""Asking kiosks for refunds: from the list of orders and from the list of payments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from sync.central.console.base import ReadOnlyAdmin, needed_remark
from sync.central.context import centre_now
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.settling import request_refund
from sync.central.payments.models import Payment

Shown = LedgerOrder | Payment
FOLLOWS = "终端机联网同意后，款从「缴费」用「原路退回款项」退回；柜台收的款在「柜台担保收款」"
"""What follows when a kiosk was asked for a refund."""


def ask_for_refunds(
    page: ReadOnlyAdmin[Any], request: HttpRequest, rows: Iterable[tuple[Shown, LedgerOrder | None]]
) -> Iterator[Shown]:
    """Ask the owning kiosks to grant refunds, for only they may; yields the rows, as shown, for which they were asked."""
    remark = needed_remark(page, request)
    if not remark:
        return
    for shown, order in rows:
        name = f"{shown.order_number}（{shown.account}）"
        by = request.user.get_username()
        if order is None or not request_refund(order, by, remark, centre_now()):
            page.message_user(request, f"{name}：现在不能要求退款", messages.ERROR)
            continue
        page.log_change(request, shown, f"要求 {order.owner} 号机退款：{remark}")
        page.message_user(request, f"{name}：已要求 {order.owner} 号机退款；{FOLLOWS}", messages.SUCCESS)
        yield shown
