"""What is asked for after paying: every step from every state, whoever tells of it, and who has no word."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import OrderReleased
from kiosk.domain.entries.requests import (
    AskedInvoice,
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceIssued,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    Mailing,
    OperatorProposed,
    OperatorReviewed,
    OperatorWithdrawn,
)
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.journal import FORM, GENESIS, Entry
from kiosk.domain.ledger_fold import Folding, MemoryRecords, bound_event, fold_entry
from kiosk.domain.members import Review
from kiosk.domain.remarks import Remark, RemarkReason
from kiosk.domain.requests import (
    DeliveryRequest,
    DeliveryState,
    InvoiceRequest,
    InvoiceState,
    Proposal,
    ProposalState,
    ProposalStep,
    Requests,
    RequestStep,
)
from tests.support.order_journals import ACCOUNT, ORDER, A, B, C, Kiosks, fold, given_to, paid, placed

FIRST, SECOND = bytes(32), bytes([1]) * 32
WALL = 1_800_000_000
NAME = "0123456789abcdef"
CODE = "91410100MA9K2B7X0P"

ASKED = DeliveryAsked(ORDER, ACCOUNT, FIRST, "member")
CHANGED = DeliveryChanged(ORDER, ACCOUNT, SECOND, "张华")
MAILED = KeyMailed(ORDER, ACCOUNT, "顺丰速运", "SF1", WALL + 5, "张华")
BACK = KeyReceivedBack(ORDER, ACCOUNT, "无人签收", "张华")
INVOICE = InvoiceAsked(ORDER, ACCOUNT, InvoiceKind.SPECIAL, FIRST, "member")
OTHER_INVOICE = InvoiceChanged(ORDER, ACCOUNT, InvoiceKind.ORDINARY, SECOND, "phone")
WITHDRAWN = InvoiceWithdrawn(ORDER, ACCOUNT, "member")
ISSUED = InvoiceIssued(ORDER, ACCOUNT, "2641", WALL + 9, "张华")
PROPOSED = OperatorProposed(NAME, ACCOUNT, CODE, FIRST, authorised=True, by="member")
TAKEN_BACK = OperatorWithdrawn(NAME, ACCOUNT, "member")
APPROVED = OperatorReviewed(NAME, ACCOUNT, Review.APPROVED, "11000009", "", "张华")
REFUSED = OperatorReviewed(NAME, ACCOUNT, Review.REFUSED, "", "证件不清楚", "张华")


def entry(kiosk: int, body: AnyBody) -> Entry:
    return Entry(FORM, kiosk, 1, 1, 1, WALL, 0, "boot", GENESIS, body)


def told(records: MemoryRecords, kiosk: int, *bodies: AnyBody) -> Folding:
    """What the last of these entries does, after the others did."""
    folding = Folding()
    for body in bodies:
        folding = fold_entry(records, entry(kiosk, body), bound_event)
        records.put(folding.rows)
    return folding


def ordered() -> MemoryRecords:
    """An order that kiosk A placed and that is paid, at the centre."""
    kiosks = Kiosks()
    kiosks.write(A, placed(), paid())
    return fold(kiosks.written[A])


def asked(*bodies: AnyBody, kiosk: int = EXCHANGE_KIOSK) -> Requests:
    records = ordered()
    told(records, kiosk, *bodies)
    return records.asked[ORDER]


def refused(*bodies: AnyBody, kiosk: int = EXCHANGE_KIOSK) -> RemarkReason:
    """Why the last entry changes nothing."""
    records = ordered()
    before = told(records, kiosk, *bodies[:-1]) and dict(records.asked)
    folding = told(records, kiosk, bodies[-1])
    assert folding.rows == ()
    assert records.asked == before
    (remark,) = folding.remarks
    assert remark.subject == ORDER
    return remark.reason


def test_a_delivery_that_is_asked_for_waits() -> None:
    wanted = DeliveryRequest(DeliveryState.ASKED, FIRST, WALL, "member")
    assert asked(ASKED, kiosk=A) == Requests(ORDER, ACCOUNT, wanted)


def test_the_latest_address_counts_whichever_way_it_is_told() -> None:
    wanted = DeliveryRequest(DeliveryState.ASKED, SECOND, WALL, "张华")
    assert asked(ASKED, CHANGED).delivery == asked(CHANGED).delivery == wanted
    again = DeliveryAsked(ORDER, ACCOUNT, SECOND, "张华")
    assert asked(ASKED, again).delivery == wanted


def test_a_key_that_is_mailed_keeps_its_address_and_a_number_may_be_corrected() -> None:
    mailed = DeliveryRequest(
        DeliveryState.MAILED, FIRST, WALL, "member", "顺丰速运", "SF1", mailed_at=WALL + 5
    )
    assert asked(ASKED, MAILED).delivery == mailed
    corrected = KeyMailed(ORDER, ACCOUNT, "EMS", "E2", WALL + 6, "张华")
    assert asked(ASKED, MAILED, corrected).delivery == DeliveryRequest(
        DeliveryState.MAILED, FIRST, WALL, "member", "EMS", "E2", mailed_at=WALL + 6
    )
    assert refused(ASKED, MAILED, CHANGED) is RemarkReason.DELIVERY_SENT
    assert refused(ASKED, MAILED, ASKED) is RemarkReason.DELIVERY_SENT


def test_a_key_may_be_mailed_to_an_address_that_stands_on_paper() -> None:
    found = asked(MAILED).delivery
    assert found == DeliveryRequest(
        DeliveryState.MAILED, carrier="顺丰速运", tracking="SF1", mailed_at=WALL + 5
    )


def test_a_key_that_came_back_may_go_out_again() -> None:
    back = asked(ASKED, MAILED, BACK).delivery
    assert back is not None
    assert (back.state, back.reason, back.commitment) == (DeliveryState.RETURNED, "无人签收", FIRST)
    assert asked(ASKED, MAILED, BACK, MAILED).delivery == asked(ASKED, MAILED).delivery
    elsewhere = asked(ASKED, MAILED, BACK, CHANGED).delivery
    assert elsewhere == asked(CHANGED).delivery


@pytest.mark.parametrize("before", [(), (ASKED,), (ASKED, MAILED, BACK)])
def test_a_key_comes_back_only_where_it_was_mailed(before: tuple[AnyBody, ...]) -> None:
    assert refused(*before, BACK) is RemarkReason.DELIVERY_NOT_SENT


TOLD = Mailing(WALL, "顺丰速运", "SF1", WALL + 5)
BACK_AS_TOLD = replace(BACK, mailing=TOLD)


def test_a_key_that_the_exchange_mailed_comes_back_at_a_desk_that_heard_of_it() -> None:
    returned = DeliveryRequest(
        DeliveryState.RETURNED, FIRST, WALL, "member", "顺丰速运", "SF1", WALL + 5, "无人签收"
    )
    assert asked(ASKED, BACK_AS_TOLD, kiosk=A).delivery == returned
    assert asked(BACK_AS_TOLD, kiosk=A).delivery == replace(returned, commitment=b"", by="")
    later = replace(BACK, mailing=replace(TOLD, mailed_at=WALL + 9, tracking="SF2"))
    again = asked(ASKED, MAILED, BACK, later, kiosk=A).delivery
    assert again == replace(returned, tracking="SF2", mailed_at=WALL + 9)


def test_what_the_desk_heard_of_a_mailing_changes_nothing_where_more_is_known() -> None:
    assert asked(ASKED, MAILED, BACK_AS_TOLD) == asked(ASKED, MAILED, BACK)
    corrected = KeyMailed(ORDER, ACCOUNT, "EMS", "E2", WALL + 6, "张华")
    assert asked(ASKED, MAILED, corrected, BACK_AS_TOLD) == asked(ASKED, MAILED, corrected, BACK)
    assert refused(ASKED, MAILED, BACK, BACK_AS_TOLD) is RemarkReason.DELIVERY_NOT_SENT
    before_that_request = replace(BACK, mailing=replace(TOLD, asked_at=WALL - 1))
    assert refused(ASKED, before_that_request) is RemarkReason.DELIVERY_NOT_SENT


def test_an_invoice_that_was_asked_for_elsewhere_is_withdrawn_at_a_desk_that_heard_of_it() -> None:
    heard = replace(WITHDRAWN, asked=AskedInvoice(InvoiceKind.ORDINARY, WALL))
    withdrawn = InvoiceRequest(InvoiceState.WITHDRAWN, InvoiceKind.ORDINARY, b"", WALL, "")
    assert asked(heard, kiosk=A).invoice == withdrawn
    assert asked(INVOICE, heard) == asked(INVOICE, WITHDRAWN)
    assert refused(INVOICE, WITHDRAWN, heard) is RemarkReason.INVOICE_NOT_ASKED
    assert refused(INVOICE, ISSUED, heard) is RemarkReason.INVOICE_ISSUED


def test_an_invoice_is_asked_for_changed_withdrawn_and_asked_for_again() -> None:
    first = InvoiceRequest(InvoiceState.ASKED, InvoiceKind.SPECIAL, FIRST, WALL, "member")
    second = InvoiceRequest(InvoiceState.ASKED, InvoiceKind.ORDINARY, SECOND, WALL, "phone")
    assert asked(INVOICE).invoice == first
    assert asked(INVOICE, OTHER_INVOICE).invoice == asked(OTHER_INVOICE).invoice == second
    withdrawn = asked(INVOICE, WITHDRAWN).invoice
    assert withdrawn == InvoiceRequest(InvoiceState.WITHDRAWN, InvoiceKind.SPECIAL, FIRST, WALL, "member")
    assert asked(INVOICE, WITHDRAWN, INVOICE).invoice == first


def test_an_invoice_that_was_made_out_stays_and_its_number_may_be_corrected() -> None:
    issued = asked(INVOICE, ISSUED).invoice
    assert issued == InvoiceRequest(
        InvoiceState.ISSUED, InvoiceKind.SPECIAL, FIRST, WALL, "member", "2641", WALL + 9
    )
    corrected = asked(INVOICE, ISSUED, InvoiceIssued(ORDER, ACCOUNT, "2642", WALL + 10, "张华")).invoice
    assert corrected is not None
    assert (corrected.number, corrected.issued_at) == ("2642", WALL + 10)
    for body in (INVOICE, OTHER_INVOICE, WITHDRAWN):
        assert refused(INVOICE, ISSUED, body) is RemarkReason.INVOICE_ISSUED


@pytest.mark.parametrize("body", [WITHDRAWN, ISSUED])
@pytest.mark.parametrize("before", [(), (INVOICE, WITHDRAWN)])
def test_nothing_becomes_of_an_invoice_that_nobody_asked_for(
    before: tuple[AnyBody, ...], body: AnyBody
) -> None:
    assert refused(*before, body) is RemarkReason.INVOICE_NOT_ASKED


def test_delivery_and_invoice_leave_each_other_alone() -> None:
    both = asked(ASKED, INVOICE, MAILED)
    assert both.delivery == asked(ASKED, MAILED).delivery
    assert both.invoice == asked(INVOICE).invoice


def test_a_kiosk_has_no_word_on_an_invoice_that_the_exchange_makes_out() -> None:
    assert refused(INVOICE, ISSUED, kiosk=A) is RemarkReason.NOT_THE_EXCHANGE


def test_a_kiosk_speaks_of_orders_that_it_placed_or_was_given_and_of_no_others() -> None:
    assert refused(ASKED, kiosk=B) is RemarkReason.REQUEST_OF_ANOTHER_KIOSK
    records = ordered()
    told(records, A, OrderReleased(ORDER, B, 1, "row/1"))
    told(records, B, given_to(1))
    assert told(records, B, ASKED).remarks == ()
    assert told(records, A, CHANGED).remarks == ()  # the member was there before the order moved
    unproven = told(records, C, given_to(2), MAILED)
    assert unproven.remarks == (Remark(RemarkReason.REQUEST_OF_ANOTHER_KIOSK, ORDER),)


def test_who_let_an_order_go_on_may_still_tell_what_was_asked_there() -> None:
    records = ordered()
    told(records, A, OrderReleased(ORDER, B, 1, "row/1"))
    told(records, B, given_to(1), OrderReleased(ORDER, C, 2, "row/2"))
    told(records, C, given_to(2))
    assert told(records, B, ASKED).remarks == ()


def test_the_exchange_may_take_a_request_before_the_order_was_heard_of_and_a_kiosk_may_not() -> None:
    records = MemoryRecords(complete=True)
    assert told(records, A, ASKED) == Folding(remarks=(Remark(RemarkReason.ORDER_UNKNOWN, ORDER),))
    assert told(records, EXCHANGE_KIOSK, ASKED).remarks == ()
    assert records.asked[ORDER].account == ACCOUNT


def test_a_request_is_of_the_order_s_account() -> None:
    other = DeliveryAsked(ORDER, "11000002", FIRST, "phone")
    assert refused(other) is RemarkReason.REQUEST_OF_ANOTHER_KIOSK
    assert refused(other, kiosk=A) is RemarkReason.REQUEST_OF_ANOTHER_KIOSK


def test_the_same_told_again_writes_nothing() -> None:
    records = ordered()
    told(records, A, ASKED)
    assert told(records, A, ASKED) == Folding()


def proposal(*bodies: AnyBody) -> Proposal:
    records = MemoryRecords(complete=True)
    for body in bodies:
        told(records, EXCHANGE_KIOSK if isinstance(body, OperatorReviewed) else A, body)
    return records.proposals[NAME]


def test_a_proposed_operator_is_under_review_until_somebody_decides() -> None:
    wanted = Proposal(NAME, ACCOUNT, CODE, FIRST, authorised=True, proposed_at=WALL, told_by=A)
    assert proposal(PROPOSED) == wanted
    assert wanted.state is ProposalState.UNDER_REVIEW
    approved, refused = proposal(PROPOSED, APPROVED), proposal(PROPOSED, REFUSED)
    assert (approved.state, approved.new_account) == (ProposalState.APPROVED, "11000009")
    assert (refused.state, refused.reason) == (ProposalState.REFUSED, "证件不清楚")
    assert proposal(PROPOSED, TAKEN_BACK).state is ProposalState.WITHDRAWN
    waiting = OperatorReviewed(NAME, ACCOUNT, Review.UNDER_REVIEW, "", "请补照片", "张华")
    assert proposal(PROPOSED, waiting, APPROVED).state is ProposalState.APPROVED


@pytest.mark.parametrize(
    ("before", "kiosk", "body", "reason"),
    [
        ((PROPOSED,), A, PROPOSED, RemarkReason.PROPOSAL_EXISTS),
        ((), A, TAKEN_BACK, RemarkReason.PROPOSAL_UNKNOWN),
        ((PROPOSED,), B, TAKEN_BACK, RemarkReason.PROPOSAL_UNKNOWN),
        ((PROPOSED,), A, OperatorWithdrawn(NAME, "11000002", "member"), RemarkReason.PROPOSAL_UNKNOWN),
        ((PROPOSED,), A, APPROVED, RemarkReason.NOT_THE_EXCHANGE),
        ((), EXCHANGE_KIOSK, APPROVED, RemarkReason.PROPOSAL_UNKNOWN),
        ((PROPOSED, TAKEN_BACK), A, TAKEN_BACK, RemarkReason.PROPOSAL_DECIDED),
        ((PROPOSED, TAKEN_BACK), EXCHANGE_KIOSK, APPROVED, RemarkReason.PROPOSAL_DECIDED),
    ],
)
def test_what_does_not_follow_changes_no_proposal(
    before: tuple[AnyBody, ...], kiosk: int, body: AnyBody, reason: RemarkReason
) -> None:
    records = MemoryRecords(complete=True)
    told(records, A, *before)
    assert told(records, kiosk, body) == Folding(remarks=(Remark(reason, NAME),))


def test_the_exchange_takes_a_proposal_back_as_well() -> None:
    records = MemoryRecords(complete=True)
    told(records, A, PROPOSED)
    assert told(records, EXCHANGE_KIOSK, TAKEN_BACK).remarks == ()


STEPS: tuple[AnyBody, ...] = (
    ASKED, CHANGED, MAILED, BACK, INVOICE, OTHER_INVOICE, WITHDRAWN, ISSUED, PROPOSED, TAKEN_BACK, APPROVED, REFUSED
)  # fmt: skip


def test_every_step_is_among_them() -> None:
    assert {type(each) for each in STEPS} == {*get_args(RequestStep), *get_args(ProposalStep)}


@given(st.lists(st.tuples(st.sampled_from((A, B, EXCHANGE_KIOSK)), st.sampled_from(STEPS)), max_size=30))
def test_any_entries_in_any_order_are_folded_and_either_follow_or_are_remarked(
    steps: list[tuple[int, AnyBody]],
) -> None:
    records = ordered()
    orders = dict(records.orders)
    for kiosk, body in steps:
        folding = told(records, kiosk, body)
        assert not (folding.rows and folding.remarks)
    assert records.orders == orders
