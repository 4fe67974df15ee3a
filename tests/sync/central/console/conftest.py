"""Who is at the console, and a kiosk that has something to show there."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.ledger import PaidHow
from sync.central.examples import Examples
from tests.support import scenes
from tests.support.kiosk_double import KioskDouble

_SERVED = scenes.Scene(KioskDouble.twin, scenes.KIOSK)


@pytest.fixture
def staff(examples: Examples) -> Client:
    client = Client()
    assert client.login(username="admin", password="Keydesk-admin")
    return client


@pytest.fixture
def clerk(examples: Examples) -> Client:
    """Staff who may look at orders, members and kiosks and decide nothing."""
    user = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def served(kiosk: KioskDouble) -> KioskDouble:
    """Kiosk 3 after an order paid by code, one matter, one alarm."""
    return _SERVED.set_up(lambda: _serve(kiosk))


def _serve(kiosk: KioskDouble) -> KioskDouble:
    kiosk.feed()
    placed = kiosk.place()
    Client().post(kiosk.page_path(placed), {"action": "pay"})
    kiosk.append(OrderPaid(placed.order, PaidHow.CODE, 34000, kiosk.now()))
    kiosk.certificate(placed)
    kiosk.finish(placed)
    kiosk.place(account="11000006", lines=())
    kiosk.pushed()
    return kiosk
