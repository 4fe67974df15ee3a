"""The steps of an order in one kiosk's view: what each of them leaves on the order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.bindings import BindingAbandoned
from kiosk.domain.entries.decisions import Decision, RegisterDecided
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import DeliveryChosen, OrderReleased, RefundCompleted, RefundGranted
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.ledger import CertificateStatus, Delivery, OrderStatus
from kiosk.domain.ledger_fold import Folding, bound_event, fold_entry
from kiosk.domain.order_steps import placing_kiosk
from kiosk.domain.remarks import Remark, RemarkReason
from tests.support.order_journals import (
    ACCOUNT,
    ORDER,
    A,
    B,
    C,
    Kiosks,
    binding,
    fold,
    given_to,
    number_of,
    paid,
    placed,
    taken_over,
)

MOVED = f"order-moved/{ORDER}/1"


def test_an_order_that_was_given_keeps_the_key_that_it_is_to_succeed() -> None:
    key = KeyOnRecord("4000000000000001", "E1", 1_700_000_000, 1_731_000_000)
    kiosks = Kiosks()
    kiosks.write(B, replace(given_to(1), previous=key))
    assert fold(kiosks.written[B], complete=False).orders[ORDER].previous == key


def test_an_order_that_was_given_away_unpaid_comes_back_paid() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), OrderReleased(ORDER, B, 1, f"order-moved/{ORDER}/1"), given_to(2))
    order = fold(kiosks.written[A], complete=False).orders[ORDER]
    assert (order.owner, order.status, order.received) == (A, OrderStatus.PAID, order.total)


@pytest.mark.parametrize(
    ("known", "carried", "made"),
    [
        ("t1", "t1", ["t1"]),
        ("t1", "t2", ["t1", "t2"]),
        (None, "t1", [None, "t1"]),
        ("t1", "", ["t1", None]),
        (None, "", [None, None]),  # a member's code is not what somebody vouched for
    ],
)
def test_an_order_that_comes_back_has_the_money_that_it_comes_with(
    known: str | None, carried: str, made: list[str | None]
) -> None:
    kiosks = Kiosks()
    back = replace(given_to(2), transaction=carried)
    kiosks.write(A, placed(), paid(known), OrderReleased(ORDER, B, 1, MOVED), back)
    order = fold(kiosks.written[A], complete=False).orders[ORDER]
    assert [each.transaction for each in order.payments] == made
    again = (OrderReleased(ORDER, B, 3, MOVED), replace(back, handover=4))
    kiosks.write(A, *again)
    order = fold(kiosks.written[A], complete=False).orders[ORDER]
    assert [each.transaction for each in order.payments] == made


REFUSED: dict[str, tuple[tuple[int, tuple[AnyBody, ...]], AnyBody, RemarkReason]] = {
    "placed under another kiosk's number": ((B, ()), placed(), RemarkReason.ORDER_OF_ANOTHER_KIOSK),
    "placed twice": ((A, (placed(),)), placed(), RemarkReason.ORDER_EXISTS),
    "given by no further hand-over": (
        (A, (placed(), paid())),
        OrderReleased(ORDER, B, 0, MOVED),
        RemarkReason.HANDOVER_DIFFERS,
    ),
    "given to itself": (
        (A, (placed(), paid())),
        OrderReleased(ORDER, A, 1, MOVED),
        RemarkReason.HANDOVER_DIFFERS,
    ),
    "given back by the same hand-over": (
        (A, (placed(), paid(), OrderReleased(ORDER, B, 1, MOVED))),
        given_to(1),
        RemarkReason.HANDOVER_DIFFERS,
    ),
    "given to its owner": ((A, (placed(), paid())), given_to(1), RemarkReason.HANDOVER_DIFFERS),
    "taken over by a kiosk": ((A, (placed(), paid())), taken_over(A, 1), RemarkReason.NOT_THE_EXCHANGE),
    "taken over by the same hand-over": (
        (EXCHANGE_KIOSK, (taken_over(B, 1),)),
        taken_over(C, 1),
        RemarkReason.HANDOVER_DIFFERS,
    ),
    "given on after its money went back": (
        (
            EXCHANGE_KIOSK,
            (
                taken_over(EXCHANGE_KIOSK, 1),
                RefundGranted(ORDER, "林涛", ""),
                RefundCompleted(ORDER, 25_000, "row/3"),
                taken_over(B, 2),
            ),
        ),
        given_to(3),
        RemarkReason.ORDER_IN_ANOTHER_STATE,
    ),
    "refunded before it was paid": (
        (A, (placed(),)),
        RefundCompleted(ORDER, 25_000, "row/3"),
        RemarkReason.ORDER_IN_ANOTHER_STATE,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_follow_from_the_kiosks_own_view_changes_nothing(case: str) -> None:
    (kiosk, bodies), body, reason = REFUSED[case]
    kiosks = Kiosks()
    kiosks.write(kiosk, *bodies, body)
    *before, last = kiosks.written[kiosk]
    folding = fold_entry(fold(before, complete=False), last, bound_event)
    assert folding == Folding(remarks=(Remark(reason, ORDER),))


def test_money_for_an_order_that_was_given_away_changes_no_state() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), OrderReleased(ORDER, B, 1, MOVED), paid())
    order = fold(kiosks.written[A], complete=False).orders[ORDER]
    assert (order.status, order.received) == (OrderStatus.PLACED, order.total)


def test_an_order_whose_money_went_back_is_over_though_nobody_granted_it() -> None:
    kiosks = Kiosks()
    *attempt, bound = binding(A, 1)
    kiosks.write(A, placed(), paid(), *attempt, RefundCompleted(ORDER, 25_000, "row/3"), bound)
    books = fold(kiosks.written[A], complete=False)
    assert books.orders[ORDER].status is OrderStatus.REFUNDED
    assert [each.status for each in books.certificates.values()] == [CertificateStatus.VOID]


def test_the_last_attempts_certificate_decides_whether_a_bound_order_is_refunded() -> None:
    number = number_of(A, 2)
    second = [replace(each, attempt=2) for each in binding(A, 2)]
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), *binding(A, 1, 2), BindingAbandoned(ORDER, 1, "林涛", ""), *second)
    decided = RegisterDecided(ACCOUNT, ORDER, number, Decision.REVOKE, "林涛", "", "row/4")
    kiosks.write(A, decided, RefundGranted(ORDER, "林涛", ""))
    order = fold(kiosks.written[A], complete=False).orders[ORDER]
    assert [each.revoked for each in order.bindings] == [False, True]
    assert order.status is OrderStatus.REFUNDING


@pytest.mark.parametrize(
    ("reference", "kiosk"), [("3-0001-1.aa", 3), ("web-1", 0), ("", 0), ("\uff13-0001", 0), ("\u00b2-1", 0)]
)
def test_an_order_names_the_kiosk_that_placed_it(reference: str, kiosk: int) -> None:
    assert placing_kiosk(reference) == kiosk


def test_the_delivery_that_was_chosen_last_is_on_the_order() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), DeliveryChosen(ORDER, Delivery.MAIL), DeliveryChosen(ORDER, Delivery.COUNTER))
    for count, delivery in enumerate((None, Delivery.MAIL, Delivery.COUNTER), 1):
        assert fold(kiosks.written[A][:count], complete=False).orders[ORDER].delivery is delivery
