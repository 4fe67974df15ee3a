"""Rows of the feed at a kiosk: merged by version, applied once, by order together, and gone with their audience."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import require_paid
from kiosk.desk.views.refusals import Refusal
from kiosk.domain import feed
from kiosk.domain.dismissals import dismissal
from kiosk.domain.entries.bindings import (
    BindingStarted,
    Bound,
    CertificateIssued,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.orders import OrderExpired
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.versions import ALL, MEMBERS, NO_VERSION, Version, audience_of_kiosk
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.feed_rows import FeedRowTable
from sync.agent.errors import CentreUnreachable
from sync.agent.feed.pull import pull
from sync.agent.feed.taking import drop_left
from tests.support.memory_centre import Desk
from tests.support.values import present

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction

TOTAL = 50_000
OWN = audience_of_kiosk(3)
UNKNOWN = "3-0002-6.000000000000"
CERTIFICATE = "0003000001000001"
OPERATOR = Operator("11000001", "9111", "李晓梅", Review.APPROVED, "$argon2id$1")


def paid(order: str, transaction: str = "T1") -> feed.PaymentConfirmed:
    return feed.PaymentConfirmed(order, TOTAL, transaction, 1_795_327_600)


def problems(desk: Desk) -> list[str]:
    with desk.database.read() as tx:
        return [each.problem for each in tx.feed.rows.unapplied()]


def operator(desk: Desk) -> Operator | None:
    with desk.database.read() as tx:
        return tx.members.operator("11000001")


def is_whole(desk: Desk) -> bool:
    with desk.database.read() as tx:
        return tx.feed.rows.is_whole()


def bound(desk: Desk) -> str:
    order = desk.place()
    desk.centre.publish(3, paid(order))
    pull(desk.agent())
    for body in (
        BindingStarted(order, 1, "E8AD65", "gmt", "sm2"),
        KeyPairMade(order, 1, b"\x04" + bytes(64)),
        CertificateIssued(order, 1, CERTIFICATE, b"DER", 1, 2, 1),
        CertificateWritten(order, 1),
        CertificateProved(order, 1, b"c", b"s"),
        Bound(order, 1),
    ):
        desk.append(body)
    return order


def decision(order: str, what: Decision) -> feed.RegisterDecision:
    account = "30000001"
    return feed.RegisterDecision(CERTIFICATE, 7, account, order, what, "林涛", "本人要求")


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


def test_a_removal_takes_away_what_its_key_named(desk: Desk) -> None:
    row = desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
    desk.centre.remove(3, row.key, MEMBERS)
    pull(desk.agent())
    assert operator(desk) is None
    desk.centre.publish(3, feed.OperatorPublished(OPERATOR), MEMBERS)
    pull(desk.agent())
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


def known(desk: Desk) -> int:
    with desk.database.read() as tx:
        return tx.members.counts().operators


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


def test_rows_that_waited_for_their_order_are_judged_together(desk: Desk) -> None:
    agent = desk.agent()
    for body in (
        feed.RefundPaid(UNKNOWN, "R1", TOTAL),
        feed.RefundRequested(UNKNOWN, "7", "林涛", "退款"),
        feed.PaymentReturned(UNKNOWN, "T2", TOTAL),
        paid(UNKNOWN, "T2"),
        paid(UNKNOWN),
    ):
        desk.centre.publish(3, body)
    pull(agent)
    assert problems(desk) == [f"order-unknown: {UNKNOWN}"] * 5
    order = desk.place()
    assert order == UNKNOWN
    desk.centre.publish(3, paid(UNKNOWN, "T3"))
    pull(agent)
    made = desk.order(order)
    assert made.status is OrderStatus.REFUNDING, "two payments stay, so that the refund of one does not fit"
    assert [each.returned for each in made.payments] == [False, False, True]
    assert [each.partition(":")[0] for each in problems(desk)] == ["contradicts-record"]


@pytest.mark.parametrize("assigned_last", [False, True], ids=["assigned-first", "assigned-last"])
def test_an_order_comes_with_all_the_money_that_others_were_told_of(
    desk: Desk, *, assigned_last: bool
) -> None:
    order = "4-0002-6.000000000000"
    lines = (PriceLine(FeeItem.SERVICE, TOTAL),)
    given = feed.OrderAssignedHere(
        order, "30000001", "示例贸易有限公司", "李晓梅", OrderKind.NEW, lines, 1, 1_795_327_000, "T1",
        1_795_327_600, 1,
    )  # fmt: skip
    money: list[feed.KeyedBody] = [
        paid(order),
        feed.PaymentReturned(order, "T2", TOTAL),
        paid(order, "T2"),
        paid(order, "T3"),
    ]
    for body in (*money, given) if assigned_last else (given, *money):
        desk.centre.publish(3, body)
        pull(desk.agent())
    made, before = desk.order(order), desk.hashes()
    assert {each.transaction: each.returned for each in made.payments} == {
        "T1": False,
        "T2": True,
        "T3": False,
    }
    assert (len(made.payments), made.received, problems(desk)) == (3, 2 * TOTAL, [])
    desk.centre.publish(3, feed.RefundRequested(order, "7", "林涛", "退款"))
    desk.centre.publish(3, feed.RefundPaid(order, "R1", 2 * TOTAL))
    pull(desk.agent())
    assert desk.order(order).status is OrderStatus.REFUNDED
    assert (len(desk.hashes()) - len(before), problems(desk)) == (2, [])


def test_a_row_that_the_journal_repeats_is_not_entered_again(desk: Desk) -> None:
    order = desk.place()
    desk.centre.publish(3, paid(order))
    desk.centre.publish(3, feed.RefundRequested(order, "7", "林涛", "退款"))
    pull(desk.agent())
    before = desk.hashes()
    with desk.database.write() as tx:
        tx.feed.rows.leave(())  # as after the tables were lost and the journal was pulled back
    pull(desk.agent())
    assert (desk.hashes(), problems(desk)) == (before, [])


def test_another_fact_under_a_key_that_the_journal_repeats_is_kept(desk: Desk) -> None:
    order = desk.place()
    desk.centre.publish(3, paid(order))
    pull(desk.agent())
    before = desk.hashes()
    with desk.database.write() as tx:
        tx.feed.rows.leave(())
    desk.centre.publish(3, replace(paid(order), paid_at=1_795_327_999))
    pull(desk.agent())
    assert (desk.hashes(), problems(desk)) == (before, ["told-otherwise: 3"])


@pytest.mark.parametrize("what", [Decision.LIST, Decision.KEEP])
def test_a_decision_that_leaves_the_certificate_is_entered_and_changes_nothing(
    desk: Desk, what: Decision
) -> None:
    order = bound(desk)
    desk.centre.publish(3, decision(order, what))
    pull(desk.agent())
    with desk.database.read() as tx:
        (last,) = tx.journal.entries(tx.journal.count() - 1)
        assert present(tx.ledger.certificate(CERTIFICATE)).status is CertificateStatus.VALID
    assert isinstance(last.entry.body, RegisterDecided)
    assert last.entry.body.feed == f"register-decided/{CERTIFICATE}/7"
    assert desk.order(order).status is OrderStatus.BOUND


def test_money_of_a_bound_order_goes_back_once_its_key_is_out_of_use_by_decision(desk: Desk) -> None:
    order = bound(desk)
    asked = feed.RefundRequested(order, "7", "林涛", "退款")
    desk.centre.publish(3, asked)
    pull(desk.agent())
    assert problems(desk) == [f"order-in-another-state: {order} bound"]
    desk.centre.publish(3, decision(order, Decision.REVOKE))
    desk.centre.publish(3, replace(asked, decision="8"))
    pull(desk.agent())
    assert desk.order(order).status is OrderStatus.REFUNDING
    with desk.database.read() as tx:
        assert present(tx.ledger.certificate(CERTIFICATE)).status is CertificateStatus.REVOKED
    desk.centre.publish(3, feed.RefundPaid(order, "R1", TOTAL))
    pull(desk.agent())
    assert (desk.order(order).status, problems(desk)) == (OrderStatus.REFUNDED, [])


def test_an_order_whose_money_is_back_is_over_though_this_kiosk_was_not_asked(desk: Desk) -> None:
    order = desk.place()
    desk.centre.publish(3, feed.RefundPaid(order, "R1", TOTAL))
    pull(desk.agent())
    assert problems(desk) == [f"contradicts-record: order-in-another-state {order}"]
    desk.centre.publish(3, paid(order))
    pull(desk.agent())
    assert (desk.order(order).status, problems(desk)) == (OrderStatus.REFUNDED, [])
    with pytest.raises(DeskRefused) as refused:
        require_paid(desk.order(order))
    assert refused.value.reason is Refusal.ORDER_REFUNDING
    with desk.database.read() as tx:
        assert tx.ledger.open_orders_of(present(tx.ledger.order(order)).account) == ()


def test_a_decision_about_a_certificate_that_is_not_known_waits(desk: Desk) -> None:
    desk.centre.publish(3, decision("", Decision.REVOKE))
    desk.centre.publish(3, feed.RevocationPublished("0003000001000009", "11000001", "lost"))
    pull(desk.agent())
    assert problems(desk) == [
        f"certificate-unknown: {CERTIFICATE}",
        "certificate-unknown: 0003000001000009",
    ]


def test_where_a_certificate_stands_and_what_is_open_elsewhere_is_the_last_that_came(desk: Desk) -> None:
    held = feed.CertificateRegistered(CERTIFICATE, "30000001", feed.RegisteredState.HELD, ("0005",))
    desk.centre.publish(3, held)
    desk.centre.publish(3, feed.OpenOrdersPublished("30000001", ()), MEMBERS)
    pull(desk.agent())
    with desk.database.read() as tx:
        assert tx.feed.registered(CERTIFICATE) == held
        assert tx.feed.registered("0003000001000009") is None
        assert tx.feed.open_orders("30000001") == ()
    desk.centre.publish(3, replace(held, state=feed.RegisteredState.LISTED, obstacles=()))
    pull(desk.agent())
    with desk.database.read() as tx:
        assert present(tx.feed.registered(CERTIFICATE)).state is feed.RegisteredState.LISTED


def test_a_row_is_not_taken_for_one_of_another_key(desk: Desk) -> None:
    order = desk.place()
    body = b'{"kind":"payment-confirmed","order":"%s","amount":50000,"transaction":"T1","paid_at":1}'
    desk.centre.publish_as(3, f"payment/{order}/T9", "payment-confirmed", body.replace(b"%s", order.encode()))
    desk.append(OrderExpired(order))
    pull(desk.agent())
    assert problems(desk) == [f"malformed: payment/{order}/T9"]
    assert desk.order(order).payments == ()
    with desk.database.read() as tx:
        assert tx.feed.rows.cursor(OWN) > NO_VERSION
