"""The thin thread: enrol, order, pay on the page, confirm by the feed, bind, upload, the register."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import PaymentConfirmed
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.payment_codes import confirmation_key, confirmation_matches
from kiosk.domain.scanned_confirmations import require_scanned
from kiosk.pki.device_keys import device_verify
from sync.central.ledger.models import EntryRemark, LedgerCertificate, LedgerOrder
from sync.central.ledger.replaying import differences
from tests.support.books import all_applied
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db


def test_a_new_key_from_order_to_register(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    page = kiosk.page_path(placed)
    shown = Client().get(page, headers={"accept": "application/json"}).json()
    assert (shown["state"], shown["amount"], shown["order"]) == ("payable", 34000, placed.order)

    paid = Client().post(page, {"action": "pay"}, headers={"accept": "application/json"}).json()
    assert paid["state"] == "paid"
    secret = confirmation_key(kiosk.answer.payment_secret)
    assert confirmation_matches(paid["confirmation"], placed.order_code, 34000, secret)
    centre = kiosk.answer.centre_key
    require_scanned(paid["scan_text"], placed.order_code, 34000, lambda m, s: device_verify(centre, m, s))

    (confirmed,) = [item for item in kiosk.news() if isinstance(item, PaymentConfirmed)]
    assert (confirmed.order, confirmed.amount) == (placed.order, 34000)
    kiosk.append(
        OrderPaid(
            placed.order,
            PaidHow.FEED,
            confirmed.amount,
            confirmed.paid_at,
            confirmed.transaction,
            kiosk.feed_key(confirmed),
        )
    )
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)

    answer = kiosk.pushed()
    assert answer.high_water == kiosk.tip
    assert not answer.branched
    assert abs(answer.signed_time.time - time.time()) < 5
    assert all_applied()
    assert not EntryRemark.objects.exists()
    assert not differences()
    assert LedgerOrder.objects.get(reference=placed.order).status == OrderStatus.BOUND.value
    assert LedgerCertificate.objects.get(number=issued.number).status == "valid"
