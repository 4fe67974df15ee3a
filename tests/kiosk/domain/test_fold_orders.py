"""The fold of orders: money in every state, refunds, moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain.entries.bindings import (
    BindingAbandoned,
    BindingStarted,
    Bound,
    CertificateProved,
    CertificateWritten,
    KeyPairMade,
)
from kiosk.domain.entries.orders import (
    OrderAssigned,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.errors import EntryRefused
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus, OrderStatus, PaidHow
from kiosk.domain.ledger_fold import bound_event, fold_entry
from kiosk.domain.remarks import RemarkReason

if TYPE_CHECKING:
    from tests.support.journal import Journal

KIOSK, OTHER_KIOSK = 3, 4
YEAR = 365 * 86400
ACCOUNTS = ("11000001", "11000002")
POINT = b"\x04" + bytes(64)


def in_every_state(journal: Journal) -> dict[OrderStatus, str]:
    """An order in each state, each of an account of its own."""
    orders = {status: journal.place(account=f"2200000{n}") for n, status in enumerate(OrderStatus)}
    journal.add(OrderCancelled(orders[OrderStatus.CANCELLED], "member"))
    journal.add(OrderExpired(orders[OrderStatus.EXPIRED]))
    paid = (OrderStatus.PAID, OrderStatus.BOUND, OrderStatus.REFUNDING, OrderStatus.REFUNDED)
    for status in paid:
        journal.pay(orders[status])
    journal.bind(orders[OrderStatus.BOUND], "T1")
    for status in (OrderStatus.REFUNDING, OrderStatus.REFUNDED):
        journal.add(RefundGranted(orders[status], "林涛", "asked"))
    journal.add(RefundCompleted(orders[OrderStatus.REFUNDED], 35_000, "row/4"))
    assert {status: journal.ledger.orders[number].status for status, number in orders.items()} == {
        status: status for status in OrderStatus
    }
    return orders


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OrderStatus.PLACED, OrderStatus.PAID),
        (OrderStatus.PAID, OrderStatus.PAID),
        (OrderStatus.BOUND, OrderStatus.BOUND),
        (OrderStatus.CANCELLED, OrderStatus.REFUNDING),
        (OrderStatus.EXPIRED, OrderStatus.REFUNDING),
        (OrderStatus.REFUNDING, OrderStatus.REFUNDING),
        (OrderStatus.REFUNDED, OrderStatus.REFUNDED),
    ],
)
def test_money_is_taken_in_every_state(journal: Journal, before: OrderStatus, after: OrderStatus) -> None:
    number = in_every_state(journal)[before]
    noticed = len(journal.ledger.orders[number].payments)
    journal.pay(number, PaidHow.FEED, "t9")
    assert journal.ledger.orders[number].status is after
    assert len(journal.ledger.orders[number].payments) == noticed + 1


NOTICES = st.tuples(st.sampled_from(PaidHow), st.sampled_from((None, "t1", "t2")))


@given(
    notices=st.lists(NOTICES, min_size=1, max_size=5).flatmap(
        lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))
    ),
    before=st.sampled_from(OrderStatus),
)
def test_payments_commute(
    make_journal: Callable[[bool], Journal],
    notices: tuple[list[tuple[PaidHow, str | None]], list[tuple[PaidHow, str | None]]],
    before: OrderStatus,
) -> None:
    ends = []
    for order_of_arrival in notices:
        journal = make_journal(False)  # noqa: FBT003 - not the centre's
        number = in_every_state(journal)[before]
        for how, transaction in order_of_arrival:
            journal.pay(number, how, transaction)
        order = journal.ledger.orders[number]
        ends.append((order.status, order.received, journal.ledger.register(order.account)))
    assert ends[0] == ends[1]


def test_one_payment_told_by_code_and_by_feed_counts_once(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number, PaidHow.CODE)
    journal.pay(number, PaidHow.FEED, "t1")
    journal.pay(number, PaidHow.FEED, "t1")
    assert journal.ledger.orders[number].received == 35_000
    journal.pay(number, PaidHow.FEED, "t2")
    assert journal.ledger.orders[number].received == 70_000


@pytest.mark.parametrize("bound", [False, True])
def test_what_came_in_twice_goes_back_alone_and_once(
    journal: Journal,
    bound: bool,  # noqa: FBT001 - the parameter
) -> None:
    number = journal.place()
    journal.pay(number, PaidHow.CODE)
    journal.pay(number, PaidHow.FEED, "t1")
    assert journal.ledger.orders[number].surplus == 0
    journal.pay(number, PaidHow.FEED, "t2")
    if bound:
        journal.bind(number, "T1")
    status = journal.ledger.orders[number].status
    assert journal.ledger.orders[number].surplus == 35_000
    assert journal.refuses(SurplusReturned(number, "t3", 35_000, "row/7")) is RemarkReason.AMOUNT_DIFFERS
    assert journal.refuses(SurplusReturned(number, "t2", 34_999, "row/7")) is RemarkReason.AMOUNT_DIFFERS
    journal.add(SurplusReturned(number, "t2", 35_000, "row/7"))
    order = journal.ledger.orders[number]
    assert (order.status, order.received, order.surplus, order.returned) == (status, 35_000, 0, 35_000)
    assert journal.refuses(SurplusReturned(number, "t2", 35_000, "row/8")) is RemarkReason.AMOUNT_DIFFERS
    last = SurplusReturned(number, "t1", 35_000, "row/8")
    assert journal.refuses(last) is RemarkReason.ORDER_IN_ANOTHER_STATE, "the order's own money stays"
    journal.pay(number, PaidHow.FEED, "t2")
    assert journal.ledger.orders[number].received == 35_000, "told again, it did not come again"


@pytest.mark.parametrize("how", [PaidHow.DESK, PaidHow.CODE])
def test_only_the_desk_s_own_money_stands_for_an_order_whose_transaction_went_back(
    journal: Journal, how: PaidHow
) -> None:
    number = journal.place()
    journal.pay(number, how)
    journal.pay(number, PaidHow.FEED, "t1")
    assert journal.ledger.orders[number].received == 35_000
    returned = SurplusReturned(number, "t1", 35_000, "row/7")
    if how is PaidHow.CODE:
        assert journal.refuses(returned) is RemarkReason.ORDER_IN_ANOTHER_STATE
        return
    journal.add(returned)
    order = journal.ledger.orders[number]
    assert (order.status, order.received, order.returned) == (OrderStatus.PAID, 35_000, 35_000)


def test_an_order_that_came_on_somebodys_word_counts_the_money_once_when_it_comes(journal: Journal) -> None:
    number = journal.place()
    lines = journal.ledger.orders[number].lines
    journal.add(
        OrderAssigned("web-1", ACCOUNTS[1], "企业", "经办人", OrderKind.NEW, lines, 1, 1, "", 1, 1, "row/8")
    )
    assert journal.ledger.orders["web-1"].received == 35_000
    journal.pay("web-1", PaidHow.FEED, "t1")
    assert (journal.ledger.orders["web-1"].received, journal.ledger.orders["web-1"].surplus) == (35_000, 0)


def test_what_somebody_vouched_for_where_an_order_was_given_away_may_be_money_by_itself(
    journal: Journal,
) -> None:
    lines = journal.ledger.orders[journal.place()].lines
    journal.add(
        OrderAssigned("web-1", ACCOUNTS[1], "企业", "经办人", OrderKind.NEW, lines, 1, 1, "", 1, 1, "row/8")
    )
    journal.pay("web-1", PaidHow.FEED, "t1")
    journal.add(SurplusReturned("web-1", "t1", 35_000, "row/9"))
    order = journal.ledger.orders["web-1"]
    assert (order.status, order.received, order.returned) == (OrderStatus.PAID, 35_000, 35_000)


def test_a_refund_after_a_surplus_went_back_is_of_what_is_left(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number, PaidHow.FEED, "t1")
    journal.pay(number, PaidHow.FEED, "t2")
    journal.add(SurplusReturned(number, "t1", 35_000, "row/7"))
    journal.add(RefundGranted(number, "林涛", "asked"))
    assert journal.refuses(RefundCompleted(number, 70_000, "row/9")) is RemarkReason.AMOUNT_DIFFERS
    journal.add(RefundCompleted(number, 35_000, "row/9"))
    assert journal.ledger.orders[number].status is OrderStatus.REFUNDED


def test_another_amount_is_refused(journal: Journal) -> None:
    number = journal.place()
    body = OrderPaid(number, PaidHow.FEED, 34_999, 1_800_000_000, "t1")
    assert journal.refuses(body) is RemarkReason.AMOUNT_DIFFERS


def test_nothing_is_bound_after_a_refund_was_granted(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    certificate = journal.issue(number, 1, None)
    journal.add(RefundGranted(number, "林涛", "asked"))
    assert journal.ledger.certificates[certificate].status is CertificateStatus.VOID
    bodies = (
        CertificateWritten(number, 1),
        CertificateProved(number, 1, b"", b""),
        Bound(number, 1),
        BindingStarted(number, 2, "T2", "gmt", "sm2"),
        BindingAbandoned(number, 1, "林涛", ""),
    )
    for body in bodies:
        assert journal.refuses(body) is RemarkReason.ORDER_IN_ANOTHER_STATE


def test_a_bound_order_is_not_refunded(journal: Journal) -> None:
    number = in_every_state(journal)[OrderStatus.BOUND]
    assert journal.refuses(RefundGranted(number, "林涛", "")) is RemarkReason.ORDER_IN_ANOTHER_STATE


def test_one_open_order_an_account_and_kind(journal: Journal) -> None:
    journal.place(OrderKind.NEW)
    with pytest.raises(EntryRefused) as caught:
        journal.place(OrderKind.NEW)
    assert caught.value.reason is RemarkReason.ORDER_OPEN_ALREADY
    journal.place(OrderKind.NEW, ACCOUNTS[1])


def test_an_order_that_moves_away_leaves_nothing_behind(journal: Journal) -> None:
    number = journal.place()
    journal.pay(number)
    journal.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    journal.add(KeyPairMade(number, 1, POINT))
    certificate = journal.issue(number, 1, None)
    journal.add(OrderReleased(number, OTHER_KIOSK, 1, "row/5"))
    assert journal.ledger.certificates[certificate].status is CertificateStatus.VOID
    assert journal.ledger.open_orders_of(ACCOUNTS[0]) == ()
    for body in (CertificateWritten(number, 1), OrderReleased(number, OTHER_KIOSK + 1, 2, "row/6")):
        assert journal.refuses(body) is RemarkReason.ORDER_OF_ANOTHER_KIOSK
    journal.place(OrderKind.NEW)


CLOSED = [status for status in OrderStatus if not status.is_open]


@pytest.mark.parametrize("status", CLOSED)
def test_an_order_that_has_ended_is_not_moved_by_its_owner(journal: Journal, status: OrderStatus) -> None:
    number = in_every_state(journal)[status]
    released = OrderReleased(number, OTHER_KIOSK, 1, "row/5")
    assert journal.refuses(released) is RemarkReason.ORDER_IN_ANOTHER_STATE


@pytest.mark.parametrize("status", CLOSED)
def test_an_order_that_has_ended_is_not_moved_by_another_kiosk(
    make_journal: Callable[[bool], Journal], status: OrderStatus
) -> None:
    centre = make_journal(True)  # noqa: FBT003 - the centre's
    order = centre.ledger.orders[in_every_state(centre)[status]]
    taken = OrderAssigned(
        order.reference, order.account, "企业", "经办人", order.kind, order.lines, 1, 1, "t1", 1, 1, "row/8"
    )
    entry = replace(centre.entries[-1].entry, kiosk=OTHER_KIOSK, body=taken)
    folding = fold_entry(centre.ledger, entry, bound_event)
    centre.ledger.put(folding.rows)
    assert [remark.reason for remark in folding.remarks] == [RemarkReason.ASSIGNMENT_UNPROVEN]
    assert (centre.ledger.orders[order.reference].owner, centre.ledger.orders[order.reference].status) == (
        KIOSK,
        status,
    )


@pytest.mark.parametrize("release_first", [True, False])
def test_the_centre_takes_a_move_from_either_kiosk_first(
    make_journal: Callable[[bool], Journal], *, release_first: bool
) -> None:
    centre = make_journal(True)  # noqa: FBT003 - the centre's
    number = centre.place()
    centre.pay(number)
    centre.add(BindingStarted(number, 1, "T1", "gmt", "sm2"))
    order = centre.ledger.orders[number]
    taken = OrderAssigned(
        number,
        order.account,
        "企业",
        "经办人",
        order.kind,
        order.lines,
        1,
        1,
        "t1",
        1,
        1,
        "row/8",
        order.previous,
    )
    told = [(KIOSK, OrderReleased(number, OTHER_KIOSK, 1, "row/8")), (OTHER_KIOSK, taken)]
    for kiosk, body in told if release_first else reversed(told):
        entry = replace(centre.entries[-1].entry, kiosk=kiosk, body=body)
        centre.ledger.put(fold_entry(centre.ledger, entry, bound_event).rows)
    start = replace(
        centre.entries[-1].entry, kiosk=OTHER_KIOSK, body=BindingStarted(number, 1, "T9", "gmt", "sm2")
    )
    centre.ledger.put(fold_entry(centre.ledger, start, bound_event).rows)
    moved = centre.ledger.orders[number]
    assert (moved.owner, [binding.token_serial for binding in moved.bindings]) == (OTHER_KIOSK, ["T9"])


def test_an_entry_for_an_order_that_is_not_there_is_refused(journal: Journal) -> None:
    assert journal.refuses(OrderCancelled("3-9999", "member")) is RemarkReason.ORDER_UNKNOWN


def test_an_order_that_ends_leaves_the_accounts_other_order_open(journal: Journal) -> None:
    renewal, replacement = journal.place(OrderKind.RENEWAL), journal.place(OrderKind.REPLACEMENT)
    journal.add(OrderCancelled(renewal, "member"))
    assert [order.reference for order in journal.ledger.open_orders_of(ACCOUNTS[0])] == [replacement]
