from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderCancelled, OrderExpired
from kiosk.domain.feed_rows import FeedRow
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.policy import SignedPolicy
from kiosk.domain.versions import NO_VERSION, Version, audience_of_kiosk, fits
from kiosk.store.database import Database
from kiosk.store.transaction import Transaction
from sync.agent.errors import AnswerUnusable, CentreUnreachable
from sync.agent.feed.pull import pull, retry_kept, take_or_keep
from sync.agent.heartbeat import heartbeat
from sync.agent.positions import fork_known, raise_alarm
from sync.protocol.records import FeedPage, UnappliedNotice
from sync.protocol.rows import sign_row
from tests.support.memory_desk import Desk, NewDesk
from tests.support.values import present

TOTAL = 50_000
OWN = audience_of_kiosk(3)
TOMORROW = msgspec.Raw(b'{"kind":"of-tomorrow"}')


def confirmed(number: str, transaction: str = "T1", amount: int = TOTAL) -> feed.PaymentConfirmed:
    return feed.PaymentConfirmed(order=number, amount=amount, transaction=transaction, paid_at=1_795_327_600)


def kept(desk: Desk) -> list[str]:
    with desk.database.read() as tx:
        return [each.problem for each in tx.feed.rows.unapplied()]


def cursor(desk: Desk) -> int:
    with desk.database.read() as tx:
        return tx.feed.rows.cursor(audience_of_kiosk(desk.number)).stamp


def test_a_first_pull_takes_many_rows_in_by_few_transactions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        operator = Operator(str(11_000_000 + number), "91110000MA01A2B3C4", "李晓梅", Review.APPROVED, "")
        desk.centre.publish(3, feed.OperatorPublished(operator))
    begun, write = list[Database](), Database.write

    def counted(database: Database) -> AbstractContextManager[Transaction]:
        begun.append(database)
        return write(database)

    monkeypatch.setattr(Database, "write", counted)
    assert pull(desk.agent()).applied == 100
    assert len(begun) < 20


def test_members_staff_and_prices_are_taken_in(desk: Desk) -> None:
    enterprise = Enterprise("91110000MA01A2B3C4", "北京示例粮油贸易有限公司", "王建国", Review.APPROVED)
    operator = Operator("11000001", enterprise.code, "李晓梅", Review.APPROVED, "$argon2id$...")
    staff = StaffMember("林涛", Role.SUPERVISOR, "$argon2id$...")
    schedule = FeeSchedule(1, 0, 18_000, 12_000, 20_000)
    for body in (
        feed.EnterprisePublished(enterprise),
        feed.OperatorPublished(operator),
        feed.StaffPublished(staff),
        feed.FeeSchedulePublished(schedule),
    ):
        desk.centre.publish(3, body)
    report = pull(desk.agent())
    assert (report.applied, report.kept) == (4, 0)
    with desk.database.read() as tx:
        assert tx.members.enterprise(enterprise.code) == enterprise
        assert tx.members.operator("11000001") == operator
        assert tx.members.staff("林涛") == staff
        assert tx.feed.schedules() == (schedule,)


def test_a_payment_makes_the_order_paid_and_is_counted_once(desk: Desk) -> None:
    number = desk.place()
    desk.centre.publish(3, confirmed(number))
    assert pull(desk.agent()).applied == 1
    desk.centre.publish(3, confirmed(number))
    assert pull(desk.agent()).applied == 1
    order = desk.order(number)
    assert order.status is OrderStatus.PAID
    (payment,) = order.payments
    assert (payment.how, payment.feed, payment.transaction) == (PaidHow.FEED, f"payment/{number}/T1", "T1")


@pytest.mark.parametrize(
    "closing",
    [lambda number: OrderCancelled(number, "member"), OrderExpired],
    ids=["OrderCancelled", "OrderExpired"],
)
def test_money_for_a_closed_order_makes_it_refunding(desk: Desk, closing: Callable[[str], AnyBody]) -> None:
    number = desk.place()
    desk.append(closing(number))
    desk.centre.publish(3, confirmed(number))
    pull(desk.agent())
    assert desk.order(number).status is OrderStatus.REFUNDING
    desk.centre.publish(3, feed.RefundPaid(number, "R1", TOTAL))
    desk.centre.publish(3, feed.RefundPaid(number, "R1", TOTAL))
    pull(desk.agent())
    assert desk.order(number).status is OrderStatus.REFUNDED
    assert kept(desk) == []


def test_money_that_came_in_twice_and_went_back_is_told_in_the_journal_once(desk: Desk) -> None:
    number = desk.place()
    desk.centre.publish(3, confirmed(number))
    desk.centre.publish(3, confirmed(number, "T2"))
    pull(desk.agent())
    assert desk.order(number).surplus == TOTAL
    desk.centre.publish(3, feed.PaymentReturned(number, "T2", TOTAL))
    desk.centre.publish(3, feed.PaymentReturned(number, "T2", TOTAL))
    pull(desk.agent())
    order = desk.order(number)
    assert (order.status, order.surplus, order.returned) == (OrderStatus.PAID, 0, TOTAL)
    assert kept(desk) == []
    desk.centre.publish(3, feed.PaymentReturned(number, "T1", TOTAL))
    pull(desk.agent())
    assert desk.order(number).received == TOTAL
    assert len(kept(desk)) == 1


def test_a_refund_is_granted_for_a_paid_order_and_kept_for_another(desk: Desk) -> None:
    paid, placed = desk.place(), desk.place()
    desk.centre.publish(3, confirmed(paid))
    desk.centre.publish(3, feed.RefundRequested(paid, "1", "林涛", "会员要求退款"))
    desk.centre.publish(3, feed.RefundRequested(placed, "1", "林涛", "会员要求退款"))
    pull(desk.agent())
    assert desk.order(paid).status is OrderStatus.REFUNDING
    assert desk.order(placed).status is OrderStatus.PLACED
    assert [each.partition(":")[0] for each in kept(desk)] == ["order-in-another-state"]


def assigned(number: str, account: str = "11000006", handover: int = 1) -> feed.OrderAssignedHere:
    return feed.OrderAssignedHere(
        order=number,
        account=account,
        enterprise="湖北长江化肥有限公司",
        operator="何芳",
        order_kind=OrderKind.NEW,
        lines=(),
        schedule=1,
        placed_at=1_795_327_000,
        transaction="W1",
        paid_at=1_795_327_100,
        handover=handover,
    )


def test_an_order_assigned_here_is_paid_and_moves_away_again(desk: Desk) -> None:
    desk.centre.publish(3, assigned("0-web-1"))
    desk.centre.publish(3, assigned("0-web-1"))
    agent = desk.agent()
    pull(agent)
    assert desk.order("0-web-1").status is OrderStatus.PAID
    assert desk.order("0-web-1").owner == 3
    desk.centre.publish(3, feed.OrderMoved("0-web-1", 8, 2))
    desk.centre.publish(3, feed.OrderMoved("0-web-1", 8, 2))
    pull(agent)
    assert desk.order("0-web-1").owner == 8
    assert len(desk.hashes()) == 3
    assert kept(desk) == []


def test_an_order_that_was_let_go_is_not_given_to_a_third_kiosk_as_well(desk: Desk) -> None:
    desk.centre.publish(3, assigned("0-web-1"))
    desk.centre.publish(3, feed.OrderMoved("0-web-1", 8, 2))
    agent = desk.agent()
    pull(agent)
    desk.centre.publish(3, feed.OrderMoved("0-web-1", 9, 2))
    desk.centre.publish(3, feed.OrderMoved("0-web-1", 9, 3))
    pull(agent)
    assert desk.order("0-web-1").owner == 8
    assert kept(desk) == ["told-otherwise", "order-of-another-kiosk: 0-web-1 8"]


def test_an_assigned_renewal_knows_the_key_that_was_bound_elsewhere(desk: Desk) -> None:
    desk.centre.publish(3, feed.KeyBoundElsewhere("11000006", "0005000001000002", "A1", 10, 20))
    desk.centre.publish(3, assigned("0-web-1"))
    pull(desk.agent())
    out_of_use = feed.KeyBoundElsewhere("11000006", "0005000001000002", "A1", 10, 20, lost=True, revoked=True)
    desk.centre.publish(3, out_of_use)
    pull(desk.agent())
    previous = desk.order("0-web-1").previous
    assert (previous.number, previous.token_serial, previous.not_after) == ("0005000001000002", "A1", 20)
    with desk.database.read() as tx:
        assert present(tx.feed.key_elsewhere("11000006")).lost


def test_what_cannot_be_applied_is_kept_with_its_reason_and_the_cursor_moves_on(desk: Desk) -> None:
    number = desk.place()
    shipment = json.dumps({"kind": "shipment", "order": number, "carrier": "顺丰"}).encode()
    desk.centre.publish_as(3, "shipment/1", "shipment", shipment)
    desk.centre.publish_as(3, "payment/7/T1", "payment-confirmed", b'{"kind":"payment-confirmed","order":7}')
    desk.centre.publish_as(3, "payment/7/T2", "payment-confirmed", b"[1]")
    desk.centre.publish(3, confirmed("3-0999-0"))
    desk.centre.publish(3, confirmed(number, amount=1))
    huge = feed.FeeSchedulePublished(FeeSchedule(10**30, 0, 1, 1, 1))
    data = json.dumps(msgspec.to_builtins(huge)).encode()
    desk.centre.publish_as(3, "schedule/1/00", "fee-schedule", data)
    desk.centre.publish(3, confirmed(number, "T2"))
    report = pull(desk.agent())
    assert (report.applied, report.kept) == (1, 6)
    reasons = [each.partition(":")[0] for each in kept(desk)]
    assert reasons == [
        "unknown-kind",
        "malformed",
        "malformed",
        "order-unknown",
        "contradicts-record",
        "malformed",
    ]
    assert cursor(desk) == 7
    assert desk.order(number).status is OrderStatus.PAID
    with desk.database.read() as tx:
        assert bytes(tx.feed.rows.unapplied()[0].row.body) == shipment


def test_kept_money_is_applied_once_its_order_is_known(desk: Desk) -> None:
    agent = desk.agent()
    with desk.database.read() as tx:
        place = tx.next_tip()
    for body in (
        confirmed("3-0002-6.000000000000"),
        confirmed("3-0002-6.000000000000", "T2"),
        feed.PaymentReturned("3-0002-6.000000000000", "T2", TOTAL),
    ):
        desk.centre.publish(3, body)
    pull(agent)
    assert retry_kept(agent) == 0
    number = desk.place()
    assert (place.sequence, number) == (2, "3-0002-6.000000000000")
    assert retry_kept(agent) == 3
    assert (desk.order(number).status, desk.order(number).surplus) == (OrderStatus.PAID, 0)
    assert kept(desk) == []


def test_an_order_paid_elsewhere_is_taken_once_the_members_unpaid_one_here_has_ended(desk: Desk) -> None:
    agent = desk.agent()
    own = desk.place("11000006")
    desk.centre.publish(3, assigned("0-web-1"))
    pull(agent)
    assert [each.partition(":")[0] for each in kept(desk)] == ["contradicts-record"]
    assert retry_kept(agent) == 0
    with desk.database.write() as tx:
        tx.append(OrderExpired(own), desk.clock)
    assert retry_kept(agent) == 1
    assert (desk.order("0-web-1").status, desk.order("0-web-1").owner) == (OrderStatus.PAID, 3)
    assert (kept(desk), retry_kept(agent)) == ([], 0)


@pytest.mark.parametrize(
    ("then", "ends"),
    [
        (feed.OrderMoved("0-web-1", 8, 2), (8, OrderStatus.PAID)),
        (feed.RefundRequested("0-web-1", "1", "林涛", "不要了"), (3, OrderStatus.REFUNDING)),
    ],
)
def test_a_kept_order_that_moved_on_or_is_given_back_is_taken_and_let_go_in_one_step(
    desk: Desk, then: Any, ends: tuple[int, OrderStatus]
) -> None:
    agent = desk.agent()
    own = desk.place("11000006")
    desk.centre.publish(3, assigned("0-web-1"))
    desk.centre.publish(3, then)
    pull(agent)
    with desk.database.write() as tx:
        tx.append(OrderExpired(own), desk.clock)
    assert retry_kept(agent) == 2
    assert (desk.order("0-web-1").owner, desk.order("0-web-1").status) == ends
    assert kept(desk) == []


def test_a_policy_counts_only_with_the_centres_signature_over_its_exact_bytes(desk: Desk) -> None:
    agent = desk.agent()
    good = desk.centre.policy(3, serial=2)
    raised = good.policy.replace(b'"unsynced_certificates":200', b'"unsynced_certificates":900')
    assert raised != good.policy
    desk.centre.publish(3, feed.PolicyPublished(SignedPolicy(raised, good.signature)))
    desk.centre.publish(3, feed.PolicyPublished(desk.centre.policy(4, serial=9)))
    pull(agent)
    with desk.database.read() as tx:
        assert present(tx.feed.signed_policy()).read().number == 1
    desk.centre.publish(3, feed.PolicyPublished(good))
    desk.centre.publish(3, feed.PolicyPublished(desk.centre.policy(3, serial=1)))
    pull(agent)
    with desk.database.read() as tx:
        assert tx.feed.signed_policy() == good
    assert [each.partition(":")[0] for each in kept(desk)] == [
        "signature-wrong",
        "for-another-kiosk",
        "superseded",
    ]


def test_matters_are_shown_until_they_are_decided(desk: Desk) -> None:
    agent = desk.agent()
    matter = feed.MatterPublished("price-differs", "3-0005-1", "11000001", 5)
    desk.centre.publish(3, matter)
    pull(agent)
    with desk.database.read() as tx:
        assert tx.feed.matters() == (matter,)
    desk.centre.publish(3, replace(matter, outcome="accepted"))
    pull(agent)
    with desk.database.read() as tx:
        assert tx.feed.matters() == ()


def test_a_kept_row_is_told_by_the_heartbeat_until_the_centre_removes_it(desk: Desk) -> None:
    agent = desk.agent()
    row = desk.centre.publish(3, confirmed("3-9999-9"))
    pull(agent)
    heartbeat(agent)
    told = UnappliedNotice(audience_of_kiosk(3), "payment/3-9999-9/T1", "order-unknown: 3-9999-9")
    assert desk.memory.heartbeats.pop().kept == (told,)
    desk.centre.remove(3, row.key)
    pull(agent)
    assert kept(desk) == []
    heartbeat(agent)
    assert desk.memory.heartbeats.pop().kept == ()


def test_a_fork_s_alarm_that_staff_closed_is_gone_and_other_matters_stay(desk: Desk) -> None:
    agent = desk.agent()
    with desk.database.write() as tx:
        raise_alarm(tx, 7)
    desk.centre.publish(3, feed.MatterPublished("unreadable", "3/1/5", "", 5))
    desk.centre.publish(3, feed.MatterPublished(feed.FORK_RULE, "9", "", 0, feed.FORK_CLOSED))
    pull(agent)
    with desk.database.read() as tx:
        assert [each.sequence for each in tx.feed.matters()] == [5]
        assert not fork_known(tx)


@pytest.mark.parametrize("fault", ["cut", "lost", "garbage", "truncated", "broken"])
def test_a_feed_that_fails_is_asked_again_from_the_same_place(desk: Desk, fault: str) -> None:
    number = desk.place()
    desk.centre.publish(3, confirmed(number))
    agent = desk.agent()
    desk.faulty.faults = [fault]
    with pytest.raises((CentreUnreachable, AnswerUnusable)):
        pull(agent)
    assert cursor(desk) == 0
    pull(agent)
    assert len(desk.order(number).payments) == 1


def test_many_items_come_in_pages(desk: Desk) -> None:
    for serial in range(1, 46):
        desk.centre.publish(3, feed.FeeSchedulePublished(FeeSchedule(serial, 0, 1, 1, 1)))
    assert pull(desk.agent()).applied == 45
    assert cursor(desk) == 45


def test_two_kiosks_have_feeds_of_their_own(desk: Desk, new_desk: NewDesk) -> None:
    other = new_desk(4)
    other.enrol()
    mine, theirs = desk.place(), other.place()
    desk.centre.publish(3, confirmed(mine))
    pull(desk.agent())
    pull(other.agent())
    assert desk.order(mine).status is OrderStatus.PAID
    assert other.order(theirs).status is OrderStatus.PLACED


def test_a_feed_that_comes_again_adds_nothing_to_the_journal(desk: Desk) -> None:
    number = desk.place()
    for body in (
        confirmed(number),
        assigned("0-web-1"),
        feed.OrderMoved("0-web-1", 8, 2),
        assigned("0-web-1", handover=3),
        feed.OrderMoved("0-web-1", 9, 4),
        confirmed(number, "T2"),
        feed.PaymentReturned(number, "T2", TOTAL),
        feed.RefundRequested(number, "1", "林涛", "会员要求退款"),
        feed.RefundPaid(number, "R1", TOTAL),
    ):
        desk.centre.publish(3, body)
    agent = desk.agent()
    pull(agent)
    before = desk.hashes()
    assert len(before) == 11
    with desk.database.write() as tx:
        tx.feed.rows.leave(())  # as after a lost machine was replaced
    pull(agent)
    assert desk.hashes() == before
    assert desk.order("0-web-1").owner == 9
    assert kept(desk) == []


def page_of(desk: Desk, *versions: Version, base: Version = NO_VERSION, audience: int = OWN) -> FeedPage:
    rows = [
        FeedRow(audience, f"of-tomorrow/{at}", version, base, "of-tomorrow", TOMORROW)
        for at, version in enumerate(versions)
    ]
    signed = tuple(sign_row(row, desk.centre.key) if fits(row.version) else row for row in rows)
    return FeedPage(signed, {audience: Version(1, 9)}, more=True)


@pytest.mark.parametrize("stamps", [(5, 5), (7, 6), (0,), (-1,), (2**63,), (2**70,)])
def test_a_feed_whose_versions_do_not_rise_is_not_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stamps: tuple[int, ...]
) -> None:
    agent = desk.agent()
    page = page_of(desk, *(Version(1, stamp) for stamp in stamps))
    monkeypatch.setattr(agent.centre, "feed", lambda *_: page)
    with pytest.raises(AnswerUnusable):
        pull(agent)
    assert (cursor(desk), kept(desk)) == (0, [])


@pytest.mark.parametrize("audience", [audience_of_kiosk(4), 7, -1])
def test_rows_for_others_are_not_believed(desk: Desk, monkeypatch: pytest.MonkeyPatch, audience: int) -> None:
    agent = desk.agent()
    page = page_of(desk, Version(1, 5), audience=audience)
    monkeypatch.setattr(agent.centre, "feed", lambda *_: page)
    with pytest.raises(AnswerUnusable):
        pull(agent)
    monkeypatch.setattr(agent.centre, "feed", lambda *_: replace(page, heads={OWN: Version(1, 9)}))
    with pytest.raises(AnswerUnusable):
        pull(agent)


def test_a_row_that_the_centre_did_not_sign_is_not_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = desk.agent()
    page = page_of(desk, Version(1, 5), Version(1, 6))
    forged = replace(page.rows[1], signature=page.rows[0].signature)
    monkeypatch.setattr(agent.centre, "feed", lambda *_: replace(page, rows=(page.rows[0], forged)))
    with pytest.raises(AnswerUnusable):
        pull(agent)
    assert (cursor(desk), kept(desk)) == (0, [])


def test_a_row_without_bottom_is_kept_and_the_cursor_moves_on(desk: Desk) -> None:
    deep = b'{"kind":"policy","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    agent = desk.agent()
    pull(agent)
    row = FeedRow(OWN, "policy/1/00", Version(1, 1), NO_VERSION, "policy", msgspec.Raw(deep))
    assert [kept for kept, _ in take_or_keep(agent, [row], {OWN: Version(1, 0)})] == [row]
    assert (cursor(desk), len(kept(desk))) == (1, 1)
