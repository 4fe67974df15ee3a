"""Which of two rows about the same holds."""

from __future__ import annotations

import pytest

from kiosk.domain import feed
from kiosk.domain.feed import AnyFeedBody
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.merging import Held, Merging, is_stricter, merge, strictness
from kiosk.domain.versions import NO_VERSION, Version

OLD, NEW = b"1" * 32, b"2" * 32
REPLACEABLE, IMMUTABLE = "staff/林涛", "payment/3-0147-6.9f86d081884c/T1"


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
    ],
)
def test_a_row_replaces_what_it_knew_of(
    held: Version, version: Version, base: Version, merging: Merging
) -> None:
    assert merge(Held(held, OLD), REPLACEABLE, version, base, NEW) is merging


def test_the_first_row_of_a_key_is_taken() -> None:
    assert merge(None, REPLACEABLE, V(1, 1), NO_VERSION, NEW) is Merging.REPLACES


@pytest.mark.parametrize("key", [REPLACEABLE, IMMUTABLE])
def test_the_same_again_changes_nothing(key: str) -> None:
    assert merge(Held(V(1, 5), OLD), key, V(2, 1), NO_VERSION, OLD) is Merging.SAME


@pytest.mark.parametrize("base", [NO_VERSION, V(1, 5)])
def test_another_fact_under_an_immutable_key_contradicts(base: Version) -> None:
    assert merge(Held(V(1, 5), OLD), IMMUTABLE, V(1, 6), base, NEW) is Merging.CONTRADICTS


def test_an_immutable_row_gives_way_to_its_removal_and_may_come_back() -> None:
    held = Held(V(1, 5), OLD)
    assert merge(held, IMMUTABLE, V(1, 6), NO_VERSION, NEW, removes=True) is Merging.REPLACES
    removed = Held(V(1, 5), OLD, removed=True)
    assert merge(removed, IMMUTABLE, V(1, 6), NO_VERSION, NEW) is Merging.REPLACES


def test_a_row_of_a_name_that_is_not_known_here_is_judged_by_its_version() -> None:
    held = Held(V(1, 5), OLD)
    assert merge(held, "shipment/3", V(1, 6), NO_VERSION, NEW) is Merging.REPLACES
    assert merge(held, "shipment/3", V(1, 4), NO_VERSION, NEW) is Merging.LATE


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
    ],
)
def test_the_stricter_of_two_is_known(lax: AnyFeedBody, strict: AnyFeedBody) -> None:
    assert is_stricter(strict, lax)
    assert not is_stricter(lax, strict)
    assert not is_stricter(lax, lax)


def test_rows_of_which_none_forbids_anything_are_equally_strict() -> None:
    moved, audiences = feed.OrderMoved("3-0147-6.9f86d081884c", 8, 3), feed.AudiencesPublished((0,))
    for body in (moved, audiences, operator(Review.APPROVED), key()):
        assert strictness(body) == 0
