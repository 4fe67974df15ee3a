"""What the feed tells of orders and certificates: entered once, with all that belongs to an order together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.errors import DeskRefused
from kiosk.desk.orders.views import require_paid
from kiosk.desk.views.refusals import Refusal
from kiosk.domain import feed
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
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.ledger import CertificateStatus, OrderStatus
from kiosk.domain.versions import MEMBERS, NO_VERSION
from sync.agent.feed.pull import pull
from tests.support.memory_desk import Desk
from tests.support.taken_rows import OWN, problems
from tests.support.values import present

TOTAL = 50_000
UNKNOWN = "3-0002-6.000000000000"
CERTIFICATE = "0003000001000001"


def paid(order: str, transaction: str = "T1") -> feed.PaymentConfirmed:
    return feed.PaymentConfirmed(order, TOTAL, transaction, 1_795_327_600)


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
