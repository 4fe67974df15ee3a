"""Certificates that staff revoke at the centre: at once, whatever their kiosk has heard of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import RegisterDecided
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.feed import KeyBoundElsewhere, RegisterDecision
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import PaidHow
from kiosk.pki.suites import SM2
from sync.central.centre_keys import CentreKeys
from sync.central.examples import BoundKey, Examples, make_examples
from sync.central.ledger import settling
from sync.central.ledger.models import LedgerCertificate
from tests.support.books import all_applied
from tests.support.kiosk_double import KioskDouble

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("replay_equals_the_tables")]


def _revoked_by_staff(number: str) -> None:
    row = LedgerCertificate.objects.get(number=number)
    settling.revoke_certificate(row, "admin", "stolen", int(time.time()))


def _enter_revocation(kiosk: KioskDouble) -> None:
    """Enter what the feed tells of the decision, as the kiosk does."""
    (told,) = [item for item in kiosk.feed() if isinstance(item, RegisterDecision)]
    decided = (told.account, told.order, told.certificate, told.decision, told.by, told.remark)
    kiosk.append(RegisterDecided(*decided, feed=kiosk.feed_key(told)))


def test_a_revocation_counts_at_once_and_comes_back_in_the_issuing_kiosks_journal(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get(number=issued.number).status == "revoked"
    assert all_applied()


def test_a_certificate_that_is_being_bound_is_revoked_at_once(kiosk: KioskDouble) -> None:
    kiosk.feed()
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    issued = kiosk.certificate(placed)
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    assert LedgerCertificate.objects.get().status == "revoked"
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert LedgerCertificate.objects.get().status == "revoked"
    assert all_applied()


def test_a_renewal_bound_before_its_kiosk_heard_of_a_revocation_holds(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = kiosk.bind(kiosk.place())
    kiosk.pushed()
    _revoked_by_staff(issued.number)
    placed = kiosk.place(kind=OrderKind.RENEWAL)
    old = KeyOnRecord(issued.number, "E8AD652202221F03", issued.not_before, issued.not_after)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 23000, kiosk.now(), supervisor="林涛"))
    renewed = kiosk.certificate(placed, old)
    kiosk.finish(placed)
    _enter_revocation(kiosk)
    kiosk.pushed()
    assert all_applied()
    assert dict(LedgerCertificate.objects.values_list("number", "status")) == {
        issued.number: "revoked",
        renewed.number: "valid",
    }


def test_a_certificate_of_the_exchange_is_revoked_at_once(
    examples: Examples, make_kiosk: Callable[[int], KioskDouble], keys: CentreKeys
) -> None:
    bound = {"11000007": BoundKey("SERIAL", SM2.generate().public_key.hex())}
    (made,) = make_examples(3, bound, keys, int(time.time())).certificates
    kiosk = make_kiosk(3)
    _revoked_by_staff(made.number)
    assert LedgerCertificate.objects.get(number=made.number).status == "revoked"
    told = [item for item in kiosk.feed() if isinstance(item, KeyBoundElsewhere)]
    assert [(item.number, item.revoked) for item in told] == [(made.number, True)]
