"""Rows of the feed that a kiosk's entries name."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import asdict

from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.orders import OrderAssigned, OrderPaid, OrderReleased
from kiosk.domain.feed import (
    OrderAssignedHere,
    OrderMoved,
    PaymentConfirmed,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.ledger import PaidHow
from kiosk.domain.payment_codes import order_code_text
from kiosk.domain.versions import Version
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.feed.models import FeedRow
from sync.central.ledger.models import LedgerCertificate
from sync.central.ledger.replaying import differences
from sync.central.payments import paying
from sync.central.payments.pages import read_bill
from tests.support.books import remarks
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.sync.central.telling import OWN, bind, tell

pytestmark = pytest.mark.django_db


BEGINNING = 1_790_000_000


def test_a_row_whose_kiosk_entered_it_is_closed_and_a_second_entry_is_remarked(kiosk: KioskDouble) -> None:
    (given,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    echo = OrderAssigned(**asdict(given.facts), feed=kiosk.feed_key(given))
    kiosk.append(echo)
    kiosk.append(echo)
    kiosk.pushed()
    row = FeedRow.objects.get(key=echo.feed)
    assert (row.live, bytes(row.body), row.echoed_at is None) == (False, b"", False)
    assert remarks() == {3: ["echoed-already"]}
    assert not [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    assert differences() == []


def test_a_row_that_an_entry_repeats_otherwise_stays_open(kiosk: KioskDouble) -> None:
    (given,) = [each for each in kiosk.feed() if isinstance(each, OrderAssignedHere)]
    facts = asdict(given.facts) | {"operator": "乙"}
    kiosk.append(OrderAssigned(**facts, feed=kiosk.feed_key(given)))
    kiosk.pushed()
    assert remarks() == {2: ["order-of-another-kiosk"]}
    assert FeedRow.objects.get(key=kiosk.feed_key(given)).live
    assert differences() == []


def test_what_an_entry_named_before_it_was_told_reads_the_same_in_a_replay(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:

    kiosk.feed()
    placed = kiosk.place(policy=2)
    moved = OrderMoved(placed.order, 4, 1)
    kiosk.append(OrderReleased(**asdict(moved), feed=row_key_of(moved)))
    kiosk.pushed()
    assert remarks() == {2: ["beyond-policy"], 3: ["order-of-another-kiosk"]}
    tell(moved, audience=OWN, now=int(time.time()))
    policies.issue(3, policies.read(policies.newest(3)), keys, int(time.time()))  # type: ignore[arg-type]
    assert differences() == []


def test_a_price_that_was_told_later_than_an_entry_names_reads_the_same_in_a_replay(
    kiosk: KioskDouble,
) -> None:
    from sync.central.members.models import FeeSchedule  # noqa: PLC0415
    from sync.central.members.publishing import publish_schedule  # noqa: PLC0415

    kiosk.feed()
    row = FeeSchedule(number=2, effective_from=int(time.time()) - 3600, token=1, certificate=2, service=3)
    kiosk.place(schedule=row.record(), feed=Version(1, 2**63 - 1))
    kiosk.pushed()
    assert remarks() == {2: ["price-differs"]}
    row.save()
    publish_schedule(row, int(time.time()))
    assert differences() == []


def test_money_that_a_supervisor_vouched_for_is_no_echo_of_the_row_that_it_names(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    """The kiosk repeats a row in one form alone, by which the centre knows it."""
    kiosk.feed()
    placed = kiosk.place()
    paying.pay(read_bill(order_code_text(placed.order_code), keys, int(time.time())), int(time.time()))
    (paid,) = [item for item in kiosk.news() if isinstance(item, PaymentConfirmed)]
    key, amount = kiosk.feed_key(paid), (paid.amount, paid.paid_at, paid.transaction)
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, *amount, feed=key, supervisor="林涛"))
    kiosk.pushed()
    assert FeedRow.objects.get(audience=OWN, key=key).live
    kiosk.append(OrderPaid(placed.order, PaidHow.FEED, *amount, feed=key))
    kiosk.pushed()
    assert not FeedRow.objects.get(audience=OWN, key=key).live
    assert differences() == []


def test_a_decision_that_a_kiosk_made_up_takes_no_effect(kiosk: KioskDouble) -> None:
    kiosk.feed()
    issued = bind(kiosk, kiosk.place())
    kiosk.append(
        RegisterDecided(
            ACCOUNT,
            "",
            issued.number,
            Decision.REVOKE,
            "我",
            "",
            f"register-decided/{issued.number}/1",
        )
    )
    kiosk.pushed()
    assert LedgerCertificate.objects.get().status == "valid"
    assert remarks()[max(remarks())] == ["not-the-exchange"]
