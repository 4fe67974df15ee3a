"""A paid order, and the browser that paid it."""

from __future__ import annotations

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPlaced
from sync.central.members.models import Operator
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.order_forms import PHONE


@pytest.fixture
def placed(kiosk: KioskDouble) -> OrderPlaced:
    kiosk.feed()
    Operator.objects.filter(account=ACCOUNT).update(phone=PHONE)
    return kiosk.place()


@pytest.fixture
def payer(kiosk: KioskDouble, placed: OrderPlaced) -> Client:
    """The browser that paid."""
    browser = Client()
    assert browser.post(kiosk.page_path(placed), {"action": "pay"}, follow=True).status_code == 200
    return browser
