"""What staff can do for an order after its payment, why not, and what their forms begin with."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kiosk.desk.requests.forms import RequestAct
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.entries.requests import DeliveryAsked, InvoiceAsked, InvoiceKind
from kiosk.domain.feed import DeliveryTold, InvoiceTold, KeyedBody
from kiosk.domain.feed_keys import row_key_of
from kiosk.domain.feed_rows import unsigned_row
from kiosk.domain.fees import OrderKind
from kiosk.domain.members import Enterprise, Review
from kiosk.domain.payment_codes import orders_page
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails
from kiosk.domain.requests import DeliveryState, InvoiceState
from kiosk.domain.versions import MEMBERS, NO_VERSION, Version
from tests.support.desk import FIRM, NOW, SESSION, STAFF, SUPERVISOR, DeskSetup, answered, place, session_of

ADDRESS = DeliveryAddress("张三丰", "河南省郑州市金水区", "花园路1号", "13812345678")
DETAILS = InvoiceDetails(FIRM, "9144030071526726XG", "finance@example.cn")
STRANGER = StaffSession("陌生人", supervisor=True)


@pytest.fixture
def service(desk_setup: DeskSetup) -> DeskService:
    return desk_setup.open_service()


@pytest.fixture
def paid(desk_setup: DeskSetup) -> str:
    return desk_setup.paid_order("11000001", OrderKind.NEW)


def tell(setup: DeskSetup, body: KeyedBody) -> None:
    with setup.database.write() as tx:
        tx.feed.rows.put(unsigned_row(MEMBERS, row_key_of(body), Version(1, 9), NO_VERSION, body))


def refused(service: DeskService, order: str) -> dict[RequestAct, Refusal]:
    forms = answered(service.request_forms(STAFF, order))
    return {act: each.reason for act, each in forms.refused.items()}


def test_staff_ask_for_whoever_the_order_belongs_to(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(STAFF, paid, ADDRESS))
    answered(service.ask_invoice(SUPERVISOR, paid, InvoiceKind.SPECIAL, DETAILS))
    bodies = desk_setup.bodies()
    delivery = next(each for each in bodies if isinstance(each, DeliveryAsked))
    invoice = next(each for each in bodies if isinstance(each, InvoiceAsked))
    assert (delivery.account, delivery.by) == ("11000001", STAFF.name)
    assert (invoice.account, invoice.by) == ("11000001", SUPERVISOR.name)
    withdrawn = answered(service.withdraw_invoice(STAFF, paid))
    assert withdrawn.invoice is not None


def test_nobody_but_staff_on_record_asks_for_another(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    before = desk_setup.bodies()
    other = session_of("11000003")
    assert service.request_forms(STRANGER, paid) == Refused(Refusal.NOT_ALLOWED)
    assert service.ask_delivery(STRANGER, paid, ADDRESS) == Refused(Refusal.NOT_ALLOWED)
    assert service.ask_invoice(STRANGER, paid, InvoiceKind.SPECIAL, DETAILS) == Refused(Refusal.NOT_ALLOWED)
    assert service.withdraw_invoice(STRANGER, paid) == Refused(Refusal.NOT_ALLOWED)
    assert service.ask_invoice(other, paid, InvoiceKind.SPECIAL, DETAILS) == Refused(Refusal.NO_ORDER)
    assert service.request_forms(STAFF, "3-9999-9") == Refused(Refusal.NO_ORDER)
    assert desk_setup.bodies() == before


def test_the_forms_begin_with_the_enterprise_the_operator_and_what_was_asked(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    forms = answered(service.request_forms(STAFF, paid))
    assert forms.address == DeliveryAddress("操作员", "", "")
    assert (forms.invoice, forms.details) == (InvoiceKind.SPECIAL, InvoiceDetails(FIRM, "", ""))
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    answered(service.ask_invoice(SESSION, paid, InvoiceKind.ORDINARY, DETAILS))
    forms = answered(service.request_forms(STAFF, paid))
    assert (forms.address, forms.invoice, forms.details) == (ADDRESS, InvoiceKind.ORDINARY, DETAILS)
    assert forms.requests.delivery is not None
    answered(service.withdraw_invoice(SESSION, paid))
    assert answered(service.request_forms(STAFF, paid)).details == InvoiceDetails(FIRM, "", "")


def test_the_forms_begin_with_nothing_that_the_member_changed_on_the_phone(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    answered(service.ask_invoice(SESSION, paid, InvoiceKind.SPECIAL, DETAILS))
    delivery = DeliveryTold(paid, "11000001", DeliveryState.ASKED, "李**", "", "河南省洛阳市", asked_at=NOW)
    invoice = InvoiceTold(
        paid, "11000001", InvoiceState.ASKED, InvoiceKind.ORDINARY, "l***@a.cn", asked_at=NOW
    )
    for told in (delivery, invoice):  # what was noted here
        tell(desk_setup, told)
    forms = answered(service.request_forms(STAFF, paid))
    assert (forms.address, forms.details) == (ADDRESS, DETAILS)
    for later in (replace(delivery, asked_at=NOW + 60), replace(invoice, asked_at=NOW + 60)):
        tell(desk_setup, later)
    forms = answered(service.request_forms(STAFF, paid))
    assert forms.requests.delivery is not None
    assert forms.requests.delivery.region == "河南省洛阳市"
    assert forms.address == DeliveryAddress("操作员", "", "")
    assert (forms.invoice, forms.details) == (InvoiceKind.ORDINARY, InvoiceDetails(FIRM, "", ""))


def test_of_an_address_that_was_erased_no_other_takes_the_place(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    with desk_setup.database.write() as tx:
        tx.personal.put(replace(ADDRESS, region="北京市"), "11000001", NOW)
    assert answered(service.request_forms(STAFF, paid)).address.region == "北京市"
    answered(service.ask_delivery(SESSION, paid, ADDRESS))
    with desk_setup.database.write() as tx:
        asked = tx.ledger.requests(paid)
        assert asked is not None
        assert asked.delivery is not None
        tx.personal.erase((asked.delivery.commitment,))
    assert answered(service.request_forms(STAFF, paid)).address == DeliveryAddress("操作员", "", "")


def test_an_enterprise_of_a_right_credit_code_has_it_filled_in(
    service: DeskService, desk_setup: DeskSetup, paid: str
) -> None:
    with desk_setup.database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        tx.members.put_enterprise(Enterprise(DETAILS.credit_code, FIRM, "王建国", Review.APPROVED))
        tx.members.put_operator(replace(operator, enterprise_code=DETAILS.credit_code))
    assert answered(service.request_forms(STAFF, paid)).details == replace(DETAILS, email="")


def test_each_act_is_refused_with_its_reason(service: DeskService, paid: str) -> None:
    assert refused(service, paid) == {
        RequestAct.RETURNED: Refusal.DELIVERY_NOT_SENT,
        RequestAct.WITHDRAWAL: Refusal.INVOICE_NOT_ASKED,
    }
    answered(service.key_mailed(STAFF, paid, "EMS", "E1"))
    answered(service.ask_invoice(STAFF, paid, InvoiceKind.SPECIAL, DETAILS))
    assert refused(service, paid) == {RequestAct.ADDRESS: Refusal.DELIVERY_SENT}
    unpaid = place(service, session_of("11000003"), OrderKind.NEW)
    assert set(refused(service, unpaid).values()) == {
        Refusal.ORDER_UNPAID,
        Refusal.DELIVERY_NOT_SENT,
        Refusal.INVOICE_NOT_ASKED,
    }


def test_a_postcode_has_six_digits(service: DeskService, paid: str) -> None:
    wrong = replace(ADDRESS, postcode="45000")
    assert service.ask_delivery(STAFF, paid, wrong) == Refused(Refusal.MALFORMED)
    answered(service.ask_delivery(STAFF, paid, replace(ADDRESS, postcode="450000")))


def test_a_member_sees_what_was_asked_for_every_order(service: DeskService, paid: str) -> None:
    assert service.requests_of(SESSION) == ()
    answered(service.ask_delivery(STAFF, paid, ADDRESS))
    assert [each.reference for each in answered(service.requests_of(SESSION))] == [paid]
    assert service.requests_of(session_of("11000003")) == ()


def test_the_phones_page_is_at_the_centres_address(desk_setup: DeskSetup, service: DeskService) -> None:
    page = desk_setup.open_desk().settings.payment_page
    assert service.orders_page == orders_page(page) == f"{page.rstrip('/')}/orders/"
