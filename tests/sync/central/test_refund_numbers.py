"""A refund asked for again is the provider's same refund, at a provider whose records outlive the centre's."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from kiosk.domain.identifiers import out_refund_no, out_trade_no, parse_order_reference
from sync.central.centre_keys import CentreKeys
from sync.central.payments import paying
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt, PaymentState
from sync.central.payments.pages import read_bill
from sync.central.payments.provider import Trade, TradeState
from tests.support.kiosk_double import KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db
PRICE = 34_000


class Provider:
    """Keeps its trades and refunds as a real one does: a refund is its number, and no trade gives back more than it took."""

    name = "outside"

    def __init__(self) -> None:
        self.trades: dict[str, Trade] = {}
        self.refunds: dict[str, tuple[str, int]] = {}
        self.asked: list[str] = []
        self.lost: set[str] = set()
        """Trades whose next refund is made and never answered."""

    def prepare(self, out_trade_no: str, amount: int, description: str) -> None:
        del description
        self.trades.setdefault(out_trade_no, Trade(TradeState.NOT_PAID, amount))

    def query(self, out_trade_no: str) -> Trade:
        trade = self.trades.get(out_trade_no, Trade(TradeState.UNKNOWN))
        given = any(number == out_trade_no for number, _ in self.refunds.values())
        return replace(trade, state=TradeState.REFUNDED) if given else trade

    def pay(self, out_trade_no: str, now: int) -> Trade:
        amount = self.trades[out_trade_no].amount
        self.trades[out_trade_no] = Trade(TradeState.SUCCESS, amount, f"T{out_trade_no}", now)
        return self.query(out_trade_no)

    def close(self, out_trade_no: str) -> Trade:
        self.trades[out_trade_no] = replace(self.trades[out_trade_no], state=TradeState.CLOSED)
        return self.query(out_trade_no)

    def refund(self, out_trade_no: str, out_refund_no: str, amount: int) -> Trade:
        self.asked.append(out_refund_no)
        before = sum(paid for number, paid in self.refunds.values() if number == out_trade_no)
        if out_refund_no not in self.refunds:
            assert before + amount <= self.trades[out_trade_no].amount, "NOT_ENOUGH"
            self.refunds[out_refund_no] = (out_trade_no, amount)
        if out_trade_no in self.lost:
            self.lost.remove(out_trade_no)
            raise ConnectionError("the answer was lost")
        return self.query(out_trade_no)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made = Provider()
    monkeypatch.setattr(paying, "provider", lambda: made)
    return made


@pytest.fixture
def paid(kiosk: KioskDouble, keys: CentreKeys, outside: Provider) -> str:
    """An order that was declined and then paid, and whose first attempt brought money late: its reference."""
    kiosk.feed()
    placed = kiosk.place()
    now = int(time.time())
    bill = read_bill(kiosk.page_path(placed).rpartition("/")[2], keys, now)
    paying.decline(bill, now)
    second = present(paying.open_attempt(bill, now))
    paying.settle(second.out_trade_no, outside.pay(second.out_trade_no, now), now)
    first = PaymentAttempt.objects.get(attempt=1)
    paying.settle(first.out_trade_no, outside.pay(first.out_trade_no, now), now)
    assert [each.state for each in PaymentAttempt.objects.all()] == [AttemptState.PAID] * 2
    return placed.order


def _numbers(order: str) -> list[str]:
    reference = parse_order_reference(order)
    return [out_refund_no(out_trade_no(reference, attempt)) for attempt in (1, 2)]


def test_a_refund_whose_answer_was_lost_is_asked_for_again_as_the_same(outside: Provider, paid: str) -> None:
    first, second = PaymentAttempt.objects.values_list("out_trade_no", flat=True)
    outside.lost.add(second)
    now = int(time.time())
    with pytest.raises(ConnectionError):
        paying.pay_back(Payment.objects.get(), now)
    assert Payment.objects.get().state == PaymentState.PAID
    assert paying.pay_back(Payment.objects.get(), now)
    numbers = _numbers(paid)
    assert outside.asked == numbers * 2
    assert outside.refunds == {numbers[0]: (first, PRICE), numbers[1]: (second, PRICE)}
    assert Payment.objects.get().state == PaymentState.REFUNDED


def test_a_surplus_whose_answer_was_lost_goes_back_once_and_the_order_after_it(
    outside: Provider, paid: str
) -> None:
    first, _ = PaymentAttempt.objects.values_list("out_trade_no", flat=True)
    outside.lost.add(first)
    now = int(time.time())
    with pytest.raises(ConnectionError):
        paying.return_surplus(Payment.objects.get(), now)
    assert paying.return_surplus(Payment.objects.get(), now) == PRICE
    assert paying.pay_back(Payment.objects.get(), now)
    numbers = _numbers(paid)
    assert outside.asked == [numbers[0], *numbers]
    assert sorted(amount for _, amount in outside.refunds.values()) == [PRICE, PRICE]
