"""邮寄, 发票 and 添加交易员 at the desk: entries with commitments, personal facts beside them, masked on the screen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.requests.views import DeliveryView, InvoiceView, ProposalView, RequestsView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.orders import DeliveryChosen
from kiosk.domain.entries.requests import (
    AskedInvoice,
    DeliveryAsked,
    DeliveryChanged,
    InvoiceAsked,
    InvoiceChanged,
    InvoiceKind,
    InvoiceWithdrawn,
    KeyMailed,
    KeyReceivedBack,
    Mailing,
    OperatorProposed,
    OperatorWithdrawn,
)
from kiosk.domain.feed import DeliveryTold, InvoiceTold, KeyedBody, ProposalTold
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery
from kiosk.domain.personal import (
    DeliveryAddress,
    InvoiceDetails,
    OperatorDetails,
    PersonalRecord,
)
from kiosk.domain.requests import DeliveryState, InvoiceState, ProposalState
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from tests.support.desk import FIRM, NOW, SESSION, STAFF, DeskSetup, answered, place, session_of

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
ELSEWHERE = replace(ADDRESS, region="河南省洛阳市", phone="")
DETAILS = InvoiceDetails(FIRM, "9144030071526726XG", "finance@example.cn")
OPERATOR = OperatorDetails("王小芳", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
SHOWN = DeliveryView(DeliveryState.ASKED, "张**", "138****5678", "河南省郑州市金水区", NOW)
STRANGER = StaffSession("陌生人", supervisor=False)
MAILED_TOLD = DeliveryTold(
    "",
    "11000001",
    DeliveryState.MAILED,
    "张**",
    "138****5678",
    ADDRESS.region,
    "EMS",
    "E1",
    asked_at=NOW,
    mailed_at=NOW + 5,
)


@pytest.fixture
def service(desk_setup: DeskSetup) -> DeskService:
    return desk_setup.open_service()


@pytest.fixture
def paid(desk_setup: DeskSetup) -> str:
    return desk_setup.paid_order("11000001", OrderKind.NEW)


def kept(setup: DeskSetup) -> list[PersonalRecord]:
    with setup.database.read() as tx:
        found = [tx.personal.get(each.commitment) for each in tx.personal.of_account("11000001")]
    return [each for each in found if each is not None]


def last(setup: DeskSetup) -> AnyBody:
    return setup.bodies()[-1]


def tell(setup: DeskSetup, body: KeyedBody) -> None:
    with setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


def test_a_delivery_is_an_entry_with_a_commitment_and_a_record_beside_it(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    view = answered(service.ask_delivery(SESSION, paid, ADDRESS))
    assert view == RequestsView(paid, delivery=SHOWN)
    asked, chosen = desk_setup.bodies()[-2:]
    assert isinstance(asked, DeliveryAsked)
    assert (asked.order, asked.account, asked.by) == (paid, "11000001", "member")
    assert chosen == DeliveryChosen(paid, Delivery.MAIL)
    with desk_setup.database.read() as tx:
        assert tx.personal.get(asked.commitment) == ADDRESS
        entries = b"".join(each.data for each in tx.journal.each())
    for fact in (ADDRESS.recipient, ADDRESS.region, ADDRESS.address, ADDRESS.phone):
        assert fact.encode() not in entries


def test_an_address_is_changed_by_whoever_may_and_the_former_one_is_erased(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    view = answered(service.ask_delivery(STAFF, paid, ELSEWHERE))
    assert view.delivery == replace(SHOWN, region=ELSEWHERE.region, phone="")
    changed = last(desk_setup)
    assert isinstance(changed, DeliveryChanged)
    assert changed.by == STAFF.name
    assert kept(desk_setup) == [ELSEWHERE]
    refused = service.ask_delivery(STRANGER, paid, ADDRESS)
    assert refused == Refused(Refusal.NOT_ALLOWED)


def test_a_key_is_mailed_corrected_and_comes_back(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    desk_setup.clock.now += 60
    mailed = answered(service.key_mailed(STAFF, paid, " 顺丰速运 ", "SF1 "))
    assert mailed.delivery == replace(
        SHOWN, state=DeliveryState.MAILED, carrier="顺丰速运", tracking="SF1", mailed_at=NOW + 60
    )
    assert last(desk_setup) == KeyMailed(paid, "11000001", "顺丰速运", "SF1", NOW + 60, STAFF.name)
    assert service.ask_delivery(SESSION, paid, ELSEWHERE) == Refused(Refusal.DELIVERY_SENT)
    corrected = answered(service.key_mailed(STAFF, paid, "EMS", "E1"))
    assert corrected.delivery is not None
    assert (corrected.delivery.carrier, corrected.delivery.tracking) == ("EMS", "E1")
    back = answered(service.key_received_back(STAFF, paid, "无人签收", "E8AD"))
    assert back.delivery is not None
    assert (back.delivery.state, back.delivery.reason) == (DeliveryState.RETURNED, "无人签收")
    assert last(desk_setup) == KeyReceivedBack(paid, "11000001", "无人签收", STAFF.name, "E8AD")
    assert service.key_received_back(STAFF, paid, "") == Refused(Refusal.DELIVERY_NOT_SENT)
    again = answered(service.ask_delivery(SESSION, paid, ELSEWHERE))
    assert again.delivery is not None
    assert again.delivery.state is DeliveryState.ASKED


def test_a_key_that_the_exchange_mailed_is_noted_as_returned(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    told = replace(MAILED_TOLD, order=paid)
    tell(desk_setup, told)
    back = answered(service.key_received_back(STAFF, paid, "无人签收", "E8AD"))
    returned = replace(
        SHOWN,
        state=DeliveryState.RETURNED,
        carrier="EMS",
        tracking="E1",
        mailed_at=NOW + 5,
        reason="无人签收",
    )
    assert back.delivery == returned
    mailing = Mailing(NOW, "EMS", "E1", NOW + 5)
    assert last(desk_setup) == KeyReceivedBack(paid, "11000001", "无人签收", STAFF.name, "E8AD", mailing)
    assert service.key_received_back(STAFF, paid, "") == Refused(Refusal.DELIVERY_NOT_SENT)
    tell(desk_setup, replace(told, mailed_at=NOW + 50, tracking="E2"))
    again = answered(service.key_received_back(STAFF, paid, "拒收")).delivery
    assert again == replace(returned, tracking="E2", mailed_at=NOW + 50, reason="拒收")
    assert answered(service.ask_delivery(STAFF, paid, ELSEWHERE)).delivery is not None


def test_what_was_asked_on_the_phone_is_mailed_and_comes_back_here(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    told = replace(MAILED_TOLD, order=paid, asked_at=NOW - 60)
    asked = replace(told, state=DeliveryState.ASKED, carrier="", tracking="", mailed_at=0)
    tell(desk_setup, asked)
    shown = replace(SHOWN, asked_at=NOW - 60)
    mailed = answered(service.key_mailed(STAFF, paid, "顺丰速运", "SF1"))
    mailed_here = replace(
        shown, state=DeliveryState.MAILED, carrier="顺丰速运", tracking="SF1", mailed_at=NOW
    )
    assert mailed.delivery == mailed_here
    back = answered(service.key_received_back(STAFF, paid, "拒收"))
    assert back.delivery == replace(mailed_here, state=DeliveryState.RETURNED, reason="拒收")
    assert last(desk_setup) == KeyReceivedBack(paid, "11000001", "拒收", STAFF.name)
    tell(desk_setup, replace(asked, asked_at=NOW + 5))
    assert answered(service.requests(SESSION, paid)).delivery == replace(shown, asked_at=NOW + 5)


def test_what_both_ask_and_mail_elsewhere_comes_back_here(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    tell(desk_setup, replace(MAILED_TOLD, order=paid))
    back = answered(service.key_received_back(STAFF, paid, "拒收")).delivery
    assert back is not None
    assert (back.state, back.recipient, back.phone) == (DeliveryState.RETURNED, "张**", "138****5678")


def test_an_invoice_that_was_asked_on_the_phone_is_withdrawn_here(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    told = InvoiceTold(
        paid, "11000001", InvoiceState.ASKED, InvoiceKind.ORDINARY, "f***@example.cn", asked_at=NOW - 5
    )
    tell(desk_setup, told)
    withdrawn = answered(service.withdraw_invoice(STAFF, paid)).invoice
    assert withdrawn is not None
    assert (withdrawn.state, withdrawn.invoice) == (InvoiceState.WITHDRAWN, InvoiceKind.ORDINARY)
    asked = AskedInvoice(InvoiceKind.ORDINARY, NOW - 5)
    assert last(desk_setup) == InvoiceWithdrawn(paid, "11000001", STAFF.name, asked)
    assert service.withdraw_invoice(STAFF, paid) == Refused(Refusal.INVOICE_NOT_ASKED)


def test_nobody_but_staff_says_that_a_key_was_mailed(service: DeskService, paid: str) -> None:
    assert service.key_mailed(STRANGER, paid, "EMS", "E1") == Refused(Refusal.NOT_ALLOWED)
    assert service.key_received_back(STRANGER, paid, "") == Refused(Refusal.NOT_ALLOWED)
    assert service.key_mailed(STAFF, paid, " ", "E1") == Refused(Refusal.MALFORMED)
    assert service.key_mailed(STAFF, paid, "EMS", " ") == Refused(Refusal.MALFORMED)


@pytest.mark.parametrize("name", ["recipient", "region", "address"])
def test_an_address_without_one_of_its_parts_is_refused(
    service: DeskService, desk_setup: DeskSetup, paid: str, name: str
) -> None:
    before = desk_setup.bodies()
    whole = {each: getattr(ADDRESS, each) for each in ADDRESS.__struct_fields__}
    assert service.ask_delivery(SESSION, paid, DeliveryAddress(**whole | {name: " "})) == Refused(
        Refusal.MALFORMED
    )
    assert desk_setup.bodies() == before


def test_a_phone_to_call_must_be_one(service: DeskService, paid: str) -> None:
    assert service.ask_delivery(SESSION, paid, replace(ADDRESS, phone="1381234567")) == Refused(
        Refusal.MALFORMED
    )
    assert not isinstance(
        service.ask_delivery(SESSION, paid, replace(ADDRESS, phone="037168085231")), Refused
    )


def test_a_record_that_is_too_long_is_refused_and_nothing_is_written(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    before = desk_setup.bodies()
    assert service.ask_delivery(SESSION, paid, replace(ADDRESS, address="路" * 5000)) == Refused(
        Refusal.MALFORMED
    )
    assert desk_setup.bodies() == before
    assert kept(desk_setup) == []


def test_only_what_was_paid_for_and_needs_a_key_is_mailed(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    unpaid = place(service, SESSION, OrderKind.NEW)
    assert service.ask_delivery(SESSION, unpaid, ADDRESS) == Refused(Refusal.ORDER_UNPAID)
    assert service.ask_invoice(SESSION, unpaid, InvoiceKind.SPECIAL, DETAILS) == Refused(Refusal.ORDER_UNPAID)
    assert service.ask_delivery(session_of("11000003"), unpaid, ADDRESS) == Refused(Refusal.NO_ORDER)
    assert service.requests(session_of("11000003"), unpaid) == Refused(Refusal.NO_ORDER)
    desk_setup.bound_elsewhere("11000003", "E8AD652202221F09", NOW - 1000, NOW + 1000)
    renewal = desk_setup.paid_order("11000003", OrderKind.RENEWAL)
    assert service.ask_delivery(session_of("11000003"), renewal, ADDRESS) == Refused(Refusal.NOTHING_TO_MAIL)


def test_an_invoice_is_asked_for_changed_and_withdrawn(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    shown = InvoiceView(InvoiceState.ASKED, InvoiceKind.SPECIAL, "f***@example.cn", NOW)
    assert answered(service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS)).invoice == shown
    assert isinstance(last(desk_setup), InvoiceAsked)
    person = InvoiceDetails("李晓梅", "", "li@example.cn")
    changed = answered(service.ask_invoice(STAFF, paid, InvoiceKind.ORDINARY, person)).invoice
    assert changed == InvoiceView(InvoiceState.ASKED, InvoiceKind.ORDINARY, "l***@example.cn", NOW)
    assert isinstance(last(desk_setup), InvoiceChanged)
    assert kept(desk_setup) == [person]
    withdrawn = answered(service.withdraw_invoice(SESSION, paid)).invoice
    assert withdrawn is not None
    assert (withdrawn.state, withdrawn.email) == (InvoiceState.WITHDRAWN, "")
    assert last(desk_setup) == InvoiceWithdrawn(paid, "11000001", "member")
    assert kept(desk_setup) == []
    assert service.withdraw_invoice(SESSION, paid) == Refused(Refusal.INVOICE_NOT_ASKED)
    answered(service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS))
    assert isinstance(last(desk_setup), InvoiceAsked)


def test_a_bound_order_gets_an_invoice_too(service: DeskService, desk_setup: DeskSetup) -> None:
    desk_setup.bound_here(service, "11000001", "E8AD652202221F03")
    with desk_setup.database.read() as tx:
        (order,) = tx.ledger.orders(account="11000001")
    view = answered(service.ask_invoice(SESSION, order.reference, InvoiceKind.SPECIAL, DETAILS))
    assert view.invoice is not None
    assert service.ask_delivery(SESSION, order.reference, ADDRESS) == Refused(Refusal.ORDER_BOUND)


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        (InvoiceKind.SPECIAL, replace(DETAILS, credit_code="")),
        (InvoiceKind.SPECIAL, replace(DETAILS, credit_code="9144030071526726XH")),
        (InvoiceKind.ORDINARY, replace(DETAILS, credit_code="9144030071526726XH")),
        (InvoiceKind.ORDINARY, replace(DETAILS, title=" ")),
        (InvoiceKind.ORDINARY, replace(DETAILS, email="")),
        (InvoiceKind.ORDINARY, replace(DETAILS, email="@example.cn")),
        (InvoiceKind.ORDINARY, replace(DETAILS, email="finance@")),
        (InvoiceKind.ORDINARY, replace(DETAILS, email="fin ance@example.cn")),
    ],
)
def test_an_invoice_that_cannot_be_made_out_is_refused(
    service: DeskService, paid: str, kind: InvoiceKind, details: InvoiceDetails
) -> None:
    assert service.ask_invoice(SESSION, paid, kind, details) == Refused(Refusal.MALFORMED)


def test_what_the_centre_told_is_shown_once_it_is_the_later(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(SESSION, paid, ELSEWHERE))
    answered(service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS))
    told = DeliveryTold(paid, "11000001", DeliveryState.ASKED, "张**", "139****0000", "洛阳", asked_at=NOW)
    tell(desk_setup, told)
    shown = answered(service.requests(SESSION, paid)).delivery
    assert shown is not None
    assert shown.phone == "139****0000"  # the bound phone, which the centre alone knows
    tell(desk_setup, replace(told, state=DeliveryState.MAILED, mailed_at=NOW + 5, tracking="SF1"))
    tell(
        desk_setup,
        InvoiceTold(
            paid,
            "11000001",
            InvoiceState.ISSUED,
            InvoiceKind.SPECIAL,
            number="2641",
            asked_at=NOW,
            issued_at=NOW,
        ),
    )
    view = answered(service.requests(SESSION, paid))
    assert view.delivery is not None
    assert (view.delivery.state, view.delivery.tracking) == (DeliveryState.MAILED, "SF1")
    assert view.invoice is not None
    assert (view.invoice.state, view.invoice.number) == (InvoiceState.ISSUED, "2641")
    assert service.ask_delivery(SESSION, paid, ADDRESS) == Refused(Refusal.DELIVERY_SENT)
    assert service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS) == Refused(Refusal.INVOICE_ISSUED)
    assert service.withdraw_invoice(SESSION, paid) == Refused(Refusal.INVOICE_ISSUED)


def test_what_was_asked_here_goes_before_what_the_centre_told_earlier(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    tell(
        desk_setup,
        DeliveryTold(paid, "11000001", DeliveryState.RETURNED, asked_at=NOW - 60, mailed_at=NOW - 5),
    )
    tell(
        desk_setup, InvoiceTold(paid, "11000001", InvoiceState.ASKED, InvoiceKind.ORDINARY, asked_at=NOW - 60)
    )
    asked = answered(service.ask_delivery(SESSION, paid, ADDRESS)).delivery
    assert asked == SHOWN
    assert isinstance(desk_setup.bodies()[-2], DeliveryChanged)
    invoice = answered(service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS)).invoice
    assert invoice is not None
    assert invoice.invoice is InvoiceKind.SPECIAL
    tell(desk_setup, InvoiceTold(paid, "11000001", InvoiceState.ASKED, InvoiceKind.SPECIAL, asked_at=NOW))
    withdrawn = answered(service.withdraw_invoice(SESSION, paid)).invoice
    assert withdrawn is not None
    assert withdrawn.state is InvoiceState.WITHDRAWN


def test_an_operator_is_proposed_and_taken_back(service: DeskService, desk_setup: DeskSetup) -> None:
    view = answered(service.propose_operator(SESSION, OPERATOR, True))  # noqa: FBT003 - the verb's own signature
    assert view == ProposalView(
        view.proposal, ProposalState.UNDER_REVIEW, "王**", "1101**********002X", "139****1234"
    )
    proposed = last(desk_setup)
    assert isinstance(proposed, OperatorProposed)
    assert len(proposed.proposal) == 16
    assert (proposed.account, proposed.enterprise_code, proposed.authorised) == ("11000001", "A", True)
    assert answered(service.proposals(SESSION)) == (view,)
    assert answered(service.proposals(session_of("11000003"))) == ()
    other = service.withdraw_operator(session_of("11000003"), view.proposal)
    assert other == Refused(Refusal.NOT_ALLOWED)
    assert service.withdraw_operator(SESSION, "0" * 16) == Refused(Refusal.NOT_ALLOWED)
    withdrawn = answered(service.withdraw_operator(SESSION, view.proposal))
    assert (withdrawn.state, withdrawn.name) == (ProposalState.WITHDRAWN, "")
    assert last(desk_setup) == OperatorWithdrawn(view.proposal, "11000001", "member")
    assert kept(desk_setup) == []
    assert service.withdraw_operator(SESSION, view.proposal) == Refused(Refusal.PROPOSAL_DECIDED)


def test_what_the_exchange_decided_about_an_operator_is_shown(
    service: DeskService, desk_setup: DeskSetup
) -> None:
    own = answered(service.propose_operator(SESSION, OPERATOR, True, STAFF))  # noqa: FBT003 - the verb's own signature
    told = ProposalTold(own.proposal, "11000001", "A", ProposalState.APPROVED, "王**", new_account="11000009")
    elsewhere = ProposalTold("f" * 16, "11000001", "A", ProposalState.REFUSED, "李**", reason="证件不清楚")
    tell(desk_setup, told)
    tell(desk_setup, elsewhere)
    shown = answered(service.proposals(SESSION))
    assert [(each.state, each.new_account, each.reason) for each in shown] == [
        (ProposalState.APPROVED, "11000009", ""),
        (ProposalState.REFUSED, "", "证件不清楚"),
    ]
    assert service.withdraw_operator(SESSION, own.proposal) == Refused(Refusal.PROPOSAL_DECIDED)
    told_elsewhere = service.withdraw_operator(SESSION, elsewhere.proposal)
    assert told_elsewhere == Refused(Refusal.PROPOSAL_ELSEWHERE)
    others = service.withdraw_operator(session_of("11000003"), elsewhere.proposal)
    assert others == Refused(Refusal.NOT_ALLOWED)


@pytest.mark.parametrize(
    "details",
    [
        replace(OPERATOR, name=" "),
        replace(OPERATOR, name="wangxiaofang"),
        replace(OPERATOR, name="王小芳\u200b"),
        replace(OPERATOR, document_number="110105194912310021"),
        replace(OPERATOR, document=DocumentKind.PASSPORT, document_number="x"),
        replace(OPERATOR, phone=""),
        replace(OPERATOR, phone="139-1234-123"),
    ],
)
def test_an_operator_who_is_not_named_right_is_refused(
    service: DeskService, details: OperatorDetails
) -> None:
    assert service.propose_operator(SESSION, details, True) == Refused(Refusal.MALFORMED)  # noqa: FBT003 - the verb's own signature


def test_an_operator_needs_an_authorisation_and_an_account_that_is_known(service: DeskService) -> None:
    assert service.propose_operator(SESSION, OPERATOR, False) == Refused(Refusal.NOT_AUTHORISED)  # noqa: FBT003 - the verb's own signature
    unknown = service.propose_operator(session_of("11000099"), OPERATOR, True)  # noqa: FBT003 - the verb's own signature
    assert isinstance(unknown, Refused)
    assert unknown.reason is Refusal.NOT_ALLOWED
