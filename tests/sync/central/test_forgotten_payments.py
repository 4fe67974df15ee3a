"""A centre that was put back asks the provider, which keeps its own records, before another attempt or refund."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.feed import PaymentConfirmed, RefundPaid
from kiosk.domain.identifiers import out_trade_no, parse_order_reference
from sync.central.journal.incarnations import begin_by_hand
from sync.central.payments import paying
from sync.central.payments.models import AttemptState, Payment, PaymentAttempt, PaymentState, SandboxTrade
from sync.central.payments.provider import Trade
from sync.central.payments.sandbox import SandboxProvider
from tests.support.kiosk_double import KioskDouble
from tests.support.scenes import Backup

pytestmark = pytest.mark.django_db


def page(kiosk: KioskDouble, placed: OrderPlaced, action: str = "") -> str:
    path, json = kiosk.page_path(placed), {"accept": "application/json"}
    if action:
        return str(Client().post(path, {"action": action}, headers=json).json()["state"])
    return str(Client().get(path, headers=json).json()["state"])


def put_back(backup: Backup) -> None:
    backup.put_back()
    begin_by_hand(int(time.time()))


def attempts() -> list[tuple[int, str]]:
    return [(each.attempt, each.state) for each in PaymentAttempt.objects.order_by("attempt")]


@pytest.fixture
def placed(kiosk: KioskDouble) -> OrderPlaced:
    kiosk.feed()
    body = kiosk.place()
    kiosk.pushed()
    return body


def test_what_was_paid_and_forgotten_is_not_paid_again(kiosk: KioskDouble, placed: OrderPlaced) -> None:
    backup = Backup()
    assert page(kiosk, placed, "pay") == "paid"
    put_back(backup)
    assert not Payment.objects.exists()
    assert page(kiosk, placed, "pay") == "paid"
    assert SandboxTrade.objects.count() == 1
    assert attempts() == [(1, AttemptState.PAID)]
    assert any(isinstance(each, PaymentConfirmed) for each in kiosk.feed())


def test_a_number_that_was_closed_and_forgotten_is_not_used_again(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    page(kiosk, placed, "decline")
    backup = Backup()
    page(kiosk, placed, "decline")
    put_back(backup)
    assert page(kiosk, placed, "pay") == "paid"
    assert attempts() == [(1, AttemptState.CLOSED), (2, AttemptState.CLOSED), (3, AttemptState.PAID)]
    third = out_trade_no(parse_order_reference(placed.order), 3)
    assert [each.out_trade_no for each in SandboxTrade.objects.filter(state="SUCCESS")] == [third]


def test_money_that_went_back_and_was_forgotten_is_known_to_be_back(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    backup = Backup()
    page(kiosk, placed, "pay")
    assert paying.pay_back(Payment.objects.get(), int(time.time()))
    put_back(backup)
    assert page(kiosk, placed, "pay") == "refunded"
    payment = Payment.objects.get()
    assert (payment.state, attempts()) == (PaymentState.REFUNDED, [(1, AttemptState.REFUNDED)])
    assert not paying.pay_back(payment, int(time.time()))
    assert any(isinstance(each, RefundPaid) for each in kiosk.feed())


def test_a_second_payment_that_was_forgotten_goes_back_with_the_order(
    kiosk: KioskDouble, placed: OrderPlaced
) -> None:
    page(kiosk, placed, "pay")
    backup, now = Backup(), int(time.time())
    second = out_trade_no(parse_order_reference(placed.order), 2)
    paying.provider().prepare(second, 34_000, placed.order)
    SandboxProvider().pay(second, now)
    put_back(backup)
    assert paying.pay_back(Payment.objects.get(), now)
    assert attempts() == [(1, AttemptState.REFUNDED), (2, AttemptState.REFUNDED)]
    assert not SandboxTrade.objects.exclude(state="REFUND").exists()


def test_nobody_is_asked_about_what_cannot_have_been_forgotten(
    kiosk: KioskDouble, placed: OrderPlaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    query = SandboxProvider.query

    def noted(provider: SandboxProvider, name: str) -> Trade:
        asked.append(name)
        return query(provider, name)

    monkeypatch.setattr(SandboxProvider, "query", noted)
    assert page(kiosk, placed) == "payable"
    assert not asked
