"""The steps of an order in one kiosk's view: what each of them leaves on the order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries import DeliveryChosen, OrderReleased
from kiosk.domain.ledger import Delivery, OrderStatus
from kiosk.domain.ledger_fold import Folding, bound_event, fold_entry
from kiosk.domain.remarks import Remark, RemarkReason
from tests.kiosk.domain.test_order_fold import ORDER, A, B, Kiosks, fold, given_to, paid, placed


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


@pytest.mark.parametrize(("owner", "handover"), [(B, 0), (A, 1)], ids=["not past the last", "to itself"])
def test_an_order_is_given_to_another_kiosk_by_the_next_hand_over(owner: int, handover: int) -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid(), OrderReleased(ORDER, owner, handover, "row/9"))
    records = fold(kiosks.written[A][:-1])
    folding = fold_entry(records, kiosks.written[A][-1], bound_event)
    assert folding == Folding(remarks=(Remark(RemarkReason.HANDOVER_DIFFERS, ORDER),))


def test_the_delivery_that_was_chosen_last_is_on_the_order() -> None:
    kiosks = Kiosks()
    kiosks.write(A, placed(), DeliveryChosen(ORDER, Delivery.MAIL), DeliveryChosen(ORDER, Delivery.COUNTER))
    for count, delivery in enumerate((None, Delivery.MAIL, Delivery.COUNTER), 1):
        assert fold(kiosks.written[A][:count], complete=False).orders[ORDER].delivery is delivery
