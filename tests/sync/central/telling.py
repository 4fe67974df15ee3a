"""Telling rows and binding keys at the centre, for the tests of its feed."""

from __future__ import annotations

from typing import Any

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.orders import OrderPaid, OrderPlaced
from kiosk.domain.ledger import PaidHow
from kiosk.domain.versions import ALL, audience_of_kiosk
from sync.central.fleet.feed.models import FeedRow
from sync.central.fleet.feed.telling import telling
from tests.support.kiosk_double import KioskDouble

BEGINNING = 1_790_000_000
OWN = audience_of_kiosk(3)


def tell(*bodies: Any, audience: int = ALL, now: int = BEGINNING) -> list[FeedRow]:
    """The rows that a transaction wrote."""
    last = FeedRow.objects.order_by("-id").values_list("id", flat=True).first() or 0
    with telling(now) as told:
        for body in bodies:
            told.tell(audience, body)
    return list(FeedRow.objects.filter(id__gt=last).order_by("id"))


def bind(kiosk: KioskDouble, placed: OrderPlaced) -> CertificateIssued:
    """The certificate of an order that the kiosk was paid for and bound."""
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.finish(placed)
    return issued
