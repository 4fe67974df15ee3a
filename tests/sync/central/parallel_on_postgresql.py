"""Requests at the same time, on PostgreSQL, where rows are locked one by one; test_postgresql.py runs this file."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from msgspec.structs import replace

from kiosk.domain.echoes import echo_of
from kiosk.domain.entries.orders import DeliveryChosen, OrderCancelled, OrderPaid
from kiosk.domain.feed import OperatorPublished, OrderMoved, PaymentConfirmed, StaffPublished
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import out_trade_no, parse_order_reference
from kiosk.domain.ledger import Delivery, PaidHow
from kiosk.domain.members import Review, Role, StaffMember
from kiosk.domain.payment_codes import order_code_text
from kiosk.domain.versions import ALL, MEMBERS, Version, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.examples import make_examples
from sync.central.fleet import unapplied_rows
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed import telling as telling_module
from sync.central.fleet.feed.collecting import Telling
from sync.central.fleet.feed.models import FeedRow, Incarnation, KeptRow
from sync.central.fleet.feed.reading import Pull
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.feed.writing import write
from sync.central.fleet.models import Kiosk
from sync.central.journal.models import Alarm, AlarmKind, Entry
from sync.central.ledger import money, settling
from sync.central.ledger import news as ledger_news
from sync.central.ledger.models import LedgerOrder, Matter
from sync.central.ledger.publishing import publish_enterprise, publish_operators
from sync.central.ledger.replaying import differences
from sync.central.members.models import Operator, ReviewState
from sync.central.payments import paying
from sync.central.payments.models import Payment, PaymentAttempt, PaymentState
from sync.central.payments.news import owning_kiosk
from sync.central.payments.pages import read_bill
from sync.central.payments.provider import Trade, TradeState
from sync.central.personal.models import PersonalRecord
from sync.protocol import records
from sync.protocol.receipts import believed, receipt_text, sign_receipt
from tests.support.books import all_applied, open_matters
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.values import present
from tests.support.waiting import wait_until

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
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
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
            kiosk.append(DeliveryChosen(order.order, Delivery.MAIL))
    at_once([three.pushed, four.pushed, three.pushed, four.pushed])
    assert LedgerOrder.objects.filter(reference__in=[each.order for each in placed]).count() == 2
    assert all_applied()
    assert differences() == []


def test_two_kiosks_that_serve_one_account_at_once_leave_no_matter_open(pair: list[KioskDouble]) -> None:
    for kiosk in pair:
        placed = kiosk.place()
        kiosk.append(OrderCancelled(placed.order, "member"))
        kiosk.append(DeliveryChosen(placed.order, Delivery.MAIL))
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
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34000, kiosk.now(), supervisor="林涛"))
    bill = read_bill(order_code_text(placed.order_code), keys, int(time.time()))

    def meanwhile(payment: Payment) -> int:
        # Neither has committed when the other looks.
        at_once([kiosk.pushed])
        return owning_kiosk(payment)

    monkeypatch.setattr(paying, "owning_kiosk", meanwhile)
    paying.pay(bill, int(time.time()))
    subjects = Alarm.objects.filter(kind=AlarmKind.PAID_TWICE).values_list("subject", flat=True)
    assert list(subjects) == [placed.order]


@pytest.mark.parametrize("first", ["the-payment", "the-hand-over"])
def test_money_that_settles_while_an_order_is_handed_over_is_told_to_its_new_owner(
    pair: list[KioskDouble], keys: CentreKeys, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    kiosk, other = pair
    placed = kiosk.place()
    bill = read_bill(order_code_text(placed.order_code), keys, int(time.time()))
    paying.pay(bill, int(time.time()))
    (paid,) = (each for each in kiosk.news() if isinstance(each, PaymentConfirmed))
    kiosk.append(echo_of(paid))
    kiosk.pushed()
    assert settling.move(LedgerOrder.objects.get(reference=placed.order), 4, "admin", int(time.time()))
    (moved,) = (each for each in kiosk.news() if isinstance(each, OrderMoved))
    kiosk.append(echo_of(moved))
    number = out_trade_no(parse_order_reference(placed.order), 2)
    PaymentAttempt.objects.create(
        out_trade_no=number, payment_id=placed.order, attempt=2, opened_at=int(time.time())
    )
    trade = Trade(TradeState.SUCCESS, 34000, "T2", int(time.time()))

    def settle() -> None:
        paying.settle(number, trade, int(time.time()))

    tell_all = money.tell_money

    # Neither has committed when the other looks.
    def meanwhile_handed_over(payment: Payment) -> int:
        at_once([kiosk.pushed])
        return owning_kiosk(payment)

    def meanwhile_settled(told: Telling, orders: Collection[str]) -> None:
        tell_all(told, orders)
        at_once([settle])

    if first == "the-hand-over":
        monkeypatch.setattr(paying, "owning_kiosk", meanwhile_handed_over)
        settle()
    else:
        monkeypatch.setattr(ledger_news, "tell_money", meanwhile_settled)
        kiosk.pushed()
    assert all_applied()
    assert LedgerOrder.objects.get(reference=placed.order).owner == 4
    told = [each.transaction for each in other.news() if isinstance(each, PaymentConfirmed)]
    assert sorted(told) == sorted([paid.transaction, "T2"])


def test_a_row_is_dismissed_while_its_kiosk_says_that_it_keeps_it_no_longer(
    pair: list[KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = pair[0]
    own = audience_of_kiosk(3)
    key = FeedRow.objects.filter(audience=own, live=True).values_list("key", flat=True)[0]
    beats = [
        records.Heartbeat(None, 0, {}, kiosk.now(), kept=each)
        for each in ((records.UnappliedNotice(own, key, "odd"),), ())
    ]
    statuses: list[int] = []

    def beat(said: records.Heartbeat) -> None:
        statuses.append(kiosk.request("POST", records.PATH_HEARTBEAT, records.encode(said)).status)

    beat(beats[0])

    def meanwhile(now: int) -> Any:
        at_once([lambda: beat(beats[1])])
        return telling(now)

    monkeypatch.setattr(unapplied_rows, "telling", meanwhile)
    unapplied_rows.dismiss(KeptRow.objects.get(), "admin", "seen", int(time.time()))
    assert statuses == [200, 200]
    assert KeptRow.objects.get().closed_by == "admin"


def test_money_is_paid_back_once(pair: list[KioskDouble], keys: CentreKeys) -> None:
    bill = read_bill(order_code_text(pair[0].place().order_code), keys, int(time.time()))
    paying.pay(bill, int(time.time()))
    payment = Payment.objects.get()
    at_once([lambda: paying.pay_back(payment, int(time.time()))] * 4)
    assert FeedRow.objects.filter(audience=audience_of_kiosk(3), kind="refund-paid").count() == 1


@pytest.mark.parametrize("regions", [["北京市"], ["北京市", "天津市", "上海市", "重庆市"]])
def test_an_address_that_is_sent_many_times_at_once_is_entered_once(
    pair: list[KioskDouble], regions: list[str]
) -> None:
    placed = pair[0].place()
    payer = Client()
    payer.post(pair[0].page_path(placed), {"action": "pay"})
    path, answers = f"/orders/{placed.order}/delivery", list[int]()

    def send(region: str) -> None:
        browser = Client()
        browser.cookies = payer.cookies
        typed = {
            "recipient": "张三丰",
            "phone": "13812345678",
            "region": region,
            "address": "花园路1号",
            "seen": ".",
        }
        answers.append(browser.post(path, typed).status_code)

    at_once([functools.partial(send, regions[number % len(regions)]) for number in range(4)])
    assert sorted(answers) == ([302] * 4 if len(regions) == 1 else [302, 409, 409, 409])
    assert Entry.objects.filter(kind="delivery-asked").count() == 1
    assert PersonalRecord.objects.count() == 1
    assert differences() == []


def test_a_token_used_by_many_machines_at_once_enrols_one(db: None) -> None:
    token = give_token(9, int(time.time()))
    machines = [KioskDouble(9) for _ in range(4)]
    statuses: list[int] = []

    def enrol(machine: KioskDouble) -> None:
        statuses.append(machine.enrol_with(token).status)

    at_once([functools.partial(enrol, machine) for machine in machines])
    assert sorted(statuses) == [200, 403, 403, 403]


class Reader:
    """A kiosk that pulls again and again, and the keys that it was told."""

    def __init__(self, keys: CentreKeys) -> None:
        self.told: list[str] = []
        self._cursors: dict[int, Version] = {}
        self._keys = keys

    def pull(self) -> None:
        """Read up to the heads, which are the cursors then."""
        more = True
        while more:
            page = Pull(Kiosk.objects.get(number=3), self._cursors, self._keys).page()
            self.told += [row.key for row in page.rows]
            self._cursors.update({row.audience: row.version for row in page.rows})
            more = page.more
        self._cursors.update(page.heads)


def staff(name: str) -> StaffPublished:
    return StaffPublished(StaffMember(name, Role.STAFF, ""))


@pytest.fixture
def reader(db: None, keys: CentreKeys) -> Reader:
    Kiosk.objects.create(number=3)
    return Reader(keys)


def test_a_transaction_that_commits_after_a_later_one_is_not_behind_a_cursor(reader: Reader) -> None:
    def later() -> None:
        with telling(2) as told:
            told.tell(ALL, staff("后"))

    with telling(1) as told:
        told.tell(ALL, staff("先"))
        Kiosk.objects.filter(number=3).update(place="二楼")
        at_once([later])
        reader.pull()
        assert reader.told == ["staff/后"]
    reader.pull()
    assert reader.told == ["staff/后", "staff/先"]


def test_nobody_gives_the_next_version_before_the_one_before_has_committed(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction has given its versions and does not commit; another one that would overtake it waits."""
    with telling(1) as told:
        told.tell((ALL, MEMBERS), staff("零"))
    given, go_on = threading.Event(), threading.Event()

    def write_and_wait(told: Any) -> None:
        write(told)
        if threading.current_thread().name == "slow":
            given.set()
            go_on.wait()

    def tell(audiences: tuple[int, ...], name: str) -> None:
        with telling(1) as told:
            told.tell(audiences, staff(name))
        connection.close()

    monkeypatch.setattr(telling_module, "write", write_and_wait)
    slow = threading.Thread(target=tell, args=((MEMBERS, ALL), "慢"), name="slow")
    quick = threading.Thread(target=tell, args=((ALL,), "快"))
    slow.start()
    given.wait()
    quick.start()
    wait_until(waits_for_a_lock)
    reader.pull()
    assert set(reader.told) == {"staff/零"}
    go_on.set()
    slow.join()
    quick.join()
    reader.pull()
    assert sorted(reader.told) == sorted(["staff/零"] * 2 + ["staff/慢"] * 2 + ["staff/快"])
    rows = FeedRow.objects.filter(audience=ALL).order_by("stamp").values_list("key", flat=True)
    assert list(rows) == ["staff/零", "staff/慢", "staff/快"]


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        (count,) = cursor.fetchone()
    return bool(count)


def test_many_that_tell_at_once_hide_no_row_from_a_kiosk_that_pulls_meanwhile(reader: Reader) -> None:
    audiences = (audience_of_kiosk(3), MEMBERS, ALL)

    def teller(number: int) -> None:
        for each in range(15):
            with telling(each) as told:
                for place, audience in enumerate(audiences[number % 3 :] + audiences[: number % 3]):
                    told.tell(audience, staff(f"{number}-{each}"))
                    if place == 0:
                        told.tell(audience, staff(f"共同 {each % 2}"))  # a row that all of them replace

    ended = threading.Event()

    def pull() -> None:
        while not ended.is_set():
            reader.pull()

    def tell_all() -> None:
        try:
            at_once([functools.partial(teller, number) for number in range(6)])
        finally:
            ended.set()

    at_once([pull, tell_all])
    reader.pull()
    own = [key for key in reader.told if "共同" not in key]
    expected = [f"staff/{number}-{each}" for number in range(6) for each in range(15)]
    assert sorted(own) == sorted(expected * 3)
    for audience in audiences:
        stamps = FeedRow.objects.filter(audience=audience).order_by("id").values_list("stamp", flat=True)
        assert len(stamps) == len(set(stamps))
        live = FeedRow.objects.filter(audience=audience, key__contains="共同", live=True)
        assert live.count() <= 2


def test_audiences_that_are_told_for_the_first_time_at_once_lock_each_other_in_one_order(db: None) -> None:
    def teller(number: int) -> None:
        with telling(1) as told:
            for audience in (MEMBERS, 0x10001, 0x10002, ALL)[number % 2 :: 1]:
                told.tell(audience, staff(str(number)))

    at_once([functools.partial(teller, number) for number in range(8)])
    assert FeedRow.objects.filter(audience=MEMBERS).count() == 4
    assert FeedRow.objects.filter(audience=ALL).count() == 8


def test_an_enterprise_that_is_saved_at_once_does_not_undo_a_review(
    pair: list[KioskDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, operator = int(time.time()), Operator.objects.get(account=ACCOUNT)
    saved, reviewed = threading.Event(), threading.Event()

    def held_up(told: Any) -> None:
        if told.now == now:
            saved.set()
            reviewed.wait(5)
        write(told)

    def save() -> None:
        publish_enterprise(operator.enterprise, now)

    def review() -> None:
        saved.wait(5)
        Operator.objects.filter(account=ACCOUNT).update(review=ReviewState.REFUSED)
        publish_operators([operator], now + 1)
        reviewed.set()

    monkeypatch.setattr(telling_module, "write", held_up)
    at_once([save, review])
    told = [item.operator for item in pair[0].feed() if isinstance(item, OperatorPublished)]
    assert [each.review for each in told if each.account == ACCOUNT] == [Review.REFUSED]


def test_many_that_show_at_once_what_the_centre_forgot_begin_one_incarnation(
    pair: list[Any], keys: CentreKeys
) -> None:
    """Beside them rows are told and entries uploaded, which lock the same kiosks and audiences.

    What was forgotten is more than what is told meanwhile: a centre that has told as much again is shown nothing.
    """
    for kiosk in pair:
        kiosk.pushed()
        held = present(believed(kiosk.receipt, kiosk.number, keys.centre_public_key))
        lost = replace(held, heads={**held.heads, ALL: held.heads[ALL] + 100})
        kiosk.receipt = receipt_text(sign_receipt(lost, keys.centre_key))
    now = int(time.time())

    def ask(kiosk: Any) -> object:
        return kiosk.twin().request("GET", f"{records.PATH_FEED}?after=&wait=0")

    def tell(name: str) -> object:
        with telling(now) as told:
            told.tell(ALL, StaffPublished(StaffMember(name, Role.STAFF, "")))
        return None

    def upload(kiosk: Any) -> object:
        made = kiosk.twin()
        made.receipt = ""
        made.place(account="11000002")
        return made.pushed()

    works: list[Callable[[], object]] = [functools.partial(ask, pair[number % 2]) for number in range(6)]
    works += [functools.partial(tell, f"somebody {number}") for number in range(4)]
    works += [functools.partial(upload, kiosk) for kiosk in pair]
    at_once(works)
    assert list(Incarnation.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert Alarm.objects.filter(kind=AlarmKind.PUT_BACK).count() == 1
    for kiosk in pair:
        ask(kiosk)
        assert kiosk.request("GET", f"{records.PATH_FEED}?after=&wait=0").status == 200
    assert Incarnation.objects.count() == 2
