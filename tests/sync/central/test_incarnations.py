"""A centre that was put back finds out by what kiosks show, once, and begins another incarnation for all."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client

from kiosk.domain.entries.orders import OrderCancelled, OrderPaid
from kiosk.domain.feed import (
    PUT_BACK_RULE,
    PUT_BACK_SEEN,
    MatterPublished,
    PaymentConfirmed,
    StaffPublished,
)
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.ledger import PaidHow
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.policy import DAY, Policy, SignedPolicy
from kiosk.domain.versions import ALL, NO_VERSION, Version, audience_of_kiosk
from kiosk.pki.device_keys import generate_device_key
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.enrolment_tokens import give_token
from sync.central.fleet.feed.models import Audience, FeedRow, Incarnation
from sync.central.fleet.feed.reading import Pull
from sync.central.fleet.machines import end, made_of
from sync.central.fleet.models import Kiosk, Machine, MachineState
from sync.central.journal import incarnations
from sync.central.journal.alarms import close_alarm
from sync.central.journal.models import Alarm, AlarmKind, Entry
from sync.central.ledger.deciding_strands import confirm_machine
from sync.central.ledger.models import LedgerCertificate, LedgerOrder
from sync.central.login.models import LoginCheck
from sync.central.members.models import DeskStaff
from sync.central.members.publishing import publish_staff
from sync.protocol import records
from sync.protocol.deeds import SignedDeed
from sync.protocol.errors import ProblemCode
from sync.protocol.receipts import BITS, CentreReceipt, believed, receipt_text, sign_receipt
from sync.protocol.rows import sign_row
from tests.support.books import remarks
from tests.support.kiosk_double import Answer, KioskDouble
from tests.support.scenes import Backup
from tests.support.values import present
from tests.sync.central.conftest import apply_and_verify

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


def test_one_backup_put_back_twice_gives_other_numbers(at_rest: KioskDouble) -> None:
    """The machines that were enrolled after the first time are gone, and the second time nobody knows of them."""
    backup, given = Backup(), set[tuple[int, int, int]]()
    for number_, bits in ((3, 7), (3, 100), (6, 7), (6, 100)):
        backup.put_back()
        life = incarnations.begin_by_hand(int(time.time()), bits.to_bytes)
        assert life.number == 2
        made = KioskDouble(number_).enrol(give_token(number_, int(time.time()))).answer
        given |= {(number_, 0, made.machine), (number_, 1, made.epoch)}
    assert len(given) == 8


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


def show_deed(kiosk: KioskDouble, *, policy: bool = True) -> Answer:
    shown = records.DeedShown(kiosk.answer.deed, kiosk.answer.policy if policy else None)
    return kiosk.request("POST", records.PATH_DEED, records.encode(shown))


@pytest.fixture
def forgotten(at_rest: KioskDouble) -> KioskDouble:
    """A kiosk that was enrolled, and issued a key, after the backup that was put back."""
    backup = Backup()
    made = KioskDouble(6).enrol(give_token(6, int(time.time())))
    made.feed()
    placed = made.place()
    made.append(OrderPaid(placed.order, PaidHow.CODE, 34_000, made.now()))
    made.certificate(placed)
    made.finish(placed)
    made.pushed()
    assert LedgerCertificate.objects.filter(kiosk=6, status="valid").exists()
    backup.put_back()
    return made


def test_a_machine_that_was_forgotten_shows_its_deed_and_waits_for_staff(forgotten: KioskDouble) -> None:
    refused = forgotten.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    assert (refused.status, refused.problem.code) == (401, ProblemCode.KIOSK_UNKNOWN)
    answer = show_deed(forgotten)
    assert answer.read(records.DeedAnswer).unconfirmed
    assert number() == 2
    assert forgotten.pushed().unconfirmed
    refused = forgotten.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    assert (refused.status, refused.problem.code) == (403, ProblemCode.MACHINE_UNCONFIRMED)
    assert not LedgerCertificate.objects.filter(kiosk=6).exists()
    machine = Machine.objects.get(kiosk=6)
    assert Alarm.objects.filter(kind=AlarmKind.UNCONFIRMED, kiosk=6, cleared_at=None).exists()
    assert confirm_machine(machine, "root", "电话核对", int(time.time()))
    assert not confirm_machine(machine, "root", "again", int(time.time()))
    apply_and_verify()
    assert not forgotten.pushed().unconfirmed
    assert forgotten.feed()
    assert LedgerCertificate.objects.filter(kiosk=6, status="valid").exists()
    assert not Alarm.objects.filter(kind=AlarmKind.UNCONFIRMED, cleared_at=None).exists()


def test_a_deed_supersedes_the_machines_before_it(at_rest: KioskDouble) -> None:
    backup = Backup()
    other = KioskDouble(3).enrol(give_token(3, int(time.time())))
    backup.put_back()
    assert show_deed(other).status == 200
    states = dict(Machine.objects.filter(kiosk=3).values_list("number", "state"))
    assert states == {1: MachineState.RETIRED, 2: MachineState.UNCONFIRMED}
    assert show_deed(at_rest).status == 200
    assert not show_deed(at_rest).read(records.DeedAnswer).unconfirmed


def test_a_machine_that_another_took_the_place_of_may_upload_only(at_rest: KioskDouble) -> None:
    backup = Backup()
    lost = KioskDouble(3).enrol(give_token(3, int(time.time())))
    edit()
    ask(at_rest)
    backup.put_back()
    ask(at_rest)
    KioskDouble(3).enrol(give_token(3, int(time.time())))
    assert show_deed(lost).status == 200
    assert lost.pushed().retired


def test_a_deed_that_the_centre_did_not_sign_or_of_another_machine_is_refused(
    at_rest: KioskDouble, forgotten: KioskDouble
) -> None:
    deed = forgotten.answer.deed
    forged = msgspec.structs.replace(deed, signature=bytes(64))
    body = records.encode(records.DeedShown(forged))
    assert forgotten.request("POST", records.PATH_DEED, body).status == 401
    body = records.encode(records.DeedShown(deed))
    assert at_rest.request("POST", records.PATH_DEED, body).status == 401
    assert not Machine.objects.filter(kiosk=6).exists()


def test_the_next_policy_goes_past_the_one_that_a_kiosk_shows(at_rest: KioskDouble, keys: CentreKeys) -> None:
    backup, now = Backup(), int(time.time())
    for amount in (1, 2):
        limits = Policy(0, 3, now + 90 * DAY, unsynced_amount=amount)
        issued = policies.issue(3, limits, keys, now)
    lost = SignedPolicy(bytes(issued.data), bytes(issued.signature))
    backup.put_back()
    shown = records.DeedShown(at_rest.answer.deed, lost)
    assert at_rest.request("POST", records.PATH_DEED, records.encode(shown)).status == 200
    assert policies.read(present(policies.newest(3))) == lost.read()
    assert policies.issue(3, Policy(0, 3, now + 90 * DAY), keys, now).number == lost.read().number + 1


def test_what_a_kiosk_was_told_alone_is_taken_back_and_its_echo_is_no_dispute(at_rest: KioskDouble) -> None:
    backup = Backup()
    page = at_rest.page_path(at_rest.place(account="11000002"))
    at_rest.pushed()
    assert Client().post(page, {"action": "pay"}).status_code == 302
    (said,) = (each for each in at_rest.news() if isinstance(each, PaymentConfirmed))
    rows = tuple(row for row in at_rest.page().rows if row.kind == "payment-confirmed")
    key = at_rest.feed_key(said)
    at_rest.append(
        OrderPaid(said.order, PaidHow.FEED, said.amount, said.paid_at, transaction=said.transaction, feed=key)
    )
    at_rest.pushed()
    backup.put_back()
    assert ask(at_rest) == 2
    at_rest.pushed()
    assert not LedgerOrder.objects.filter(reference=said.order).exists()  # nothing before it showed the rows
    shown = records.DeedShown(at_rest.answer.deed, rows=rows, since=1)
    answer = at_rest.request("POST", records.PATH_DEED, records.encode(shown)).read(records.DeedAnswer)
    assert answer.lost_past[audience_of_kiosk(3)] < rows[0].version.stamp
    apply_and_verify()
    assert LedgerOrder.objects.get(reference=said.order).status == "paid"
    row = FeedRow.objects.get(key=key)
    assert (row.live, row.echoed_at is not None, bytes(row.signature)) == (False, True, rows[0].signature)
    assert not remarks(3)


def test_only_facts_that_the_centre_signed_for_this_kiosk_are_taken_back(
    at_rest: KioskDouble, keys: CentreKeys
) -> None:
    fact = PaymentConfirmed("3-0002-6.000000000000", 1, "T1", 1)
    good = unsigned_row(audience_of_kiosk(3), row_key_of(fact), Version(1, 5), NO_VERSION, fact)
    staff = StaffPublished(StaffMember("坏人", Role.SUPERVISOR, ""))
    wrong = (
        good,
        sign_row(msgspec.structs.replace(good, audience=audience_of_kiosk(4)), keys.centre_key),
        sign_row(msgspec.structs.replace(good, key="payment/x/y"), keys.centre_key),
        sign_row(unsigned_row(audience_of_kiosk(3), row_key_of(staff), Version(1, 6), NO_VERSION, staff), keys.centre_key),
    )  # fmt: skip
    before = FeedRow.objects.count()
    for rows, count in (wrong, 0), ((sign_row(good, keys.centre_key),), 1):
        shown = records.DeedShown(at_rest.answer.deed, rows=rows, since=1)
        assert at_rest.request("POST", records.PATH_DEED, records.encode(shown)).status == 200
        assert FeedRow.objects.count() == before + count


def test_where_it_is_forgotten_who_was_taken_out_of_use_staff_confirm_every_machine(
    at_rest: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    stolen, now = make_kiosk(4), int(time.time())
    ask(stolen)
    backup = Backup()
    end(Machine.objects.get(kiosk=4), MachineState.LOST, "root", "stolen", now)
    ask(at_rest)
    backup.put_back()
    Machine.objects.update(enrolled_at=now - 60)
    feed = f"{records.PATH_FEED}?after=&wait=0"
    for kiosk in (at_rest, stolen):
        answer = kiosk.request("GET", feed)
        assert (answer.status, answer.problem.code) == (403, ProblemCode.MACHINE_UNCONFIRMED)
        assert kiosk.pushed().unconfirmed
    assert number() == 2
    assert Alarm.objects.filter(kind=AlarmKind.UNCONFIRMED, cleared_at=None).count() == 2
    assert confirm_machine(Machine.objects.get(kiosk=3), "root", "here", now)
    end(Machine.objects.get(kiosk=4), MachineState.LOST, "root", "stolen", now)
    assert at_rest.request("GET", feed).status == 200
    assert stolen.request("GET", feed).problem.code is ProblemCode.MACHINE_RETIRED
    assert number() == 2


def test_where_the_file_beside_it_knows_them_nobody_has_to_be_confirmed(at_rest: KioskDouble) -> None:
    backup, now = Backup(), int(time.time())
    KioskDouble(4).enrol(give_token(4, now))
    end(Machine.objects.get(kiosk=4), MachineState.LOST, "root", "stolen", now)
    edit()
    ask(at_rest)
    deed = msgspec.json.decode(bytes(Machine.objects.get(kiosk=4).deed), type=SignedDeed)
    backup.put_back()
    Kiosk.objects.get_or_create(number=4)
    made_of(deed, MachineState.LOST, now).save(force_insert=True)  # as the file says
    assert ask(at_rest) == 2
    assert Machine.objects.get(kiosk=3).state == MachineState.ENROLLED


def test_what_was_said_before_anybody_noticed_undoes_nothing_either(
    at_rest: KioskDouble, make_kiosk: Callable[[int], KioskDouble]
) -> None:
    edit()
    other = make_kiosk(4)
    key = "staff/陈晓"
    before = FeedRow.objects.get(key=key, live=True)
    backup = Backup()
    edit()
    for kiosk in (at_rest, other):
        ask(kiosk)
    backup.put_back()
    row = DeskStaff.objects.get(name="陈晓")
    row.verifier = "changed"
    row.save()
    publish_staff(row, int(time.time()) + 1)
    said = FeedRow.objects.get(key=key, live=True)
    assert (said.incarnation, said.base_stamp) == (1, 0)
    for kiosk in (at_rest, other):
        assert ask(kiosk) == 2
        again = FeedRow.objects.get(key=key, live=True)
        assert (again.incarnation, again.stamp > said.stamp) == (2, True)
        assert (again.base_incarnation, again.base_stamp) == (1, before.stamp)
        assert Audience.objects.get(number=ALL).stamp >= again.stamp
    assert not FeedRow.objects.get(key=key, stamp=said.stamp).live
    told = next(each for each in at_rest.page().rows if each.key == key)
    assert told.version == Version(2, again.stamp)
    assert [ask(at_rest), number()] == [2, 2]
