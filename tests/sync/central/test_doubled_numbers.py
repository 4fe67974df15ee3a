"""Two orders under one number: a kiosk that was put back from a copy gave it out again."""

from __future__ import annotations

import pytest
from django.test import Client

from kiosk.domain.feed import PaymentConfirmed
from kiosk.domain.payment_codes import (
    confirmation_key,
    confirmation_matches,
    order_code_text,
)
from sync.central.centre_keys import CentreKeys
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentAttempt
from sync.central.payments.pages import PageState, page_view, read_bill
from tests.support.kiosk_double import KioskDouble

OTHER = "11000007"


@pytest.fixture
def doubled(kiosk: KioskDouble) -> tuple[bytes, bytes]:
    """The codes of two orders of one number: the second by a machine that knows nothing of the first."""
    kiosk.feed()
    tip = kiosk.tip
    first = kiosk.place()
    kiosk.tip = tip
    second = kiosk.place(account=OTHER, nonce=b"nonce7")
    assert first.order.partition(".")[0] == second.order.partition(".")[0]
    return first.order_code, second.order_code


def test_the_payment_of_one_is_not_the_others(
    kiosk: KioskDouble, keys: CentreKeys, doubled: tuple[bytes, bytes]
) -> None:
    now = kiosk.now()
    first, second = (read_bill(order_code_text(code), keys, now) for code in doubled)
    paying.pay(first, now)
    shown = [page_view(bill, keys, now, readable=True) for bill in (first, second)]
    assert [view.state for view in shown] == [PageState.PAID, PageState.PAYABLE]
    assert [bool(view.confirmation or view.scan_text) for view in shown] == [True, False]
    assert [view.order_number for view in shown] == [shown[0].order_number] * 2
    told = [body for body in kiosk.feed() if isinstance(body, PaymentConfirmed)]
    assert [body.order for body in told] == [first.order]


def test_both_are_paid_each_for_itself(
    kiosk: KioskDouble, keys: CentreKeys, doubled: tuple[bytes, bytes]
) -> None:
    now = kiosk.now()
    bills = [read_bill(order_code_text(code), keys, now) for code in doubled]
    for bill in bills:
        paying.pay(bill, now)
    assert Payment.objects.filter(order_number=str(bills[0].code.order)).count() == 2
    assert PaymentAttempt.objects.count() == 2
    first, second = (page_view(bill, keys, now, readable=True).confirmation for bill in bills)
    key = confirmation_key(kiosk.answer.payment_secret)
    assert confirmation_matches(first, doubled[0], bills[0].amount, key)
    assert not confirmation_matches(first, doubled[1], bills[1].amount, key)
    assert confirmation_matches(second, doubled[1], bills[1].amount, key)


def test_another_code_under_one_reference_is_refused(
    kiosk: KioskDouble, keys: CentreKeys, client: Client
) -> None:
    kiosk.feed()
    tip = kiosk.tip
    first = kiosk.place()
    kiosk.tip = tip
    twin = kiosk.place(account=OTHER)
    assert first.order == twin.order
    paying.pay(read_bill(order_code_text(first.order_code), keys, kiosk.now()), kiosk.now())
    assert client.get(kiosk.page_path(twin)).status_code == 409
    assert client.get(kiosk.page_path(first)).status_code == 200
