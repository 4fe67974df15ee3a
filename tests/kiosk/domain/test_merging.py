"""Which of two rows about the same holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.feed import AnyFeedBody
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.merging import Merging, Told, merge, settle, strictness
from kiosk.domain.versions import NO_VERSION, Version

OLD, NEW = b"1" * 32, b"2" * 32
REPLACEABLE, IMMUTABLE = "staff/林涛", "payment/3-0147-6.9f86d081884c/T1"
THE_CENTRES_OWN = (
    "registered/0003000000000001",
    "open-orders/11000001",
    "audiences",
    "matter/second-key/0003000000000001",
    "delivery/11000001/3-0147-6.9f86d081884c",
    "invoice/11000001/3-0147-6.9f86d081884c",
    "proposal/11000001/0123456789abcdef",
)


def V(incarnation: int, stamp: int) -> Version:  # noqa: N802 - short for a table
    return Version(incarnation, stamp)


@pytest.mark.parametrize(
    ("held", "version", "base", "merging"),
    [
        (V(1, 5), V(1, 9), V(1, 5), Merging.REPLACES),
        (V(1, 5), V(1, 9), V(1, 3), Merging.REPLACES),  # a row in between was missed
        (V(1, 9), V(1, 5), NO_VERSION, Merging.LATE),
        (V(1, 5), V(1, 5), NO_VERSION, Merging.BESIDE),
        (V(1, 5), V(2, 9), V(1, 5), Merging.REPLACES),
        (V(1, 5), V(2, 9), V(1, 7), Merging.REPLACES),
        (V(1, 8), V(2, 9), V(1, 7), Merging.BESIDE),  # the centre was put back behind what is held
        (V(1, 8), V(2, 9), NO_VERSION, Merging.BESIDE),
        (V(2, 8), V(1, 9), NO_VERSION, Merging.BESIDE),
        (V(1, 8), V(3, 9), V(2, 7), Merging.BESIDE),  # whether incarnation 2 knew of it is not said
        (V(1, 8), V(3, 90), V(2, 80), Merging.BESIDE),
    ],
)
def test_a_row_replaces_what_it_knew_of(
    held: Version, version: Version, base: Version, merging: Merging
) -> None:
    stands, told = Told(held, NO_VERSION, OLD), Told(version, base, NEW)
    assert merge(stands, REPLACEABLE, told) is merging
    if merging is Merging.REPLACES:
        assert merge(told, REPLACEABLE, stands) is Merging.LATE


def test_the_first_row_of_a_key_is_taken() -> None:
    assert merge(None, REPLACEABLE, Told(V(1, 1), NO_VERSION, NEW)) is Merging.REPLACES


@pytest.mark.parametrize("key", [REPLACEABLE, IMMUTABLE])
def test_the_same_again_changes_nothing(key: str) -> None:
    assert merge(Told(V(1, 5), NO_VERSION, OLD), key, Told(V(2, 1), NO_VERSION, OLD)) is Merging.SAME


@pytest.mark.parametrize("base", [NO_VERSION, V(1, 5)])
def test_another_fact_under_an_immutable_key_contradicts(base: Version) -> None:
    assert merge(Told(V(1, 5), NO_VERSION, OLD), IMMUTABLE, Told(V(1, 6), base, NEW)) is Merging.CONTRADICTS


def test_an_immutable_row_gives_way_to_its_removal_and_may_come_back() -> None:
    held, told = Told(V(1, 5), NO_VERSION, OLD), Told(V(1, 6), NO_VERSION, NEW)
    assert merge(held, IMMUTABLE, replace(told, removed=True)) is Merging.REPLACES
    assert merge(replace(held, removed=True), IMMUTABLE, told) is Merging.REPLACES


@pytest.mark.parametrize("key", THE_CENTRES_OWN)
def test_of_what_only_the_centre_knows_its_latest_word_counts_whatever_it_forgot(key: str) -> None:
    forgotten, told = Told(V(1, 8), NO_VERSION, OLD), Told(V(2, 9), V(1, 7), NEW)
    assert merge(forgotten, key, told) is Merging.REPLACES
    assert merge(told, key, forgotten) is Merging.LATE
    assert merge(forgotten, key, replace(told, version=forgotten.version)) is Merging.BESIDE


def test_a_row_of_a_name_that_is_not_known_here_is_judged_by_its_version() -> None:
    held = Told(V(1, 5), NO_VERSION, OLD)
    assert merge(held, "shipment/3", Told(V(1, 6), NO_VERSION, NEW)) is Merging.REPLACES
    assert merge(held, "shipment/3", Told(V(1, 4), NO_VERSION, NEW)) is Merging.LATE


def enterprise(review: Review) -> AnyFeedBody:
    return feed.EnterprisePublished(Enterprise("91110000MA01A2B3C4", "企业", "王", review))


def operator(review: Review) -> AnyFeedBody:
    return feed.OperatorPublished(Operator("11000001", "9111", "李", review, "$"))


def key(*, lost: bool = False, revoked: bool = False) -> AnyFeedBody:
    return feed.KeyBoundElsewhere("11000001", "0003000001000002", "A1", 1, 2, lost=lost, revoked=revoked)


@pytest.mark.parametrize(
    ("lax", "strict"),
    [
        (operator(Review.APPROVED), operator(Review.UNDER_REVIEW)),
        (operator(Review.UNDER_REVIEW), operator(Review.REFUSED)),
        (
            feed.StaffPublished(StaffMember("林涛", Role.SUPERVISOR, "$")),
            feed.StaffPublished(StaffMember("林涛", Role.STAFF, "$")),
        ),
        (enterprise(Review.APPROVED), enterprise(Review.UNDER_REVIEW)),
        (enterprise(Review.UNDER_REVIEW), enterprise(Review.REFUSED)),
        (operator(Review.REFUSED), feed.Removed()),
        (key(), feed.Removed()),
        (feed.Removed(), key(lost=True)),
        (key(), key(lost=True)),
        (key(lost=True), key(lost=True, revoked=True)),
        (feed.ErasureTold("11000001", 5), feed.ErasureTold("11000001", 6)),
    ],
)
def test_the_stricter_of_two_is_known(lax: AnyFeedBody, strict: AnyFeedBody) -> None:
    assert strictness(strict) > strictness(lax)


def test_rows_of_which_none_forbids_anything_are_equally_strict() -> None:
    moved, audiences = feed.OrderMoved("3-0147-6.9f86d081884c", 8, 3), feed.AudiencesPublished((0,))
    for body in (moved, audiences, operator(Review.APPROVED), key()):
        assert strictness(body) == 0


def test_of_rows_that_are_equally_strict_the_later_holds_whichever_came_first() -> None:
    lost, told = Told(V(1, 8), NO_VERSION, OLD), Told(V(2, 9), V(1, 7), NEW)
    assert settle([lost], REPLACEABLE, told) == settle([told], REPLACEABLE, lost) == (told, lost)


def test_what_a_centre_forgot_holds_after_a_stricter_row_of_it_was_replaced() -> None:
    lost = Told(V(1, 8), NO_VERSION, OLD, strictness=1)
    stricter, laxer = Told(V(2, 9), V(1, 7), NEW, strictness=2), Told(V(2, 10), V(1, 7), b"3" * 32)
    stands = settle([lost], REPLACEABLE, stricter)
    assert stands == (stricter, lost)
    assert settle(stands, REPLACEABLE, laxer) == (lost, laxer)


def test_what_a_centre_forgot_and_says_again_may_be_replaced() -> None:
    lost = Told(V(1, 8), NO_VERSION, OLD, strictness=1)
    again, laxer = replace(lost, version=V(2, 9), base=V(1, 7)), Told(V(2, 10), V(1, 7), NEW)
    assert settle(settle([lost], REPLACEABLE, again), REPLACEABLE, laxer) == (laxer,)


def edits(incarnation: int, base: Version, what: list[tuple[int, int]]) -> list[Told]:
    """Edits of one centre, each of what it says and how much that forbids."""
    return [
        Told(V(incarnation, 100 * incarnation + at), base, bytes([digest, strict]), strictness=strict)
        for at, (digest, strict) in enumerate(what, 1)
    ]


EDITS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=6)


@given(EDITS, EDITS, st.data())
def test_a_centre_that_was_put_back_undoes_nothing_that_it_forgot_and_all_that_it_knew(
    first: list[tuple[int, int]], second: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The kiosk reads at any point: it may miss any row that another one replaced."""
    before = edits(1, NO_VERSION, first)
    remembered = data.draw(st.integers(0, len(before)))
    after = edits(2, before[remembered - 1].version if remembered else NO_VERSION, second)
    read = [each for each in before if data.draw(st.booleans())]
    stands: tuple[Told, ...] = ()
    for each in read:
        stands = settle(stands, REPLACEABLE, each)
        assert stands == (each,)
    lost = read[-1] if read and read[-1] in before[remembered:] else None
    said = False
    for each in (row for row in after if data.draw(st.booleans())):
        stands = settle(stands, REPLACEABLE, each)
        said = said or (lost is not None and lost.digest == each.digest)
        holds = stands[0]
        if lost is None or said:
            assert stands == (each,)
        else:
            assert holds == max(each, lost, key=lambda row: (row.strictness, row.version))
            assert set(stands) == {each, lost}
        assert settle(stands, REPLACEABLE, each) == stands, "read again it changes nothing"
        for former in before:
            if lost is not None and former.version < lost.version and former.digest != lost.digest:
                assert settle(stands, REPLACEABLE, former)[0].strictness >= holds.strictness


@given(EDITS, EDITS, st.data())
def test_what_holds_in_the_end_does_not_depend_on_the_order_of_arrival(
    first: list[tuple[int, int]], second: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Where no two rows say the same; the same said again counts as seen."""
    before = edits(1, NO_VERSION, first)
    remembered = data.draw(st.integers(0, len(before)))
    after = edits(2, before[remembered - 1].version if remembered else NO_VERSION, second)
    rows = [replace(each, digest=bytes([at])) for at, each in enumerate([*before, *after])]

    def settled(order: list[Told]) -> tuple[Told, ...]:
        stands: tuple[Told, ...] = ()
        for each in order:
            stands = settle(stands, REPLACEABLE, each)
        return stands

    assert settled(data.draw(st.permutations(rows))) == settled(rows)
