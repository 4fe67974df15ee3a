"""Requests at the same time, on PostgreSQL, where rows are locked one by one; test_postgresql.py runs this file."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from kiosk.domain import entries
from kiosk.domain.feed import PaymentConfirmed
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.domain.payment_codes import order_code_text
from sync.central.centre_keys import CentreKeys
from sync.central.examples import make_examples
from sync.central.fleet import unapplied_items
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feeding import publish
from sync.central.fleet.models import FeedItem, KeptItem
from sync.central.journal.models import Alarm, AlarmKind, Entry
from sync.central.ledger.models import LedgerOrder, Matter
from sync.central.ledger.replaying import differences
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentAttempt, PaymentState
from sync.central.payments.pages import read_bill
from sync.protocol import records
from tests.support.books import all_applied, open_matters
from tests.support.kiosk_double import KioskDouble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pair(keys: CentreKeys) -> list[Any]:
    """Kiosks 3 and 4, enrolled, among the examples."""
    now = int(time.time())
    make_examples(3, {}, keys, now)
    kiosks = [KioskDouble(number).enrol(give_token(number, now)) for number in (3, 4)]
    for each in kiosks:
        each.feed()
    return kiosks


def at_once(works: list[Callable[[], object]]) -> None:
    """Do all of it in threads that begin together; raise what any of them raised."""
    start, errors = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below, in the test's own thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_the_same_upload_many_times_at_once_is_one(pair: list[KioskDouble]) -> None:
    kiosk = pair[0]
    placed = kiosk.place()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    at_once([kiosk.pushed] * 6)
    assert all_applied()
    assert Entry.objects.filter(kiosk=3).count() == 3
    assert not Matter.objects.exists()
    assert differences() == []


def test_kiosks_that_serve_other_accounts_do_not_hold_each_other_up(pair: list[KioskDouble]) -> None:
    three, four = pair
    placed = [three.place(), four.place(account="11000006", kind=OrderKind.RENEWAL)]
    for kiosk, order in zip(pair, placed, strict=True):
        for _ in range(8):
            kiosk.append(entries.DeliveryChosen(order.order, Delivery.MAIL))
    at_once([three.pushed, four.pushed, three.pushed, four.pushed])
    assert LedgerOrder.objects.filter(reference__in=[each.order for each in placed]).count() == 2
    assert all_applied()
    assert differences() == []


def test_two_kiosks_that_serve_one_account_at_once_leave_no_matter_open(pair: list[KioskDouble]) -> None:
    for kiosk in pair:
        placed = kiosk.place()
        kiosk.append(entries.OrderCancelled(placed.order, "member"))
        kiosk.append(entries.DeliveryChosen(placed.order, Delivery.MAIL))
    at_once([pair[0].pushed, pair[1].pushed])
    assert all_applied()
    assert open_matters() == []
    assert differences() == []


def test_an_order_paid_twice_at_once_is_paid_once(pair: list[KioskDouble], keys: CentreKeys) -> None:
    kiosk = pair[0]
    bill = read_bill(order_code_text(kiosk.place().order_code), keys, int(time.time()))
    at_once([lambda: paying.pay(bill, int(time.time()))] * 6)
    assert Payment.objects.get().state == PaymentState.PAID
    assert PaymentAttempt.objects.count() == 1
    assert len([each for each in kiosk.feed() if isinstance(each, PaymentConfirmed)]) == 1


def test_paying_and_declining_at_once_end_in_one_of_the_two(
    pair: list[KioskDouble], keys: CentreKeys
) -> None:
    kiosk = pair[0]
    bill = read_bill(order_code_text(kiosk.place().order_code), keys, int(time.time()))
    now = int(time.time())
    at_once([lambda: paying.pay(bill, now), lambda: paying.decline(bill, now)] * 3)
    paid = PaymentAttempt.objects.filter(state="paid").count()
    assert paid <= 1
    assert (Payment.objects.get().state == PaymentState.PAID) == (paid == 1)
    assert len([each for each in kiosk.feed() if isinstance(each, PaymentConfirmed)]) == paid


def test_money_that_comes_while_the_desk_vouches_for_it_is_pointed_out(
    pair: list[KioskDouble], keys: CentreKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = pair[0]
    placed = kiosk.place()
    kiosk.pushed()
    kiosk.append(entries.OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    bill = read_bill(order_code_text(placed.order_code), keys, int(time.time()))

    def meanwhile(*told: Any) -> int:
        # Neither has committed when the other looks.
        at_once([kiosk.pushed])
        return publish(*told)

    monkeypatch.setattr("sync.central.payments.paying.publish", meanwhile)
    paying.pay(bill, int(time.time()))
    subjects = Alarm.objects.filter(kind=AlarmKind.PAID_TWICE).values_list("subject", flat=True)
    assert list(subjects) == [placed.order]


def test_an_item_is_dismissed_while_its_kiosk_says_that_it_keeps_it_no_longer(
    pair: list[KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = pair[0]
    beats = [
        records.Heartbeat(None, 0, 0, kiosk.now(), kept=each)
        for each in ((records.UnappliedNotice(1, "odd"),), ())
    ]
    statuses: list[int] = []

    def beat(said: records.Heartbeat) -> None:
        statuses.append(kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(said)).status)

    beat(beats[0])

    def meanwhile(*told: Any) -> int:
        at_once([lambda: beat(beats[1])])
        return publish(*told)

    monkeypatch.setattr("sync.central.fleet.unapplied_items.publish", meanwhile)
    unapplied_items.dismiss(KeptItem.objects.get(), "admin", "seen", int(time.time()))
    assert statuses == [200, 200]
    assert KeptItem.objects.get().closed_by == "admin"


def test_money_is_paid_back_once(pair: list[KioskDouble], keys: CentreKeys) -> None:
    bill = read_bill(order_code_text(pair[0].place().order_code), keys, int(time.time()))
    paying.pay(bill, int(time.time()))
    payment = Payment.objects.get()
    at_once([lambda: paying.pay_back(payment, int(time.time()))] * 4)
    assert FeedItem.objects.filter(kiosk=3, kind="refund-paid").count() == 1


def test_a_token_used_by_many_machines_at_once_enrols_one(db: None) -> None:
    token = give_token(9, int(time.time()))
    machines = [KioskDouble(9) for _ in range(4)]
    statuses: list[int] = []

    def enrol(machine: KioskDouble) -> None:
        statuses.append(machine.enrol_with(token).status)

    at_once([functools.partial(enrol, machine) for machine in machines])
    assert sorted(statuses) == [200, 403, 403, 403]
