"""What people have of an order: a number that may be several orders', a reference, a receipt's code."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import ANY

import pytest
from msgspec.structs import replace

from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, ScanRead
from kiosk.desk.views.people import Session, StaffSession, WrongCredentials
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView
from kiosk.domain.entries.orders import OrderPlaced
from kiosk.domain.fees import OrderKind
from kiosk.domain.identifiers import OrderReference, number_in, parse_order_reference
from kiosk.domain.ledger import OrderStatus
from tests.support.desk import DeskSetup, answered, session_of

NONCES = (b"nonce1", b"nonce2")
Placed = Callable[[Session, OrderKind], str]


@pytest.fixture
def order(session: Session, placed: Placed) -> str:
    return placed(session, OrderKind.NEW)


@pytest.fixture
def twin(desk_setup: DeskSetup, order: str) -> str:
    """Another order of its number, of another account."""
    return desk_setup.paid_order("11000008", OrderKind.NEW, beside=order)


def _found(outcome: tuple[OrderView, ...] | Refused) -> list[str]:
    assert not isinstance(outcome, Refused), outcome
    return [each.reference for each in outcome]


@pytest.mark.parametrize("dash", ["-", " ", "－", " - ", "–"])
def test_a_number_is_found_however_it_is_typed(
    service: DeskService, staff: StaffSession, order: str, dash: str
) -> None:
    assert _found(service.find_orders(staff, number_in(order).replace("-", dash))) == [order]


def test_a_number_of_two_orders_finds_both_and_each_is_told_by_account_and_time(
    service: DeskService, staff: StaffSession, order: str, twin: str
) -> None:
    found = service.find_orders(staff, number_in(order))
    assert not isinstance(found, Refused)
    assert {(each.reference, each.account) for each in found} == {(order, "11000001"), (twin, "11000008")}
    assert {each.order_number for each in found} == {number_in(order)}


def test_a_reference_and_a_receipt_s_code_find_their_own_order(
    service: DeskService, staff: StaffSession, order: str, twin: str
) -> None:
    view = service.order(order)
    assert isinstance(view, OrderView)
    for text in (order, view.link, f" {view.link} "):
        assert _found(service.find_orders(staff, text)) == [order]
    assert _found(service.find_orders(staff, twin)) == [twin]


def test_an_order_that_has_ended_is_found_as_well(
    service: DeskService, session: Session, staff: StaffSession, order: str
) -> None:
    service.cancel(session, order)
    assert service.staff_orders() == ()
    assert _found(service.find_orders(staff, number_in(order))) == [order]
    view = service.order(order)
    assert isinstance(view, OrderView)
    assert view.status is OrderStatus.CANCELLED


def test_a_number_that_nobody_has_finds_none_and_one_that_is_none_is_said_to_be(
    service: DeskService, staff: StaffSession, order: str
) -> None:
    number = number_in(order)
    mistyped = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert service.find_orders(staff, "9-0147-1") == ()
    assert service.find_orders(staff, f"{order[:-1]}{'0' if order[-1] != '0' else '1'}") == ()
    assert service.find_orders(staff, mistyped) == Refused(Refusal.ORDER_NUMBER_MISTYPED)
    for text in ("", "11000001", "李晓梅", "3-0147", "HTTPS://PAY.EXAMPLE/0000"):
        assert service.find_orders(staff, text) == Refused(Refusal.NO_ORDER_NUMBER)


def test_only_staff_find_orders_by_number(service: DeskService, order: str) -> None:
    nobody = StaffSession("张三", supervisor=True)
    assert service.find_orders(nobody, number_in(order)) == Refused(Refusal.NOT_ALLOWED)


@pytest.mark.parametrize("paid", ["own", "the copy's"])
def test_of_two_open_orders_of_an_account_the_one_with_money_is_bound(
    service: DeskService, desk_setup: DeskSetup, session: Session, placed: Placed, paid: str
) -> None:
    with desk_setup.database.read() as tx:
        before = tx.journal.tip()
    own = placed(session, OrderKind.NEW)
    body = desk_setup.bodies()[-1]
    assert isinstance(body, OrderPlaced)
    elsewhere, other = (str(OrderReference(parse_order_reference(own).number, nonce)) for nonce in NONCES)
    after = desk_setup.told_by_a_copy(before, replace(body, order=elsewhere, account="11000008"))
    desk_setup.told_by_a_copy(after, replace(body, order=other))
    assert service.bindable(session) == Refused(Refusal.ORDER_UNPAID, ANY)
    desk_setup.pay(own if paid == "own" else other)
    (view,) = answered(service.bindable(session))
    assert view.reference == (own if paid == "own" else other)
    assert {each.reference for each in _open(service, session)} == {own, other}


def _open(service: DeskService, session: Session) -> tuple[OrderView, ...]:
    outcome = service.open_orders(session)
    assert not isinstance(outcome, Refused)
    return outcome


def test_an_order_number_is_no_account_and_costs_no_try(service: DeskService, order: str) -> None:
    number = number_in(order)
    for typed in (number, number.replace("-", "－"), number[:-1] + str((int(number[-1]) + 1) % 10)):
        for _ in range(9):
            assert service.sign_in(typed, "Keydesk-1") == Refused(Refusal.NUMBER_IS_NO_ACCOUNT)
    assert isinstance(service.sign_in("1100 0001", "wrong"), WrongCredentials)


def test_a_scan_says_before_the_sign_in_that_there_is_an_order_and_no_more(
    service: DeskService, order: str
) -> None:
    view = service.order(order)
    assert isinstance(view, OrderView)
    for text in (order, view.link, view.link.lower(), number_in(order)):
        assert service.read_scan(text) == ScanRead(number_in(order))
        assert ScanRead.__struct_fields__ == ("order_number",)


def test_what_was_scanned_is_shown_to_its_own_account_alone(
    service: DeskService, session: Session, order: str, twin: str
) -> None:
    assert _found(service.scanned_orders(session, number_in(order))) == [order]
    assert _found(service.scanned_orders(session_of("11000008"), number_in(order))) == [twin]
    for text in (twin, number_in(twin).replace("-", " - ")):
        assert service.scanned_orders(session_of("11000003"), text) == Refused(Refusal.SCAN_NOT_YOURS)


def test_a_scan_without_an_order_is_told_apart_from_a_payers_confirmation(
    desk_setup: DeskSetup, service: DeskService, session: Session, order: str
) -> None:
    for text in ("9-0147-1", "HTTPS://EXAMPLE.COM/7", "6901234567892", " ", order[:-1] + "x"):
        assert service.read_scan(text) == Refused(Refusal.SCAN_UNKNOWN)
        assert service.scanned_orders(session, text) == Refused(Refusal.SCAN_UNKNOWN)
    confirmation = desk_setup.scan_for(order)
    assert service.read_scan(confirmation) == Refused(Refusal.SCAN_IS_CONFIRMATION)


def test_a_keys_label_finds_the_last_order_that_was_bound_on_it(
    desk_setup: DeskSetup, service: DeskService
) -> None:
    account = "11000003"
    paid = desk_setup.paid_order(account, OrderKind.NEW)
    card = desk_setup.blank("E8AD652202221F03")
    assert service.read_scan(card.serial) == Refused(Refusal.SCAN_UNKNOWN)
    desk_setup.source.insert(card)
    bound = service.bind(session_of(account), paid, None, False, lambda _: None)  # noqa: FBT003 - the verb's own signature
    assert isinstance(bound, BoundView)
    for text in (card.serial, f" {card.serial.lower()} "):
        assert service.read_scan(text) == ScanRead("")
        assert _found(service.scanned_orders(session_of(account), text)) == [paid]
    assert service.scanned_orders(session_of("11000001"), card.serial) == Refused(Refusal.SCAN_NOT_YOURS)
