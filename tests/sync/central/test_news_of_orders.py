"""What kiosks are told of certificates and orders."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.orders import OrderPaid, RefundCompleted, RefundGranted
from kiosk.domain.feed import (
    CertificateRegistered,
    MatterPublished,
    OpenOrdersPublished,
    PaymentConfirmed,
    RefundPaid,
    RefundRequested,
    RegisterDecision,
    RegisteredState,
    Removed,
)
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.payment_codes import order_code_text
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed.models import FeedRow
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate, LedgerOrder, Matter, MatterState
from sync.central.ledger.open_orders import MOST
from sync.central.ledger.replaying import differences
from sync.central.ledger.rules import Action
from sync.central.payments import paying
from sync.central.payments.models import Payment
from sync.central.payments.pages import read_bill
from tests.support.books import remarks
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.sync.central.telling import OWN, bind

pytestmark = pytest.mark.django_db


def test_the_issuer_hears_where_its_certificate_stands(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    issued = []
    for each in (kiosk, other):
        each.feed()
        issued.append(bind(each, each.place()))
        each.pushed()
    states = [
        [item for item in each.news() if isinstance(item, CertificateRegistered)] for each in (kiosk, other)
    ]
    listed, held = RegisteredState.LISTED, RegisteredState.HELD
    assert states[0] == [CertificateRegistered(issued[0].number, ACCOUNT, listed)]
    assert states[1] == [CertificateRegistered(issued[1].number, ACCOUNT, held, (issued[0].number,))]
    matter = Matter.objects.get(rule="certificate-held")
    assert settling.decide([matter], Action.LIST, "admin", "后一个", int(time.time())) == []
    for each, state in ((kiosk, RegisteredState.REVOKED), (other, listed)):
        told = [item.state for item in each.news() if isinstance(item, CertificateRegistered)]
        assert told == [state]
    decided = [item for item in other.feed() if isinstance(item, RegisterDecision)]
    assert [(item.certificate, item.decision) for item in decided] == [(issued[1].number, Decision.LIST)]
    matters = [item.outcome for item in other.feed() if isinstance(item, MatterPublished)]
    assert matters == ["list"]


def test_a_bound_order_ends_as_refunded_by_its_kiosks_own_entries(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    kiosk.feed()
    placed = kiosk.place(policy=99)
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (paid,) = [item for item in kiosk.news() if isinstance(item, PaymentConfirmed)]
    amount = (paid.amount, paid.paid_at, paid.transaction)
    kiosk.append(OrderPaid(placed.order, PaidHow.FEED, *amount, feed=kiosk.feed_key(paid)))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.pushed()
    for matter in Matter.objects.filter(state=MatterState.OPEN, order=placed.order)[:1]:
        assert settling.decide([matter], Action.REFUND, "admin", "退", int(time.time())) == []
    news = kiosk.news()
    (decided,) = [item for item in news if isinstance(item, RegisterDecision)]
    (asked,) = [item for item in news if isinstance(item, RefundRequested)]
    assert (decided.certificate, asked.order) == (issued.number, placed.order)
    facts = (
        decided.account,
        decided.order,
        decided.certificate,
        decided.decision,
        decided.by,
        decided.remark,
    )
    kiosk.append(RegisterDecided(*facts, feed=kiosk.feed_key(decided)))
    kiosk.append(RefundGranted(placed.order, asked.by, asked.reason, kiosk.feed_key(asked)))
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDING.value
    assert paying.pay_back(Payment.objects.get(order=placed.order), int(time.time()))
    (back,) = [item for item in kiosk.news() if isinstance(item, RefundPaid)]
    kiosk.append(RefundCompleted(placed.order, back.amount, kiosk.feed_key(back)))
    kiosk.pushed()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.REFUNDED.value
    assert LedgerCertificate.objects.get().status == "revoked"
    own = FeedRow.objects.filter(audience=OWN, live=True, key__contains=placed.order)
    assert not own.exclude(kind="matter").exists()
    assert not {reason for some in remarks().values() for reason in some} - {
        "beyond-policy",
        "certificate-held",
    }
    assert differences() == []


def test_the_open_orders_of_an_account_are_told_wherever_they_are(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()

    def told() -> list[list[tuple[str, int, bool]]]:
        found = [item for item in other.news() if isinstance(item, OpenOrdersPublished | Removed)]
        orders = [item.orders if isinstance(item, OpenOrdersPublished) else () for item in found]
        return [[(each.order, each.kiosk, each.centre_holds_money) for each in some] for some in orders]

    assert told() == [[(placed.order, 3, False)]]
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    assert told() == [[(placed.order, 3, True)]]
    bind(kiosk, placed)
    kiosk.pushed()
    assert told() == [[]]


def test_of_very_many_open_orders_of_an_account_the_last_are_told_and_all_with_money(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.pushed()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    hostile = make_kiosk(8)
    hostile.feed()
    junk = [hostile.place(nonce=bytes([each] * 6)) for each in range(3 * MOST)]
    hostile.pushed()
    (told,) = [
        item
        for item in make_kiosk(4).feed()
        if isinstance(item, OpenOrdersPublished) and item.account == ACCOUNT
    ]
    assert {each.order for each in told.orders if each.centre_holds_money} == {placed.order}
    assert {each.order for each in told.orders} - {placed.order} == {each.order for each in junk[-MOST:]}


def test_an_order_that_its_kiosk_calls_paid_is_told_as_paid(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    heard = [item for item in make_kiosk(4).feed() if isinstance(item, OpenOrdersPublished)]
    (told,) = [item for item in heard if item.account == ACCOUNT]
    assert [(each.order, each.paid, each.centre_holds_money) for each in told.orders] == [
        (placed.order, True, False)
    ]


def test_an_order_that_is_paid_while_its_kiosk_cannot_tell_of_it_is_told(
    kiosk: KioskDouble, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    other = make_kiosk(4)
    other.feed()
    kiosk.feed()
    placed = kiosk.place()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (told,) = [item for item in other.news() if isinstance(item, OpenOrdersPublished)]
    (order,) = told.orders
    assert (order.order, order.order_kind, order.kiosk) == (placed.order, placed.order_kind, 3)
    assert order.centre_holds_money
    bind(kiosk, placed)
    kiosk.pushed()
    assert [item for item in other.news() if isinstance(item, OpenOrdersPublished | Removed)] == [Removed()]


def test_a_refund_is_asked_once_until_the_kiosk_answers(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    kiosk.pushed()
    row = LedgerOrder.objects.get(reference=placed.order)
    for _ in range(2):
        assert settling.request_refund(row, "admin", "退", int(time.time()))
    assert len([item for item in kiosk.feed() if isinstance(item, RefundRequested)]) == 1
