"""What members ask for after paying, at the centre: rows of their own, the latest request counts, and a replay makes the same."""

from __future__ import annotations

import time

import pytest

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceIssued,
    InvoiceKind,
    KeyMailed,
    KeyReceivedBack,
    Mailing,
    OperatorProposed,
    OperatorReviewed,
)
from kiosk.domain.feed import DeliveryTold
from kiosk.domain.ledger import PaidHow
from kiosk.domain.members import Review
from kiosk.domain.remarks import RemarkReason
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState
from sync.central.ledger import settling
from sync.central.ledger.models import EntryRemark, LedgerProposal, LedgerRequests
from sync.central.ledger.replaying import differences, differences_of
from sync.central.ledger.rows import proposal_record, requests_record
from tests.support.books import open_matters
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.values import present

pytestmark = pytest.mark.django_db

FIRST, SECOND = bytes(32), bytes([1]) * 32
NAME = "0123456789abcdef"


def paid_order(kiosk: KioskDouble) -> str:
    placed = kiosk.place()
    kiosk.append(OrderPaid(placed.order, PaidHow.DESK, 34_000, kiosk.now(), supervisor="林涛"))
    return placed.order


def told_by_the_centre(*bodies: AnyBody) -> None:
    settling.enter_and_apply(bodies, int(time.time()))


def test_requests_and_proposals_of_kiosk_and_centre_are_rows_and_replay_to_the_same(
    kiosk: KioskDouble,
) -> None:
    order = paid_order(kiosk)
    kiosk.append(DeliveryAsked(order, ACCOUNT, FIRST, "member"))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, FIRST, "member"))
    kiosk.append(OperatorProposed(NAME, ACCOUNT, "code", FIRST, authorised=True, by="member"))
    kiosk.pushed()
    told_by_the_centre(
        DeliveryChanged(order, ACCOUNT, SECOND, "phone"),
        KeyMailed(order, ACCOUNT, "顺丰速运", "SF1", kiosk.now(), "张华"),
        InvoiceIssued(order, ACCOUNT, "2641", kiosk.now(), "张华"),
        OperatorReviewed(NAME, ACCOUNT, Review.APPROVED, "11000009", "", "张华"),
    )
    row = LedgerRequests.objects.get(order=order)
    asked = requests_record(row)
    assert (row.account, row.delivery, row.invoice) == (ACCOUNT, "mailed", "issued")
    assert (row.carrier, row.tracking, row.invoice_number) == ("顺丰速运", "SF1", "2641")
    assert present(asked.delivery).commitment == SECOND
    assert present(asked.delivery).state is DeliveryState.MAILED
    assert present(asked.invoice).state is InvoiceState.ISSUED
    proposal = proposal_record(LedgerProposal.objects.get(proposal=NAME))
    assert (proposal.state, proposal.new_account) == (ProposalState.APPROVED, "11000009")
    assert differences() == []
    assert differences_of(ACCOUNT) == []


def test_the_phone_may_ask_before_the_order_s_kiosk_was_heard_of(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    told_by_the_centre(DeliveryAsked(order, ACCOUNT, FIRST, "phone"))
    assert LedgerRequests.objects.get(order=order).delivery == "asked"
    kiosk.append(DeliveryChanged(order, ACCOUNT, SECOND, "member"))
    kiosk.pushed()
    asked = requests_record(LedgerRequests.objects.get(order=order))
    assert present(asked.delivery).commitment == SECOND
    assert differences() == []


def test_a_change_that_comes_after_the_key_was_mailed_is_for_a_person_to_see(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    kiosk.append(DeliveryAsked(order, ACCOUNT, FIRST, "member"))
    kiosk.pushed()
    told_by_the_centre(KeyMailed(order, ACCOUNT, "EMS", "E1", kiosk.now(), "张华"))
    kiosk.append(DeliveryChanged(order, ACCOUNT, SECOND, "member"))
    kiosk.pushed()
    asked = requests_record(LedgerRequests.objects.get(order=order))
    assert present(asked.delivery).commitment == FIRST
    assert (RemarkReason.DELIVERY_SENT.value, ACCOUNT) in open_matters()
    assert differences() == []


def test_a_key_that_the_exchange_mailed_comes_back_at_a_desk_that_heard_of_it(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    kiosk.append(DeliveryAsked(order, ACCOUNT, FIRST, "member"))
    kiosk.pushed()
    told_by_the_centre(KeyMailed(order, ACCOUNT, "EMS", "E1", kiosk.now(), "张华"))
    (told,) = (each for each in kiosk.news() if isinstance(each, DeliveryTold))
    mailing = Mailing(told.asked_at, told.carrier, told.tracking, told.mailed_at)
    kiosk.append(KeyReceivedBack(order, ACCOUNT, "拒收", "张华", mailing=mailing))
    kiosk.pushed()
    back = present(requests_record(LedgerRequests.objects.get(order=order)).delivery)
    assert (back.state, back.commitment, back.tracking) == (DeliveryState.RETURNED, FIRST, "E1")
    assert open_matters() == []
    assert differences() == []


def test_a_kiosk_asks_nothing_for_orders_of_others_nor_decides_what_is_the_exchange_s(
    kiosk: KioskDouble,
) -> None:
    elsewhere = "4-0002-5.aaaaaaaaaaaa"
    kiosk.append(DeliveryAsked(elsewhere, ACCOUNT, FIRST, "member"))
    kiosk.append(OperatorReviewed(NAME, ACCOUNT, Review.APPROVED, "11000009", "", "张华"))
    kiosk.pushed()
    assert not LedgerRequests.objects.exists()
    assert not LedgerProposal.objects.exists()
    reasons = set(EntryRemark.objects.values_list("reason", flat=True))
    assert reasons >= {RemarkReason.ORDER_UNKNOWN.value, RemarkReason.NOT_THE_EXCHANGE.value}
    assert differences() == []


def test_names_that_no_column_takes_are_unreadable_and_hold_nothing_up(kiosk: KioskDouble) -> None:
    order = paid_order(kiosk)
    kiosk.append(OperatorProposed("x" * 17, ACCOUNT, "code", FIRST, authorised=True, by="member"))
    kiosk.append(DeliveryAsked(order, ACCOUNT, b"short", "member"))
    kiosk.append(KeyMailed(order, ACCOUNT, "速" * 100, "S" * 100, 2**63, "张华"))
    kiosk.pushed()
    assert not LedgerProposal.objects.exists()
    row = LedgerRequests.objects.get(order=order)
    assert (len(row.carrier), len(row.tracking)) == (40, 40)
    assert differences() == []
