from __future__ import annotations

import pytest

from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.ledger import Order, OrderStatus, PaidHow, Payment

PRICE = 8000
FIRST = Payment(PaidHow.FEED, PRICE, 2, 100, transaction="T1")
SECOND = Payment(PaidHow.FEED, PRICE, 3, 200, transaction="T2")


def _order(status: OrderStatus, *payments: Payment) -> Order:
    lines = (PriceLine(FeeItem.CERTIFICATE, PRICE),)
    return Order(
        "3-0001-1", 3, OrderKind.NEW, "11000001", "", "", lines, 1, 0, 1, 1, status=status, payments=payments
    )


@pytest.mark.parametrize(
    ("status", "surplus"),
    [
        (OrderStatus.PAID, PRICE),
        (OrderStatus.BOUND, PRICE),
        (OrderStatus.REFUNDING, 0),
        (OrderStatus.REFUNDED, 0),
    ],
)
def test_what_a_refund_gives_back_as_a_whole_is_no_surplus(status: OrderStatus, surplus: int) -> None:
    assert _order(status, FIRST, SECOND).surplus == surplus
    assert _order(status, FIRST).surplus == 0


def test_a_transaction_that_was_returned_counts_no_more_though_the_desk_told_of_it() -> None:
    told = Payment(PaidHow.DESK, PRICE, 2, 100, transaction="T1", supervisor="林涛", returned=True)
    assert _order(OrderStatus.PAID, told).received == 0
    seen = Payment(PaidHow.DESK, PRICE, 3, 200, supervisor="林涛")
    assert _order(OrderStatus.PAID, told, seen).received == PRICE
