"""Whose rows a kiosk reads: an audience that it enters is read from zero to its head, one that it leaves is gone at once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from kiosk.domain import feed
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.fees import OrderKind
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.versions import ALL, MEMBERS, Version
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.feed_rows import FeedRowTable
from sync.agent.errors import CentreUnreachable
from sync.agent.feed.pull import pull
from sync.agent.feed.taking import drop_left
from tests.support.memory_desk import Desk
from tests.support.taken_rows import OPERATOR, OWN, is_whole, known, operator, problems

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


def test_another_incarnation_is_read_from_zero_and_drops_nothing_for_being_absent(desk: Desk) -> None:
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    desk.centre.publish(3, feed.StaffPublished(StaffMember("林涛", Role.STAFF, "$")), ALL)
    pull(desk.agent())
    desk.centre.rows.clear()
    desk.centre.incarnation = 2
    desk.centre.heads[ALL] = 0
    desk.centre.publish(3, feed.StaffPublished(StaffMember("王芳", Role.STAFF, "$")), ALL)
    pull(desk.agent())
    with desk.database.read() as tx:
        assert [each.name for each in tx.members.all_staff()] == ["林涛", "王芳"]
        assert tx.feed.rows.cursor(ALL) == Version(2, 1)
    assert operator(desk) == OPERATOR


def test_what_an_audience_told_is_gone_when_the_kiosk_leaves_it(desk: Desk) -> None:
    firm = Enterprise("9111", "企业", "王", Review.APPROVED)
    for body in (feed.EnterprisePublished(firm), feed.OperatorPublished(OPERATOR)):
        desk.centre.publish(3, body, MEMBERS)
    desk.centre.publish(3, feed.KeyBoundElsewhere("11000001", "0005", "A1", 1, 2), MEMBERS)
    pull(desk.agent())
    desk.centre.publish(3, feed.EnterprisePublished(firm))
    desk.centre.publish(3, feed.AudiencesPublished((ALL, OWN)))
    desk.memory.audiences.remove(MEMBERS)
    pull(desk.agent())
    with desk.database.read() as tx:
        assert tx.members.enterprise("9111") == firm
        assert tx.members.operator("11000001") is None
        assert tx.feed.key_elsewhere("11000001") is None
        assert set(tx.feed.rows.cursors()) == {ALL, OWN}
    assert is_whole(desk)


def members(desk: Desk, count: int, start: int = 0) -> None:
    for serial in range(start, start + count):
        member = Operator(f"2{serial:07d}", "9111", "李", Review.APPROVED, "$")
        desk.centre.publish(3, feed.OperatorPublished(member), MEMBERS)


def serve_all(desk: Desk, *, serves_all: bool) -> None:
    """Let the kiosk serve all members, or none."""
    desk.memory.audiences = [ALL, MEMBERS, OWN] if serves_all else [ALL, OWN]
    desk.centre.publish(3, feed.AudiencesPublished(tuple(desk.memory.audiences)))


def test_nothing_of_an_audience_is_in_force_from_the_moment_that_it_is_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = feed.KeyBoundElsewhere("20000001", "0005", "A1", 1, 2)
    open_orders = feed.OpenOrdersPublished("20000001", (feed.OpenOrder("4-1", OrderKind.NEW, 4, 9),))
    firm = feed.EnterprisePublished(Enterprise("9111", "企业", "王", Review.APPROVED))
    members(desk, 3)
    for body in (firm, key, open_orders):
        desk.centre.publish(3, body, MEMBERS)
    pull(desk.agent())
    desk.centre.publish(3, firm)
    serve_all(desk, serves_all=False)
    with monkeypatch.context() as killed:
        killed.setattr("sync.agent.feed.pull.leave_on", lambda *_: None)
        pull(desk.agent())
    monkeypatch.setattr("sync.agent.feed.pull.LEFT_AT_ONCE", 2)
    left = []

    def looked(tx: Transaction, most: int) -> bool:
        assert not tx.feed.rows.is_whole()
        assert tx.members.enterprise("9111") == firm.enterprise
        assert tx.members.operator("20000001") is None
        assert tx.members.operators_of("9111") == ()
        assert tx.feed.key_elsewhere("20000001") is None
        assert tx.feed.open_orders("20000001") == ()
        left.append(tx.members.counts().operators)
        if len(left) == 2:
            raise KeyboardInterrupt
        return drop_left(tx, most)

    monkeypatch.setattr("sync.agent.feed.pull.drop_left", looked)
    with pytest.raises(KeyboardInterrupt):
        pull(desk.agent())
    pull(desk.agent())
    assert left == [3, 3, 3, 2, 0]
    assert (known(desk), is_whole(desk)) == (0, True)
    with desk.database.read() as tx:
        assert tx.members.enterprise("9111") == firm.enterprise
        assert tx.feed.key_elsewhere("20000001") is None


@pytest.mark.parametrize("news", [0, 1])
def test_a_page_that_another_agent_overtook_passes_no_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, news: int
) -> None:
    """Between one agent's question and its answer another leaves the audience, and begins it again from zero."""
    members(desk, 45)
    pull(desk.agent())
    members(desk, news, 45)
    first = desk.agent()
    asked = first.centre.feed

    def overtaken(cursors: dict[int, Version], wait: int) -> object:
        page = asked(cursors, wait)
        monkeypatch.setattr(first.centre, "feed", asked)
        serve_all(desk, serves_all=False)
        pull(desk.agent())
        serve_all(desk, serves_all=True)
        desk.faulty.faults = ["", "cut"]
        with pytest.raises(CentreUnreachable):
            pull(desk.agent())
        assert known(desk) == 20
        return page

    monkeypatch.setattr(first.centre, "feed", overtaken)
    pull(first)
    assert (known(desk), is_whole(desk)) == (20, False)
    pull(desk.agent())
    assert (known(desk), is_whole(desk)) == (45 + news, True)


def test_an_audience_that_another_agent_began_is_not_begun_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    members(desk, 3)
    first = desk.agent()
    asked = first.centre.feed

    def overtaken(cursors: dict[int, Version], wait: int) -> object:
        page = asked(cursors, wait)
        monkeypatch.setattr(first.centre, "feed", asked)
        pull(desk.agent())
        desk.centre.incarnation = 2
        pull(desk.agent())
        return page

    monkeypatch.setattr(first.centre, "feed", overtaken)
    pull(first)
    with desk.database.read() as tx:
        assert tx.feed.rows.cursor(MEMBERS) == Version(2, 3)
    assert (known(desk), is_whole(desk)) == (3, True)


def test_a_disk_that_is_full_in_the_middle_of_a_pull_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for serial in range(45):
        member = Operator(f"2{serial:07d}", "9111", "李", Review.APPROVED, "$" * 9_000)
        desk.centre.publish(3, feed.OperatorPublished(member), MEMBERS)
    put, puts = FeedRowTable.put, list[FeedRow]()

    def onto_a_full_disk(self: FeedRowTable, row: FeedRow) -> None:
        puts.append(row)
        if len(puts) == 30:
            (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
            self._connection.execute(f"PRAGMA max_page_count = {pages}")
        put(self, row)

    monkeypatch.setattr(FeedRowTable, "put", onto_a_full_disk)
    with pytest.raises(DiskFull):
        pull(desk.agent())
    assert (known(desk), is_whole(desk)) == (20, False)
    pull(desk.agent())
    assert (known(desk), is_whole(desk), problems(desk)) == (45, True, [])


@pytest.mark.parametrize("at", [1, 20, 21, 33, 45])
def test_an_agents_process_that_is_killed_in_the_middle_of_a_pull_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    members(desk, 45)
    put, puts = FeedRowTable.put, list[FeedRow]()

    def killed(self: FeedRowTable, row: FeedRow) -> None:
        put(self, row)
        puts.append(row)
        if len(puts) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        try:
            monkeypatch.setattr(FeedRowTable, "put", killed)
            desk.database = Database.open(desk.directory / "keydesk.db", bytes(range(32)))
            pull(desk.agent())
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert (known(desk), is_whole(desk)) == ((at - 1) // 20 * 20, False)
    pull(desk.agent())
    assert (known(desk), is_whole(desk), problems(desk)) == (45, True, [])


@pytest.mark.parametrize("left", [10, 25])
def test_a_reading_from_zero_ends_at_the_head_of_a_centre_that_was_put_back(desk: Desk, left: int) -> None:
    members(desk, 45)
    desk.faulty.faults = ["", "cut"]
    with pytest.raises(CentreUnreachable):
        pull(desk.agent())
    assert (known(desk), is_whole(desk)) == (20, False)
    desk.centre.rows = {place: row for place, row in desk.centre.rows.items() if row.version.stamp <= left}
    desk.centre.heads[MEMBERS] = left
    pull(desk.agent())
    assert (known(desk), is_whole(desk)) == (max(20, left), True)


def test_an_audience_is_left_whose_reading_was_begun_before_the_kiosk_heard_of_it(desk: Desk) -> None:
    desk.memory.audiences.remove(MEMBERS)
    desk.centre.publish(3, feed.AudiencesPublished((ALL, OWN)))
    pull(desk.agent())
    for serial in range(45):
        member = Operator(f"2{serial:07d}", "9111", "李", Review.APPROVED, "$")
        desk.centre.publish(3, feed.OperatorPublished(member), MEMBERS)
    desk.memory.audiences.insert(1, MEMBERS)
    desk.centre.publish(3, feed.AudiencesPublished((ALL, MEMBERS, OWN)))
    desk.faulty.faults = ["", "cut"]
    with pytest.raises(CentreUnreachable):
        pull(desk.agent())
    assert not is_whole(desk)
    desk.memory.audiences.remove(MEMBERS)
    desk.centre.publish(3, feed.AudiencesPublished((ALL, OWN)))  # as the kiosk holds it
    pull(desk.agent())
    with desk.database.read() as tx:
        assert set(tx.feed.rows.cursors()) == {ALL, OWN}
        assert tx.members.operator("20000000") is None
    assert is_whole(desk)


def test_an_audience_that_is_read_from_zero_is_not_whole_before_its_head(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_whole(desk)
    for serial in range(45):
        member = Operator(f"2{serial:07d}", "9111", "李", Review.APPROVED, "$")
        desk.centre.publish(3, feed.OperatorPublished(member), MEMBERS)
    agent = desk.agent()
    asked = agent.centre.feed
    seen = []

    def watched(cursors: dict[int, Version], wait: int) -> object:
        seen.append(is_whole(desk))
        return asked(cursors, wait)

    monkeypatch.setattr(agent.centre, "feed", watched)
    pull(agent)
    assert (seen, is_whole(desk)) == ([False, False, False], True)
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(agent)
    assert seen[3]
