"""A centre that was put back finds out by what kiosks show, once, and begins another incarnation for all."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client

from kiosk.domain.entries import OrderCancelled
from kiosk.domain.feed import PUT_BACK_RULE, PUT_BACK_SEEN, MatterPublished
from kiosk.domain.members import Role
from kiosk.domain.versions import ALL
from kiosk.pki.device_keys import generate_device_key
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.models import Audience, FeedRow, Incarnation
from sync.central.fleet.feed.reading import Pull
from sync.central.fleet.models import Kiosk
from sync.central.journal import incarnations
from sync.central.journal.alarms import close_alarm
from sync.central.journal.models import Alarm, AlarmKind, Entry
from sync.central.login.models import LoginCheck
from sync.central.members.models import DeskStaff
from sync.central.members.publishing import publish_staff
from sync.protocol import records
from sync.protocol.errors import ProblemCode
from sync.protocol.receipts import BITS, CentreReceipt, believed, receipt_text, sign_receipt
from tests.support.kiosk_double import KioskDouble
from tests.support.scenes import Backup
from tests.support.values import present

pytestmark = pytest.mark.django_db


def ask(kiosk: KioskDouble) -> int:
    """Send a request that changes nothing; the incarnation that its answer tells of."""
    kiosk.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    return shown(kiosk).incarnation


def shown(kiosk: KioskDouble) -> CentreReceipt:
    return present(believed(kiosk.receipt, kiosk.number, kiosk.answer.centre_key))


def show(shower: KioskDouble, keys: CentreKeys, **changes: object) -> None:
    """Have the kiosk show a receipt that the centre signed, with these changes."""
    receipt = msgspec.structs.replace(shown(shower), **changes)
    shower.receipt = receipt_text(sign_receipt(receipt, keys.centre_key))


def number() -> int:
    return Incarnation.objects.count()


def edit(name: str = "陈晓") -> None:
    row, _ = DeskStaff.objects.get_or_create(name=name, defaults={"role": Role.STAFF.value})
    row.role = Role.SUPERVISOR.value if row.role == Role.STAFF.value else Role.STAFF.value
    row.save()
    publish_staff(row, int(time.time()))


@pytest.fixture
def at_rest(kiosk: KioskDouble) -> KioskDouble:
    kiosk.feed()
    kiosk.place()
    kiosk.pushed()
    assert ask(kiosk) == 1
    return kiosk


def test_whatever_a_kiosk_shows_of_this_life_is_no_proof(at_rest: KioskDouble) -> None:
    old = at_rest.receipt
    for _ in range(3):
        edit()
        at_rest.append(OrderCancelled(at_rest.place(account="11000002").order, "member"))
        at_rest.pushed()
        ask(at_rest)
    ask(at_rest)
    at_rest.receipt = old
    assert ask(at_rest) == number() == 1


@pytest.mark.parametrize("lost", ["entries", "rows"])
def test_what_a_receipt_names_and_nobody_knows_proves_it_once(at_rest: KioskDouble, lost: str) -> None:
    backup = Backup()
    if lost == "rows":
        edit()
    else:
        at_rest.place(account="11000002")
        at_rest.pushed()
    ask(at_rest)
    backup.put_back()
    assert ask(at_rest) == 2
    for _ in range(3):
        edit()
        assert ask(at_rest) == number() == 2
    alarm = Alarm.objects.get(kind=AlarmKind.PUT_BACK)
    assert (alarm.kiosk, alarm.subject) == (3, "2")
    assert len(alarm.detail) < 300


def test_a_receipt_of_a_later_life_or_of_another_one_proves_it(
    at_rest: KioskDouble, keys: CentreKeys
) -> None:
    show(at_rest, keys, bits=bytes(BITS))
    assert ask(at_rest) == 2
    show(at_rest, keys, incarnation=7)
    assert ask(at_rest) == 8
    assert number() == 3


def test_a_receipt_that_the_centre_did_not_sign_proves_nothing(at_rest: KioskDouble) -> None:
    receipt = msgspec.structs.replace(shown(at_rest), incarnation=7)
    at_rest.receipt = receipt_text(sign_receipt(receipt, generate_device_key()))
    assert ask(at_rest) == number() == 1


def test_a_receipt_of_another_kiosk_proves_nothing(at_rest: KioskDouble, keys: CentreKeys) -> None:
    show(at_rest, keys, kiosk=4, incarnation=7)
    assert ask(at_rest) == number() == 1


def test_who_comes_with_a_proof_of_an_earlier_incarnation_only_lifts(
    at_rest: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    other = make_kiosk(4)
    other.feed()
    other.pushed()
    backup = Backup()
    edit()
    edit("孙丽")
    other.epoch = 9
    other.place(account="11000002")
    ask(at_rest)
    ask(other)
    backup.put_back()
    assert ask(at_rest) == 2
    lost = shown(other)
    assert (lost.incarnation, ask(other)) == (1, 2)
    assert number() == 2
    edit()
    newest = Audience.objects.get(number=ALL)
    assert (newest.incarnation, newest.stamp > lost.heads[ALL]) == (2, True)
    assert [ask(each) for each in (at_rest, other)] == [2, 2]


def test_the_next_version_and_epoch_lie_past_the_receipt_also_with_a_slow_clock(
    at_rest: KioskDouble, keys: CentreKeys
) -> None:
    far = (int(time.time()) + 86_400) * 1000 << 20
    tip = present(at_rest.tip)
    show(at_rest, keys, heads={ALL: far}, tip=msgspec.structs.replace(tip, epoch=500))
    assert ask(at_rest) == 2
    assert Audience.objects.get(number=ALL).stamp > far
    assert Kiosk.objects.get(number=3).epoch_given >= 500
    # What was lifted has no row of its own: the next receipt is known all the same.
    assert [ask(at_rest) for _ in range(2)] == [2, 2]


def test_two_that_bring_the_same_proof_at_once_begin_one(at_rest: KioskDouble, keys: CentreKeys) -> None:
    show(at_rest, keys, incarnation=4)
    proof, now = shown(at_rest), int(time.time())
    for _ in range(2):  # each judged it before the other began
        incarnations._begin(proof, 3, "", now)
    assert Incarnation.objects.order_by("-number").values_list("number", flat=True)[0] == 5
    assert number() == 2


def test_tokens_logins_and_sessions_end(at_rest: KioskDouble, keys: CentreKeys) -> None:
    now = int(time.time())
    token = give_token(5, now)
    staff = Client()
    staff.force_login(User.objects.create_user("root", is_staff=True, is_superuser=True))
    assert staff.get("/admin/").status_code == 200
    LoginCheck.objects.create(
        key="00003-x", kiosk=3, account="11000001", challenge=bytes(32), asked_at=now, expires=now + 180
    )
    show(at_rest, keys, incarnation=4)
    ask(at_rest)
    refused = KioskDouble(5).enrol_with(token)
    assert (refused.status, refused.problem.code) == (403, ProblemCode.TOKEN_REFUSED)
    assert not LoginCheck.objects.exists()
    assert staff.get("/admin/").status_code == 302
    named = {each.subject for each in Alarm.objects.filter(kind=AlarmKind.ACCOUNT)}
    assert named == {"5 root", "5 admin"}


def test_a_machine_and_an_epoch_that_were_given_and_forgotten_are_not_given_again(
    at_rest: KioskDouble,
) -> None:
    backup = Backup()
    lost = KioskDouble(3).enrol(give_token(3, int(time.time())))
    unknown = KioskDouble(6).enrol(give_token(6, int(time.time())))
    edit()
    ask(at_rest)
    backup.put_back()
    ask(at_rest)
    again = KioskDouble(3).enrol(give_token(3, int(time.time())))
    assert again.answer.machine > lost.answer.machine
    assert again.answer.epoch > lost.answer.epoch
    anew = KioskDouble(6).enrol(give_token(6, int(time.time())))
    assert anew.answer.machine > unknown.answer.machine
    assert anew.answer.epoch > unknown.answer.epoch


def test_every_kiosk_is_told_until_staff_have_seen_to_it(at_rest: KioskDouble, keys: CentreKeys) -> None:
    show(at_rest, keys, incarnation=4)
    ask(at_rest)
    at_rest.feed()
    said = MatterPublished(PUT_BACK_RULE, "5", "", 0)
    assert said in [body for _, body in at_rest.told]
    close_alarm(Alarm.objects.get(kind=AlarmKind.PUT_BACK), "root", "核对过", int(time.time()))
    assert msgspec.structs.replace(said, outcome=PUT_BACK_SEEN) in at_rest.news()


def test_who_waits_for_the_feed_meanwhile_reads_it_from_zero(at_rest: KioskDouble, keys: CentreKeys) -> None:
    at_rest.feed()
    waiting = Pull(Kiosk.objects.get(number=3), at_rest.cursors, keys)
    assert not waiting.page().rows
    show(at_rest, keys, incarnation=4)
    ask(at_rest)
    page = waiting.page()
    live = FeedRow.objects.filter(live=True, audience__in=page.heads)
    assert len(page.rows) == min(live.count(), records.FEED_PAGE)
    assert {head.incarnation for head in page.heads.values()} == {5}


def test_what_the_centre_lost_is_uploaded_again(at_rest: KioskDouble) -> None:
    backup = Backup()
    at_rest.place(account="11000002")
    at_rest.pushed()
    backup.put_back()
    assert ask(at_rest) == 2
    assert at_rest.pushed().high_water == at_rest.tip
    assert Entry.objects.filter(kiosk=3).count() == len(at_rest.entries)
    assert ask(at_rest) == number() == 2


def test_a_person_may_say_so_too(at_rest: KioskDouble) -> None:
    assert incarnations.begin_by_hand(int(time.time())).number == 2
    assert ask(at_rest) == number() == 2
    assert Alarm.objects.filter(kind=AlarmKind.PUT_BACK).count() == 1
