"""When a personal record was made, where a clock at one of both ends was wrong: what an erasure reaches then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kiosk.domain.entries.orders import OrderExpired
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    InvoiceAsked,
    InvoiceKind,
    PersonalErased,
)
from kiosk.domain.journal import FORM, GENESIS, Entry, seal
from kiosk.domain.personal import (
    PersonalKind,
)
from kiosk.domain.policy import DAY
from sync.central.centre_keys import CentreKeys
from sync.central.journal.received_entries import ReceivedEntry, read
from sync.central.ledger import settling
from sync.central.ledger.privacy import erase_on_request, exported
from sync.central.ledger.requesting import Answer, ask_delivery, known_for
from sync.central.personal.keeping import keep_own, opened
from sync.central.personal.models import AccountErasure
from sync.central.personal.receivers import Made, made_times
from sync.protocol import records
from sync.protocol.records import PersonalOutcome
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.personal_facts import ADDRESS, INVOICE, disclosed, now, paid_order

pytestmark = pytest.mark.django_db

NAME = "0123456789abcdef"
KEPT, ERASED, UNKNOWN = PersonalOutcome.KEPT, PersonalOutcome.ERASED, PersonalOutcome.UNKNOWN
MakeKiosk = Callable[[int], KioskDouble]


def pushed_by_a_clock_off(kiosk: KioskDouble, seconds: int) -> None:
    """Upload with a checkpoint by a clock that is so far ahead; the request itself is signed by the centre's time."""
    kiosk.clock_offset = seconds
    batch = kiosk.batch(kiosk.entries)
    kiosk.clock_offset = 0
    assert kiosk.request("POST", records.PATH_JOURNAL, batch).status == 200


def test_what_was_made_before_an_erasure_by_a_clock_that_is_ahead_is_not_taken(kiosk: KioskDouble) -> None:
    order, ahead = paid_order(kiosk), 7200
    kiosk.pushed()
    AccountErasure.objects.create(account=ACCOUNT, until=now() - 50)
    before, after = disclosed(ADDRESS), disclosed(INVOICE)
    kiosk.append(DeliveryAsked(order, ACCOUNT, before.commitment, "member"), wall=now() + ahead - 100)
    kiosk.append(
        InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, after.commitment, "member"),
        wall=now() + ahead - 20,
    )
    pushed_by_a_clock_off(kiosk, ahead)
    assert kiosk.sent(before, after) == [ERASED, KEPT]


def test_what_is_dated_after_it_was_sent_is_taken_only_where_nothing_was_erased(kiosk: KioskDouble) -> None:
    orders = [paid_order(kiosk), paid_order(kiosk, "11000006")]
    AccountErasure.objects.create(account=ACCOUNT, until=now() - DAY)
    sent = [disclosed(ADDRESS), disclosed(ADDRESS)]
    for order, account, each in zip(orders, (ACCOUNT, "11000006"), sent, strict=True):
        kiosk.append(DeliveryAsked(order, account, each.commitment, "member"), wall=now() + 7200)
    kiosk.pushed()
    assert kiosk.sent(*sent) == [ERASED, KEPT]


def test_an_erasure_by_a_clock_that_is_behind_erases_what_was_made_by_then(
    kiosk: KioskDouble, keys: CentreKeys
) -> None:
    order, behind = paid_order(kiosk), 7200
    kiosk.pushed()
    commitment = keep_own(ADDRESS, ACCOUNT, order, keys, now() - 60)
    settling.enter_and_apply([DeliveryAsked(order, ACCOUNT, commitment, "phone")], now() - 60)
    kiosk.append(PersonalErased(ACCOUNT, now() - behind, "x"), wall=now() - behind)
    pushed_by_a_clock_off(kiosk, -behind)
    assert opened([commitment], keys) == {}


NOON = 1_800_000_000


def at(wall: int, monotonic: int = 0, boot: str = "boot") -> ReceivedEntry:
    body = OrderExpired("3-0002-1.a1b2c3d4e5f6")
    return read(seal(Entry(FORM, 3, 1, 1, 2, wall, monotonic, boot, GENESIS, body)).data)


@pytest.mark.parametrize(
    ("received", "sent_at", "made"),
    [
        ([at(NOON - 10)], NOON, [Made(NOON - 10)]),
        ([at(NOON - 10)], None, [Made(NOON - 10)]),
        ([at(NOON + 10)], None, [Made(NOON)]),
        ([at(NOON + 7190)], NOON + 7200, [Made(NOON - 10)]),
        ([at(NOON - 210)], NOON - 200, [Made(NOON - 210)]),  # it was long on its way
        ([at(NOON - 3610)], NOON - 3600, [Made(NOON - 10)]),
        ([at(NOON + 7190, 0), at(NOON - 5, 5000)], NOON, [Made(NOON - 10), Made(NOON - 5)]),
        (
            [at(NOON + 7190, 0, "a"), at(NOON - 5, 5000, "b")],
            NOON,
            [Made(NOON, certain=False), Made(NOON - 5)],
        ),
        ([at(NOON - 60, 900), at(NOON - 59, 1100)], NOON, [Made(NOON - 60), Made(NOON - 59)]),
        ([at(-(2**62))], 2**64 - 1, [Made(-(2**62))]),
    ],
)
def test_when_an_entry_was_made_is_told_by_the_clocks_of_its_batch(
    received: list[ReceivedEntry], sent_at: int | None, made: list[Made]
) -> None:
    assert made_times(received, sent_at, NOON) == made


def test_what_the_phone_asked_while_the_clock_was_ahead_is_erased_on_request(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    known = known_for(order, ACCOUNT, PersonalKind.DELIVERY, earlier=True)
    asking = ask_delivery(order, ACCOUNT, ADDRESS, known, now() + 30 * DAY, earlier=True)
    assert asking is Answer.ENTERED
    assert erase_on_request(ACCOUNT, "\u5f20\u534e", now()).count == 1
    assert not exported(ACCOUNT).facts
