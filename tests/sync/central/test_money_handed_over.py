"""An order's money when the order passes from one kiosk to another: its new owner hears of all of it, once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest

from kiosk.domain.echoes import EchoedBody, echo_of
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import OrderAssignedHere, PaymentConfirmed, PaymentReturned, RefundPaid
from kiosk.domain.identifiers import out_trade_no, parse_order_reference
from kiosk.domain.ledger import Order, OrderStatus, PaidHow
from kiosk.domain.payment_codes import order_code_text
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import LedgerOrder, Matter
from sync.central.ledger.replaying import differences
from sync.central.ledger.rows import order_record
from sync.central.ledger.settling import move, request_refund
from sync.central.payments import paying, reconciling
from sync.central.payments.models import AttemptState, DeskPayment, Payment, PaymentAttempt
from sync.central.payments.pages import read_bill
from sync.central.payments.sandbox import SandboxProvider
from tests.support.kiosk_double import KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db
PRICE = 34_000
MakeKiosk = Callable[[int], KioskDouble]


def _now() -> int:
    return int(time.time())


class Handing:
    """One order of kiosk 3, paid on the page, and the kiosks that it passes to; each enters what it is told and did not know."""

    def __init__(self, kiosk: KioskDouble, keys: CentreKeys) -> None:
        kiosk.feed()
        self.placed = kiosk.place()
        self.known: dict[int, set[str]] = {}
        self.told: dict[int, list[EchoedBody]] = {}
        bill = read_bill(order_code_text(self.placed.order_code), keys, _now())
        paying.pay(bill, _now())
        self.first = PaymentAttempt.objects.get().transaction

    @property
    def row(self) -> LedgerOrder:
        return LedgerOrder.objects.get(reference=self.placed.order)

    @property
    def order(self) -> Order:
        return order_record(self.row)

    def pays_again(self) -> str:
        """Money comes for one more attempt, which was given up before; its transaction."""
        payment = Payment.objects.get()
        number = payment.attempts.count() + 1
        trade_number = out_trade_no(parse_order_reference(payment.order), number)
        PaymentAttempt.objects.create(
            out_trade_no=trade_number,
            payment=payment,
            attempt=number,
            opened_at=_now(),
            state=AttemptState.CLOSED,
        )
        paying.provider().prepare(trade_number, PRICE, payment.order)
        trade = SandboxProvider().pay(trade_number, _now())
        paying.settle(trade_number, trade, _now())
        return trade.transaction

    def hear(self, kiosk: KioskDouble) -> None:
        """Read the feed and enter it, hand-overs and money in the order in which a kiosk judges them."""
        for body in kiosk.news():
            if isinstance(body, EchoedBody):
                self.told.setdefault(kiosk.number, []).append(body)
                self._enter(kiosk, body)

    def _enter(self, kiosk: KioskDouble, body: EchoedBody) -> None:
        known = self.known.setdefault(kiosk.number, set())
        match body:
            case OrderAssignedHere(transaction=transaction):
                known.add(transaction)
            case PaymentConfirmed(transaction=transaction):
                if transaction in known:
                    return
                known.add(transaction)
        kiosk.append(echo_of(body))

    def hear_and_tell(self, kiosk: KioskDouble) -> None:
        self.hear(kiosk)
        kiosk.pushed()

    def told_of(self, kiosk: KioskDouble) -> set[str]:
        """The transactions that a kiosk was told of."""
        told = self.told.get(kiosk.number, ())
        return {each.transaction for each in told if isinstance(each, PaymentConfirmed | OrderAssignedHere)}

    def is_quiet(self) -> bool:
        assert differences() == []
        assert [(each.rule, each.subject) for each in Matter.objects.all()] == []
        return True


@pytest.fixture
def handing(kiosk: KioskDouble, keys: CentreKeys) -> Handing:
    return Handing(kiosk, keys)


MOMENTS = (
    "before-the-former-owner-hears-of-any",
    "before-it-is-asked-to-let-go",
    "before-it-lets-go",
    "let-go-and-not-told",
    "let-go",
    "assigned",
    "taken-on",
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_second_payment_reaches_the_new_owner_whenever_it_comes(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk, moment: str
) -> None:
    other = make_kiosk(4)
    other.feed()

    second = []

    def now_it_is(which: str) -> None:
        if which == moment:
            second.append(handing.pays_again())

    now_it_is("before-the-former-owner-hears-of-any")
    handing.hear_and_tell(kiosk)
    now_it_is("before-it-is-asked-to-let-go")
    handing.hear_and_tell(kiosk)
    assert move(handing.row, 4, "admin", _now())
    now_it_is("before-it-lets-go")
    handing.hear(kiosk)
    now_it_is("let-go-and-not-told")
    kiosk.pushed()
    now_it_is("let-go")
    handing.hear(other)
    now_it_is("assigned")
    other.pushed()
    now_it_is("taken-on")
    handing.hear_and_tell(other)
    handing.hear_and_tell(kiosk)

    order = handing.order
    assert (order.owner, order.told_by, order.received) == (4, 4, 2 * PRICE)
    assert sorted(present(each.transaction) for each in order.payments) == sorted([handing.first, *second])
    assert handing.told_of(other) == {handing.first, *second}
    assert handing.is_quiet()

    assert paying.return_surplus(Payment.objects.get(), _now()) == PRICE
    handing.hear_and_tell(other)
    assert handing.order.received == PRICE
    assert request_refund(handing.row, "admin", "不办了", _now())
    handing.hear_and_tell(other)
    assert paying.pay_back(Payment.objects.get(), _now())
    handing.hear_and_tell(other)
    assert handing.order.status is OrderStatus.REFUNDED
    assert handing.is_quiet()


def test_the_whole_of_an_order_goes_back_to_its_new_owner(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk
) -> None:
    other = make_kiosk(4)
    other.feed()
    handing.hear_and_tell(kiosk)
    move(handing.row, 4, "admin", _now())
    handing.pays_again()
    handing.hear_and_tell(kiosk)
    handing.hear_and_tell(other)
    assert request_refund(handing.row, "admin", "不办了", _now())
    handing.hear_and_tell(other)
    assert paying.pay_back(Payment.objects.get(), _now())
    (refund,) = [each for each in other.news() if isinstance(each, RefundPaid)]
    assert refund.amount == 2 * PRICE == handing.order.received
    other.append(echo_of(refund))
    other.pushed()
    assert handing.order.status is OrderStatus.REFUNDED
    assert handing.is_quiet()


@pytest.mark.parametrize("former_owner", ["heard", "did-not-hear"])
def test_whoever_gets_an_order_of_a_revoked_kiosk_hears_of_all_its_money(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk, former_owner: str
) -> None:
    other = make_kiosk(4)
    other.feed()
    handing.hear_and_tell(kiosk)
    handing.pays_again()
    if former_owner == "heard":
        handing.hear_and_tell(kiosk)
    Kiosk.objects.filter(number=3).update(state=KioskState.REVOKED)
    assert move(handing.row, 4, "admin", _now())
    handing.pays_again()
    handing.hear_and_tell(other)
    assert handing.order.owner == 4
    assert handing.order.received == 3 * PRICE
    assert handing.is_quiet()


def test_an_order_that_comes_back_comes_with_the_money_that_came_meanwhile(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk
) -> None:
    other, third = make_kiosk(4), make_kiosk(5)
    line = [kiosk, other, third, kiosk]
    for each in (other, third):
        each.feed()
    handing.hear_and_tell(kiosk)
    paid = {handing.first}
    for place, (giver, taker) in enumerate(itertools.pairwise(line)):
        assert move(handing.row, taker.number, "admin", _now())
        handing.hear(giver)
        paid.add(handing.pays_again())
        giver.pushed()
        paid.add(handing.pays_again())
        handing.hear_and_tell(taker)
        handing.hear_and_tell(giver)
        assert (handing.order.owner, handing.order.received) == (taker.number, (3 + 2 * place) * PRICE)
    for each in line[:3]:
        handing.hear_and_tell(each)
    assert handing.told_of(kiosk) == paid
    transactions = [each.transaction for each in handing.order.payments]
    assert len(transactions) == len(set(transactions)) == 7
    assert handing.is_quiet()


def test_what_went_back_before_an_order_is_handed_over_is_told_as_well(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk
) -> None:
    other = make_kiosk(4)
    other.feed()
    handing.hear_and_tell(kiosk)
    second = handing.pays_again()
    handing.hear_and_tell(kiosk)
    assert paying.return_surplus(Payment.objects.get(), _now()) == PRICE
    third = handing.pays_again()
    assert move(handing.row, 4, "admin", _now())
    handing.hear_and_tell(kiosk)
    handing.hear_and_tell(other)
    returned = [each.transaction for each in handing.told[4] if isinstance(each, PaymentReturned)]
    assert returned == [second]
    assert {each.transaction: each.returned for each in handing.order.payments} == {
        handing.first: False,
        second: True,
        third: False,
    }
    assert handing.order.received == 2 * PRICE
    assert handing.is_quiet()


@pytest.mark.parametrize("returned", ["before", "after"])
def test_money_of_the_desk_covers_an_order_that_was_handed_over_once_the_providers_went_back(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk, returned: str
) -> None:
    other = make_kiosk(4)
    other.feed()
    handing.hear_and_tell(kiosk)
    desk = OrderPaid(handing.placed.order, PaidHow.DESK, PRICE, kiosk.now(), supervisor="林涛")
    kiosk.append(desk)
    kiosk.pushed()
    assert reconciling.confirm_separate(DeskPayment.objects.get(), "admin", "另收", _now())
    if returned == "before":
        assert paying.return_surplus(Payment.objects.get(), _now()) == PRICE
    assert move(handing.row, 4, "admin", _now())
    handing.hear_and_tell(kiosk)
    handing.hear_and_tell(other)
    if returned == "after":
        assert paying.return_surplus(Payment.objects.get(), _now()) == PRICE
    handing.hear_and_tell(other)
    assert [each.transaction for each in handing.order.payments if each.returned] == [handing.first]
    assert (handing.order.owner, handing.order.received) == (4, PRICE)
    assert request_refund(handing.row, "admin", "不办了", _now())
    handing.hear_and_tell(other)
    assert reconciling.confirm_returned(DeskPayment.objects.get(), "admin", "退还", _now())
    handing.hear_and_tell(other)
    assert handing.order.status is OrderStatus.REFUNDED
    assert handing.is_quiet()


def test_a_fact_of_money_has_one_row_for_each_kiosk_that_owned_the_order(
    handing: Handing, kiosk: KioskDouble, make_kiosk: MakeKiosk
) -> None:
    other = make_kiosk(4)
    handing.hear_and_tell(kiosk)
    handing.pays_again()
    move(handing.row, 4, "admin", _now())
    handing.hear_and_tell(kiosk)
    handing.hear_and_tell(other)
    for each in (kiosk, other):
        keys = [key for key, body in each.told if isinstance(body, PaymentConfirmed)]
        assert len(keys) == len(set(keys)) == 2
