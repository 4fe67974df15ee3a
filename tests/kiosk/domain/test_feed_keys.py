"""The keys of the feed's rows: one fact, one key."""

from __future__ import annotations

import pytest

from kiosk.domain import feed
from kiosk.domain.entries.decisions import Decision
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.feed_keys import (
    RowName,
    name_in_key,
    order_in_key,
    policy_digest,
    row_key_of,
    schedule_digest,
)
from kiosk.domain.fees import FeeSchedule, OrderKind
from kiosk.domain.members import Enterprise, Operator, Review, Role, StaffMember
from kiosk.domain.policy import SignedPolicy
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState

ORDER = "3-0147-6.9f86d081884c"
CERTIFICATE = "0003000001000002"
SCHEDULE = FeeSchedule(2, 0, 1, 2, 3)
POLICY = SignedPolicy(b'{"number":4,"kiosk":3,"valid_until":9}', b"")
ASSIGNED = feed.OrderAssignedHere(
    ORDER, "11000001", "企业", "李晓梅", OrderKind.NEW, (), 1, 10, "T1", 11, handover=2
)
KEYS: list[tuple[feed.KeyedBody, str]] = [
    (
        feed.EnterprisePublished(Enterprise("91110000MA01A2B3C4", "企业", "王", Review.APPROVED)),
        "enterprise/91110000MA01A2B3C4",
    ),
    (
        feed.OperatorPublished(Operator("11000001", "9111", "李", Review.APPROVED, "$")),
        "operator/11000001",
    ),
    (feed.StaffPublished(StaffMember("林涛", Role.STAFF, "$")), "staff/林涛"),
    (feed.FeeSchedulePublished(SCHEDULE), f"schedule/2/{schedule_digest(SCHEDULE).hex()}"),
    (feed.PolicyPublished(POLICY), f"policy/4/{policy_digest(POLICY).hex()}"),
    (feed.KeyBoundElsewhere("11000001", CERTIFICATE, "A1", 1, 2), "key/11000001"),
    (
        feed.CertificateRegistered(CERTIFICATE, "11000001", feed.RegisteredState.LISTED),
        f"registered/{CERTIFICATE}",
    ),
    (feed.OpenOrdersPublished("11000001", ()), "open-orders/11000001"),
    (feed.AudiencesPublished((0, 65539)), "audiences"),
    (ASSIGNED, f"order-assigned/{ORDER}/2"),
    (feed.OrderMoved(ORDER, 8, 3), f"order-moved/{ORDER}/3"),
    (feed.PaymentConfirmed(ORDER, 5, "T1", 9), f"payment/{ORDER}/T1"),
    (feed.RefundRequested(ORDER, "7", "林涛", "退款"), f"refund-asked/{ORDER}/7"),
    (feed.RefundPaid(ORDER, "R1", 5), f"refund-paid/{ORDER}/R1"),
    (feed.PaymentReturned(ORDER, "T2", 5), f"payment-returned/{ORDER}/T2"),
    (feed.RevocationPublished(CERTIFICATE, "11000001", "lost"), f"revocation/{CERTIFICATE}"),
    (
        feed.RegisterDecision(CERTIFICATE, 41, "11000001", ORDER, Decision.LIST, "林涛", ""),
        f"register-decided/{CERTIFICATE}/41",
    ),
    (feed.MatterPublished("amount-differs", ORDER, "11000001", 5), f"matter/amount-differs/{ORDER}"),
    (feed.DeliveryTold(ORDER, "11000001", DeliveryState.ASKED), f"delivery/11000001/{ORDER}"),
    (
        feed.InvoiceTold(ORDER, "11000001", InvoiceState.ASKED, InvoiceKind.SPECIAL),
        f"invoice/11000001/{ORDER}",
    ),
    (
        feed.ProposalTold("0123456789abcdef", "11000001", "9111", ProposalState.UNDER_REVIEW),
        "proposal/11000001/0123456789abcdef",
    ),
    (feed.ErasureTold("11000001", 5), "erasure/11000001"),
]


@pytest.mark.parametrize(("body", "key"), KEYS, ids=lambda each: type(each).__name__)
def test_a_body_has_its_key(body: feed.KeyedBody, key: str) -> None:
    assert row_key_of(body) == key


def test_every_name_begins_a_key() -> None:
    assert {name_in_key(key) for _, key in KEYS} == set(RowName)


def test_what_an_entry_repeats_is_immutable() -> None:
    replaceable = {name for name in RowName if not name.is_immutable}
    assert replaceable == {
        RowName.ENTERPRISE,
        RowName.OPERATOR,
        RowName.STAFF,
        RowName.KEY,
        RowName.MATTER,
        RowName.REGISTERED,
        RowName.OPEN_ORDERS,
        RowName.AUDIENCES,
        RowName.DELIVERY,
        RowName.INVOICE,
        RowName.PROPOSAL,
        RowName.ERASURE,
    }


def test_a_key_names_its_order() -> None:
    assert {order_in_key(key) for _, key in KEYS} == {ORDER, ""}
    assert order_in_key("payment") == ""
    assert order_in_key("shipment/3") == ""
    assert order_in_key(f"matter/amount-differs/{ORDER}") == ""


def test_a_key_that_is_too_long_is_refused() -> None:
    longest = feed.PaymentConfirmed("x" * 189, 5, "T1", 9)
    assert len(row_key_of(longest)) == 200
    with pytest.raises(ValueError, match="201 characters"):
        row_key_of(feed.PaymentConfirmed("x" * 190, 5, "T1", 9))


def test_eight_bytes_of_a_digest_name_a_schedule_or_a_policy_beside_its_number() -> None:
    assert (len(schedule_digest(SCHEDULE)), len(policy_digest(POLICY))) == (8, 8)


def test_schedules_of_one_number_have_keys_of_their_own() -> None:
    other = FeeSchedule(2, 0, 1, 2, 4)
    assert row_key_of(feed.FeeSchedulePublished(SCHEDULE)) != row_key_of(feed.FeeSchedulePublished(other))
