"""An entry that repeats a row of the feed says what the row says, and names its key."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from kiosk.domain import feed
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.echoes import Echo, EchoedBody, echo_of, repeats
from kiosk.domain.entries.decisions import CertificateRevoked, Decision, RegisterDecided
from kiosk.domain.entries.orders import (
    OrderAssigned,
    OrderPaid,
    OrderReleased,
    RefundCompleted,
    RefundGranted,
    SurplusReturned,
)
from kiosk.domain.fees import FeeItem, OrderKind, PriceLine
from kiosk.domain.ledger import PaidHow

ORDER = "3-0147-6.9f86d081884c"
CERTIFICATE = "0003000001000002"
LINES = (PriceLine(FeeItem.TOKEN, 5_000),)
FACTS = (ORDER, "11000001", "企业", "李晓梅", OrderKind.NEW, LINES, 1, 10, "T1", 11, 2)
ECHOES: list[tuple[EchoedBody, Echo]] = [
    (feed.OrderAssignedHere(*FACTS), OrderAssigned(*FACTS, f"order-assigned/{ORDER}/2")),
    (feed.OrderMoved(ORDER, 8, 3), OrderReleased(ORDER, 8, 3, f"order-moved/{ORDER}/3")),
    (
        feed.PaymentConfirmed(ORDER, 5, "T1", 9),
        OrderPaid(ORDER, PaidHow.FEED, 5, 9, "T1", f"payment/{ORDER}/T1"),
    ),
    (
        feed.RefundRequested(ORDER, "7", "林涛", "退款"),
        RefundGranted(ORDER, "林涛", "退款", f"refund-asked/{ORDER}/7"),
    ),
    (feed.RefundPaid(ORDER, "R1", 5), RefundCompleted(ORDER, 5, f"refund-paid/{ORDER}/R1")),
    (
        feed.PaymentReturned(ORDER, "T2", 5),
        SurplusReturned(ORDER, "T2", 5, f"payment-returned/{ORDER}/T2"),
    ),
    (
        feed.RevocationPublished(CERTIFICATE, "11000001", "lost"),
        CertificateRevoked(CERTIFICATE, "lost", f"revocation/{CERTIFICATE}"),
    ),
    (
        feed.RegisterDecision(CERTIFICATE, 41, "11000001", ORDER, Decision.LIST, "林涛", "换发"),
        RegisterDecided(
            "11000001",
            ORDER,
            CERTIFICATE,
            Decision.LIST,
            "林涛",
            "换发",
            f"register-decided/{CERTIFICATE}/41",
        ),
    ),
]
NAMES = [type(echo).__name__ for _, echo in ECHOES]


def test_every_row_that_is_repeated_is_tried() -> None:
    assert {type(body) for body, _ in ECHOES} == set(get_args(EchoedBody))
    assert {type(echo) for _, echo in ECHOES} == set(get_args(Echo))


@pytest.mark.parametrize(("body", "echo"), ECHOES, ids=NAMES)
def test_an_entry_repeats_its_row_word_for_word(body: EchoedBody, echo: Echo) -> None:
    assert echo_of(body) == echo
    assert repeats(echo, body)


@pytest.mark.parametrize(("body", "echo"), ECHOES, ids=NAMES)
def test_an_entry_that_says_something_else_does_not_repeat_the_row(body: EchoedBody, echo: Echo) -> None:
    for field, value in msgspec.structs.asdict(echo).items():
        if field != "previous":
            assert not repeats(replace(echo, **{field: f"not {value}"}), body), field


def test_the_key_that_a_given_order_is_to_succeed_is_the_kiosk_s_own_word() -> None:
    body = feed.OrderAssignedHere(*FACTS)
    own = KeyOnRecord(CERTIFICATE, "A1", 1, 2)
    assert repeats(OrderAssigned(*FACTS, f"order-assigned/{ORDER}/2", own), body)
