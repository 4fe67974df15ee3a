"""The feed's rows at the centre: their versions, the pages that they are read in, their signatures."""

from __future__ import annotations

import pytest
from django.db import transaction

from kiosk.domain.feed import (
    KeyBoundElsewhere,
    OrderMoved,
    Removed,
    StaffPublished,
)
from kiosk.domain.members import Role, StaffMember
from kiosk.domain.policy import DAY
from kiosk.domain.versions import ALL, COUNTER_BITS, MEMBERS, NO_VERSION, Version, audience_of_kiosk
from sync.central.centre_keys import CentreKeys
from sync.central.fleet.feed import reading
from sync.central.fleet.feed.models import Audience, FeedRow, Incarnation
from sync.central.fleet.feed.reading import Pull
from sync.central.fleet.feed.telling import telling
from sync.central.fleet.models import Kiosk
from sync.protocol import records
from sync.protocol.rows import row_holds
from tests.support.kiosk_double import KioskDouble
from tests.sync.central.telling import OWN, bind, tell

pytestmark = pytest.mark.django_db


BEGINNING = 1_790_000_000


def staff(name: str, role: Role = Role.STAFF) -> StaffPublished:
    return StaffPublished(StaffMember(name, role, ""))


def version(row: FeedRow) -> Version:
    return Version(row.incarnation, row.stamp)


def head(audience: int = ALL) -> Version:
    return reading.heads((audience,))[audience]


@pytest.fixture
def three(db: None) -> Kiosk:
    return Kiosk.objects.create(number=3)


def test_versions_follow_the_clock_and_rise_within_a_moment() -> None:
    first, second = tell(staff("甲"), staff("乙"))
    assert version(first) == Version(1, BEGINNING * 1000 << COUNTER_BITS)
    assert version(second) == Version(1, first.stamp + 1)
    (third,) = tell(staff("丙"), now=BEGINNING - 100)  # a clock that went back is not followed
    assert version(third) == Version(1, second.stamp + 1)
    (fourth,) = tell(staff("丁"), now=BEGINNING + 40 * DAY)  # nor is one that leaps
    assert version(fourth) == Version(1, third.stamp + 1) == head()
    assert Incarnation.objects.get().number == 1
    assert len(bytes(Incarnation.objects.get().bits)) == 8


def test_an_audience_that_was_told_nothing_for_long_follows_the_clock_as_the_others_do() -> None:
    tell(staff("甲"), audience=OWN)
    tell(staff("乙"), now=BEGINNING + 20 * DAY)
    (row,) = tell(staff("丙"), audience=OWN, now=BEGINNING + 40 * DAY)
    assert version(row) == Version(1, (BEGINNING + 40 * DAY) * 1000 << COUNTER_BITS)


def test_a_row_takes_the_place_of_the_earlier_one_which_is_closed() -> None:
    (first,) = tell(staff("甲"))
    (second,) = tell(staff("甲", Role.SUPERVISOR))
    first.refresh_from_db()
    assert (first.live, second.live, bytes(first.body)) == (False, True, b"")
    assert len(bytes(first.digest)) == 32


def test_a_row_names_the_last_version_of_an_earlier_incarnation() -> None:
    first, second = tell(staff("甲")) + tell(staff("甲", Role.SUPERVISOR))
    Incarnation.objects.create(number=2, bits=bytes(8))
    third, fourth = tell(staff("甲")) + tell(staff("甲", Role.SUPERVISOR))
    bases = [Version(each.base_incarnation, each.base_stamp) for each in (first, second, third, fourth)]
    assert bases == [NO_VERSION, NO_VERSION, version(second), version(second)]
    assert version(fourth).incarnation == 2


def test_a_row_that_says_nothing_new_is_not_written_again() -> None:
    tell(staff("甲"))
    before = head()
    assert tell(staff("甲")) == []
    assert head() == before


def test_of_a_transactions_rows_of_one_key_the_last_one_counts() -> None:
    (row,) = tell(staff("甲"), staff("甲", Role.SUPERVISOR))
    assert b"supervisor" in bytes(row.body)


def test_a_removal_is_a_row_and_what_was_never_told_needs_none(three: Kiosk, keys: CentreKeys) -> None:
    (row,) = tell(staff("甲"))
    with telling(BEGINNING) as told:
        told.remove(ALL, row.key)
        told.remove(ALL, "staff/乙")
    (sent,) = Pull(three, {}, keys).page().rows
    assert (sent.key, sent.read(), sent.base) == (row.key, Removed(), NO_VERSION)
    with telling(BEGINNING) as told:
        told.remove(ALL, row.key)
    assert FeedRow.objects.count() == 2


def test_a_fact_that_was_told_once_stays_as_it_was_told() -> None:
    moved = OrderMoved("3-0147-6.9f86d081884c", 4, 1)
    (row,) = tell(moved, audience=OWN)
    assert tell(OrderMoved(moved.order, 5, 1), audience=OWN) == []
    FeedRow.objects.filter(id=row.id).update(live=False, echoed_at=BEGINNING, body=b"")
    assert tell(moved, audience=OWN) == []


def test_what_was_told_in_a_part_that_failed_is_not_told() -> None:
    def fail() -> None:
        with telling(BEGINNING) as told:
            told.tell(ALL, staff("乙"))
            raise LookupError

    with telling(BEGINNING) as told:
        told.tell(ALL, staff("甲"))
        with pytest.raises(LookupError):
            fail()
    assert list(FeedRow.objects.values_list("key", flat=True)) == ["staff/甲"]


@pytest.mark.django_db(transaction=True)
def test_versions_are_never_given_before_the_last_step_of_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        tell(staff("甲"))


def test_from_zero_the_live_rows_come_by_audience_and_version(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"), staff("乙"), now=BEGINNING + 5)
    tell(OrderMoved("3-0147-6.9f86d081884c", 4, 1), audience=OWN)
    tell(staff("甲", Role.SUPERVISOR))
    page = Pull(three, {}, keys).page()
    assert [row.key for row in page.rows] == [
        "staff/乙",
        "staff/甲",
        "order-moved/3-0147-6.9f86d081884c/1",
    ]
    assert page.heads == {ALL: page.rows[1].version, MEMBERS: NO_VERSION, OWN: page.rows[2].version}
    assert Pull(three, page.heads, keys).page() == records.FeedPage((), page.heads, more=False)


def test_a_long_feed_comes_in_pages_across_its_audiences(three: Kiosk, keys: CentreKeys) -> None:
    tell(*(staff(str(each)) for each in range(records.FEED_PAGE - 1)))
    tell(*(staff(str(each)) for each in range(5)), audience=MEMBERS)
    first = Pull(three, {}, keys).page()
    assert (len(first.rows), first.more) == (records.FEED_PAGE, True)
    cursors = {row.audience: row.version for row in first.rows}
    rest = Pull(three, cursors, keys).page()
    assert ([row.key for row in rest.rows], rest.more) == ([f"staff/{each}" for each in range(1, 5)], False)


def test_a_page_brings_no_more_than_a_kiosk_takes_and_one_row_however_long(
    three: Kiosk, keys: CentreKeys
) -> None:
    long = "S" * records.FEED_PAGE_BODIES
    keyed = [KeyBoundElsewhere(str(each), "0" * 16, long[: len(long) // 3], 0, 1) for each in range(1, 6)]
    tell(*keyed, audience=MEMBERS)
    tell(KeyBoundElsewhere("6", "0" * 16, long, 0, 1), audience=MEMBERS)
    cursors, pages, more = dict[int, Version](), list[list[str]](), True
    while more:
        page = Pull(three, cursors, keys).page()
        pages.append([row.key for row in page.rows])
        cursors |= {row.audience: row.version for row in page.rows}
        more = page.more
    assert pages == [["key/1", "key/2"], ["key/3", "key/4"], ["key/5"], ["key/6"]]


def test_a_cursor_of_another_incarnation_or_audience_reads_from_zero(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"))
    for cursors in ({ALL: Version(2, 0)}, {ALL: NO_VERSION}, {MEMBERS: head(), 7: head()}):
        assert [row.key for row in Pull(three, cursors, keys).page().rows] == ["staff/甲"]


def test_a_kiosk_pulls_the_audiences_that_it_reads_and_no_other(three: Kiosk, keys: CentreKeys) -> None:
    tell(staff("甲"), audience=MEMBERS)
    tell(staff("乙"), audience=audience_of_kiosk(4))
    assert [row.key for row in Pull(three, {}, keys).page().rows] == ["staff/甲"]
    three.serves_all = False
    page = Pull(three, {audience_of_kiosk(4): NO_VERSION}, keys).page()
    assert (page.rows, set(page.heads)) == ((), {ALL, OWN})


def test_rows_are_signed_when_they_are_first_sent_and_the_signature_is_kept(
    three: Kiosk, keys: CentreKeys
) -> None:
    (row,) = tell(staff("甲"))
    assert bytes(row.signature) == b""
    (sent,) = Pull(three, {}, keys).page().rows
    assert row_holds(sent, keys.centre_public_key)
    row.refresh_from_db()
    assert bytes(row.signature) == sent.signature
    assert Pull(three, {}, keys).page().rows == (sent,)


def test_rows_of_an_earlier_incarnation_are_read_page_by_page_as_well(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEED_PAGE", 3)
    Incarnation.objects.create(number=2, bits=bytes(8))
    tell(staff("丙"))  # nothing was told to the other audiences since
    keys, cursors, more = set[str](), dict[int, Version](), True
    while more:
        page = kiosk.page(cursors)
        assert all(head.incarnation == 2 for head in page.heads.values())
        for row in page.rows:  # as a kiosk moves its cursors
            cursors[row.audience] = Version(page.heads[row.audience].incarnation, row.version.stamp)
        keys.update(row.key for row in page.rows)
        more = page.more
    live = FeedRow.objects.filter(audience__in=(ALL, MEMBERS, OWN), live=True)
    assert keys == set(live.values_list("key", flat=True))
    assert kiosk.page(page.heads).rows == ()


def test_every_audience_has_a_head_that_no_row_is_beyond(kiosk: KioskDouble) -> None:
    kiosk.feed()
    bind(kiosk, kiosk.place())
    kiosk.pushed()
    for audience in Audience.objects.all():
        newest = FeedRow.objects.filter(audience=audience.number).order_by("-stamp")[0]
        assert (audience.incarnation, audience.stamp) == (newest.incarnation, newest.stamp)
