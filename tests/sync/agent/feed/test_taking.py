"""Rows of the feed at a kiosk: merged by version, whatever a centre that was put back says, and dismissed by staff."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.dismissals import dismissal
from kiosk.domain.members import Review
from kiosk.domain.versions import ALL, MEMBERS, Version
from sync.agent.feed.pull import pull
from tests.support.memory_desk import Desk
from tests.support.taken_rows import OPERATOR, OWN, operator, problems
from tests.support.values import present

CERTIFICATE = "0003000001000001"


def test_a_row_that_knew_what_is_held_takes_its_place(desk: Desk) -> None:
    for review in (Review.REFUSED, Review.APPROVED):
        desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, review=review)), MEMBERS)
        pull(desk.agent())
        assert present(operator(desk)).review is review
    assert problems(desk) == []


@pytest.mark.parametrize("held", list(Review))
@pytest.mark.parametrize("told", list(Review))
def test_a_centre_that_was_put_back_does_not_undo_what_it_forgot(
    desk: Desk, held: Review, told: Review
) -> None:
    desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, review=held)), MEMBERS)
    pull(desk.agent())
    desk.centre.rows.clear()
    desk.centre.incarnation = 2
    desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, review=told)), MEMBERS)
    pull(desk.agent())
    strict = [Review.APPROVED, Review.UNDER_REVIEW, Review.REFUSED]
    assert present(operator(desk)).review is max(held, told, key=strict.index)
    assert problems(desk) == ([] if held is told else ["stricter-holds"])


def put_back(desk: Desk) -> None:
    """Let the centre forget that the operator was refused."""
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    copy = dict(desk.centre.rows)
    desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, review=Review.UNDER_REVIEW)), MEMBERS)
    pull(desk.agent())
    desk.centre.rows, desk.centre.incarnation = copy, 2


def test_however_often_a_centre_that_was_put_back_edits_it_does_not_undo_what_it_forgot(desk: Desk) -> None:
    put_back(desk)
    for name in ("李小梅", "李晓眉", "李梅"):
        desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, name=name)), MEMBERS)
        pull(desk.agent())
        assert present(operator(desk)).review is Review.UNDER_REVIEW
        assert problems(desk) == ["stricter-holds"]


def test_what_a_centre_forgot_holds_again_once_its_stricter_row_is_gone(desk: Desk) -> None:
    put_back(desk)
    stricter = desk.centre.publish(
        3, feed.OperatorPublished(replace(OPERATOR, review=Review.REFUSED)), MEMBERS
    )
    pull(desk.agent())
    assert present(operator(desk)).review is Review.REFUSED
    desk.centre.publish_as(3, stricter.key, "operator", b'{"kind":"operator"}', MEMBERS)
    pull(desk.agent())  # what cannot be read takes nobody's place
    assert sorted(each.partition(":")[0] for each in problems(desk)) == ["malformed", "stricter-holds"]
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    assert present(operator(desk)).review is Review.UNDER_REVIEW
    desk.centre.remove(3, stricter.key, MEMBERS)
    pull(desk.agent())
    assert operator(desk) is None
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    assert present(operator(desk)).review is Review.UNDER_REVIEW


def test_what_a_centre_forgot_and_says_again_it_may_change(desk: Desk) -> None:
    put_back(desk)
    for review in (Review.APPROVED, Review.UNDER_REVIEW, Review.APPROVED):
        desk.centre.publish(3, feed.OperatorPublished(replace(OPERATOR, review=review)), MEMBERS)
        pull(desk.agent())
    assert operator(desk) == OPERATOR
    assert problems(desk) == []


@pytest.mark.parametrize("audience", [MEMBERS, OWN])
def test_a_row_that_staff_dismissed_is_forgotten_and_nothing_else_under_its_key(
    desk: Desk, audience: int
) -> None:
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), audience)
    pull(desk.agent())
    body = b'{"kind":"operator"}'
    unreadable = desk.centre.publish_as(3, "operator/11000001", "operator", body, audience)
    pull(desk.agent())
    (problem,) = problems(desk)
    assert problem.startswith("malformed")
    for other in (
        dismissal(ALL, unreadable.version),
        dismissal(audience, Version(1, 99)),
        replace(dismissal(audience, unreadable.version), rule="unreadable"),
        replace(dismissal(audience, unreadable.version), outcome="seen"),
    ):
        desk.centre.publish(3, other)
        pull(desk.agent())
        assert problems(desk) == [problem]
    desk.centre.publish(3, dismissal(audience, unreadable.version))
    pull(desk.agent())
    assert problems(desk) == []
    assert operator(desk) == OPERATOR


@pytest.mark.parametrize("subject", ["", "1", "1/1", "x/1.1"])
def test_a_dismissal_that_names_no_row_is_kept(desk: Desk, subject: str) -> None:
    body = replace(dismissal(OWN, Version(1, 1)), subject=subject)
    desk.centre.publish(3, body)
    pull(desk.agent())
    assert [each.partition(":")[0] for each in problems(desk)] == ["malformed"]


def test_where_a_certificate_stands_is_the_later_incarnations_word(desk: Desk) -> None:
    for desk.centre.incarnation, state in enumerate(
        (feed.RegisteredState.HELD, feed.RegisteredState.LISTED), 1
    ):
        desk.centre.rows.clear()  # the copy that was put back is from before
        desk.centre.publish(3, feed.CertificateRegistered(CERTIFICATE, "30000001", state))
        pull(desk.agent())
        with desk.database.read() as tx:
            assert present(tx.feed.registered(CERTIFICATE)).state is state
    assert problems(desk) == []


def test_a_removal_takes_away_what_its_key_named(desk: Desk) -> None:
    row = desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    desk.centre.remove(3, row.key, MEMBERS)
    pull(desk.agent())
    assert operator(desk) is None
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    assert operator(desk) == OPERATOR
