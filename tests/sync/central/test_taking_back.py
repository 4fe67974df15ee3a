"""What staff had said and the centre forgot comes back as kiosks show it, and no role or approval that nobody gives again."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Sequence

import pytest

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import OperatorProposed
from kiosk.domain.feed import ProposalTold
from kiosk.domain.feed_keys import RowName
from kiosk.domain.feed_rows import FeedRow as Row
from kiosk.domain.members import Role
from kiosk.domain.personal import SALT_LENGTH, OperatorDetails, disclose
from kiosk.domain.requests import ProposalState
from kiosk.domain.versions import ALL, Version
from sync.central.fleet.feed.models import FeedRow, Incarnation
from sync.central.journal.models import Alarm, AlarmKind
from sync.central.ledger import reviewing
from sync.central.ledger.publishing import publish_enterprise, publish_operators
from sync.central.ledger.replaying import differences
from sync.central.ledger.reviewing import NotReviewed, ReviewFault
from sync.central.members.models import DeskStaff, Enterprise, FeeSchedule, Operator, ReviewState
from sync.central.members.publishing import publish_schedule, publish_staff
from sync.central.personal.models import RecordKey
from sync.protocol import records
from sync.protocol.records import PersonalOutcome
from tests.support.kiosk_double import KioskDouble
from tests.support.scenes import Backup

pytestmark = pytest.mark.django_db
NAME = "陈晓"
ACCOUNT = "11000001"
WHO = OperatorDetails("赵敏", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")


def now() -> int:
    return int(time.time())


def say(role: Role, verifier: str = "") -> None:
    """Staff of the centre say what somebody of the desk's staff may do."""
    row, _ = DeskStaff.objects.update_or_create(
        name=NAME, defaults={"role": role.value, "verifier": verifier}
    )
    publish_staff(row, now())


def review(state: ReviewState) -> None:
    """Staff of the centre decide about an operator."""
    row = Operator.objects.get(account=ACCOUNT)
    row.review = state
    row.save()
    publish_operators([row], now())


def rows_of(kiosk: KioskDouble, name: RowName) -> tuple[Row, ...]:
    """The rows of that name that the centre has for the kiosk now."""
    return tuple(row for row in kiosk.page().rows if row.key.startswith(f"{name.value}/"))


def put_back(kiosk: KioskDouble, backup: Backup) -> None:
    """Put the centre back, which the kiosk's next request proves."""
    kiosk.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    backup.put_back()
    kiosk.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    assert Incarnation.objects.count() == 2


def show(kiosk: KioskDouble, rows: Sequence[Row]) -> None:
    shown = records.DeedShown(kiosk.answer.deed, rows=tuple(rows), since=1)
    assert kiosk.request("POST", records.PATH_DEED, records.encode(shown)).status == 200


def pointed_out() -> int:
    return Alarm.objects.filter(kind=AlarmKind.SHOWN_ROW).count()


@pytest.fixture
def at_rest(kiosk: KioskDouble) -> KioskDouble:
    kiosk.feed()
    kiosk.place()
    kiosk.pushed()
    return kiosk


def test_a_demotion_stands_again_past_every_cursor(at_rest: KioskDouble) -> None:
    say(Role.SUPERVISOR)
    backup = Backup()
    say(Role.STAFF)
    (lost,) = rows_of(at_rest, RowName.STAFF)[-1:]
    put_back(at_rest, backup)
    assert DeskStaff.objects.get(name=NAME).role == Role.SUPERVISOR
    head = at_rest.page().heads[ALL]
    for _ in range(2):
        show(at_rest, [lost])
    assert DeskStaff.objects.get(name=NAME).role == Role.STAFF
    assert pointed_out() == 0
    live = FeedRow.objects.get(key=lost.key, live=True)
    assert Version(live.incarnation, live.stamp) > head
    assert Version(live.base_incarnation, live.base_stamp) == lost.version
    assert bytes(live.digest) == lost.digest
    assert FeedRow.objects.filter(key=lost.key, stamp=lost.version.stamp, live=False).count() == 1


def test_a_role_that_was_given_since_waits_for_staff(at_rest: KioskDouble) -> None:
    say(Role.STAFF)
    backup = Backup()
    say(Role.SUPERVISOR)
    lost = rows_of(at_rest, RowName.STAFF)
    put_back(at_rest, backup)
    for _ in range(2):
        show(at_rest, lost)
    assert DeskStaff.objects.get(name=NAME).role == Role.STAFF
    assert pointed_out() == 1


def test_an_approval_that_was_lost_is_made_again_and_staff_hear_of_the_account_that_was_given(
    at_rest: KioskDouble,
) -> None:
    proposal, who = "0123456789abcdef", disclose(WHO, secrets.token_bytes(SALT_LENGTH))
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    at_rest.append(OperatorProposed(proposal, ACCOUNT, code, who.commitment, authorised=True, by="member"))
    at_rest.pushed()
    assert at_rest.sent(who) == [PersonalOutcome.KEPT]
    backup = Backup()
    first = reviewing.approve(proposal, "张华", now()).account
    lost = [row for row in rows_of(at_rest, RowName.OPERATOR) if row.key.endswith(f"/{first}")]
    at_rest.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    backup.put_back()
    RecordKey.objects.all().delete()  # no backup has them
    at_rest.request("GET", f"{records.PATH_FEED}?after=&wait=0")
    assert Incarnation.objects.count() == 2
    with pytest.raises(NotReviewed) as refused:
        reviewing.approve(proposal, "张华", now())
    assert refused.value.fault is ReviewFault.NO_DETAILS
    at_rest.pushed()
    assert at_rest.sent(who) == [PersonalOutcome.KEPT]
    show(at_rest, lost)
    assert (len(lost), pointed_out()) == (1, 1)
    assert not Operator.objects.filter(account=first).exists()
    second = reviewing.approve(proposal, "张华", now()).account
    (told,) = (each for each in at_rest.feed() if isinstance(each, ProposalTold))
    assert (told.state, told.new_account) == (ProposalState.APPROVED, second)
    assert differences() == []


def test_what_staff_said_since_the_restore_stands(at_rest: KioskDouble) -> None:
    say(Role.SUPERVISOR)
    backup = Backup()
    say(Role.STAFF)
    lost = rows_of(at_rest, RowName.STAFF)
    put_back(at_rest, backup)
    say(Role.SUPERVISOR, "a new password")
    show(at_rest, lost)
    assert DeskStaff.objects.get(name=NAME).role == Role.SUPERVISOR
    assert pointed_out() == 1


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_of_several_the_last_stands_whoever_shows_which_first(
    at_rest: KioskDouble, order: tuple[int, ...]
) -> None:
    say(Role.STAFF, "first")
    backup, lost = Backup(), list[Row]()
    for each in range(3):
        say(Role.STAFF, f"later {each}")
        lost += rows_of(at_rest, RowName.STAFF)[-1:]
    put_back(at_rest, backup)
    for each in order:
        show(at_rest, [lost[each]])
    assert DeskStaff.objects.get(name=NAME).verifier == "later 2"
    assert pointed_out() == 0


def test_a_review_and_a_price_come_back(at_rest: KioskDouble) -> None:
    backup = Backup()
    review(ReviewState.REFUSED)
    firm = Operator.objects.get(account=ACCOUNT).enterprise
    firm.review = ReviewState.UNDER_REVIEW
    firm.save()
    publish_enterprise(firm, now())
    last = FeeSchedule.objects.order_by("-number")[0].number
    publish_schedule(
        FeeSchedule.objects.create(number=last + 1, effective_from=now(), token=1, certificate=2, service=3),
        now(),
    )
    lost = [
        row
        for name in (RowName.OPERATOR, RowName.ENTERPRISE, RowName.SCHEDULE)
        for row in rows_of(at_rest, name)
    ]
    put_back(at_rest, backup)
    assert not FeeSchedule.objects.filter(number=last + 1).exists()
    show(at_rest, lost)
    assert Operator.objects.get(account=ACCOUNT).review == ReviewState.REFUSED
    assert Enterprise.objects.get(code=firm.code).review == ReviewState.UNDER_REVIEW
    assert FeeSchedule.objects.get(number=last + 1).service == 3
    assert pointed_out() == 0
    assert {f"operator/{ACCOUNT}", f"enterprise/{firm.code}"} <= {
        row.key for row in at_rest.page().rows if row.version.incarnation == 2
    }


def test_an_approval_and_a_member_who_is_new_wait_for_staff(at_rest: KioskDouble) -> None:
    review(ReviewState.REFUSED)
    backup = Backup()
    review(ReviewState.APPROVED)
    firm = Operator.objects.get(account=ACCOUNT).enterprise
    new = Operator.objects.create(
        account="11000099", enterprise=firm, name="新人", review=ReviewState.APPROVED
    )
    publish_operators([new], now())
    lost = [row for row in rows_of(at_rest, RowName.OPERATOR) if row.key[9:] in {ACCOUNT, "11000099"}]
    put_back(at_rest, backup)
    show(at_rest, lost)
    assert Operator.objects.get(account=ACCOUNT).review == ReviewState.REFUSED
    assert not Operator.objects.filter(account="11000099").exists()
    assert pointed_out() == 2
