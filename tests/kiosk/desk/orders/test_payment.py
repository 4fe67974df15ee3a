from __future__ import annotations

from collections.abc import Callable

from kiosk.desk.context import Desk
from kiosk.desk.orders.confirming import CodeAccepted, CodeRefusal, CodeRefused
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, SignedIn
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.base32 import check_digit
from kiosk.domain.clock import FixedClock
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus, PaidHow
from kiosk.domain.policy import Policy
from kiosk.domain.scanned_confirmations import encode_scanned, scanned_message
from kiosk.pki.device_keys import device_sign, generate_device_key
from kiosk.store.database import Database
from tests.support.desk import answered

WRONG = "0000000000" + check_digit("0000000000")


def test_the_typed_confirmation_completes_its_order_once(
    service: DeskService,
    session: Session,
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    accepted = service.confirm_typed(number, digits_for(number).replace("-", " "))
    assert isinstance(accepted, CodeAccepted)
    assert accepted.order.status is OrderStatus.PAID
    assert service.confirm_typed(number, digits_for(number)) == Refused(Refusal.ORDER_PAID_ALREADY)
    with database.read() as tx:
        order = tx.ledger.order(number)
    assert order is not None
    assert [payment.how for payment in order.payments] == [PaidHow.CODE]


def test_a_slip_of_the_finger_costs_no_try(
    service: DeskService,
    session: Session,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    right = digits_for(number)
    last = str((int(right[-1]) + 1) % 10)
    for _ in range(7):
        assert service.confirm_typed(number, right[:-1] + last) == CodeRefused(CodeRefusal.CHECK_DIGIT, 5)
        assert service.confirm_typed(number, "12345") == CodeRefused(CodeRefusal.MALFORMED, 5)
    assert isinstance(service.confirm_typed(number, right), CodeAccepted)


def test_after_five_wrong_tries_with_growing_waits_typing_is_locked_and_scanning_is_not(
    open_desk: Callable[[], Desk],
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
    scan_for: Callable[[str], str],
) -> None:
    service = DeskService(open_desk())
    number = placed(session, OrderKind.NEW)
    assert service.confirm_typed(number, WRONG) == CodeRefused(CodeRefusal.WRONG, 4)
    for left, wait in ((3, 2), (2, 4), (1, 8)):
        assert service.confirm_typed(number, WRONG) == CodeRefused(CodeRefusal.WRONG, left)
        waiting = service.confirm_typed(number, digits_for(number))
        assert waiting == CodeRefused(CodeRefusal.WAIT, left, clock.wall() + wait)
        clock.advance(wait)
    assert service.confirm_typed(number, WRONG) == CodeRefused(CodeRefusal.LOCKED, 0)
    clock.advance(60)
    restarted = DeskService(open_desk())
    assert restarted.confirm_typed(number, digits_for(number)) == CodeRefused(CodeRefusal.LOCKED, 0)
    view = answered(restarted.order(number))
    assert view is not None
    assert (view.typing_locked, view.tries_left) == (True, 0)
    assert isinstance(restarted.confirm_scanned(number, scan_for(number)), CodeAccepted)


def test_what_is_mistyped_or_misread_says_how_many_tries_are_left(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    for left in (4, 3, 2, 1, 0, 0):
        service.confirm_typed(number, WRONG)
        assert service.confirm_typed(number, "12345") == CodeRefused(CodeRefusal.MALFORMED, left)
        assert service.confirm_scanned(number, "12345") == CodeRefused(CodeRefusal.MALFORMED, left)
        clock.advance(60)


def test_an_order_that_ran_out_of_tries_gets_none_back_with_the_months(
    service: DeskService,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    for _ in range(5):
        clock.advance(10)
        service.confirm_typed(number, WRONG)
    clock.advance(365 * 86_400)
    assert isinstance(service.sign_in("11000001", "Keydesk-1"), SignedIn)  # which forgets old failures
    assert service.confirm_typed(number, digits_for(number)) == CodeRefused(CodeRefusal.LOCKED, 0)


def test_twenty_wrong_tries_an_hour_lock_typing_at_the_kiosk(
    service: DeskService,
    desk: Desk,
    session: Session,
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    with desk.database.write() as tx:
        for _ in range(20):
            tx.lockouts.record("confirmations", clock.wall())
    began = clock.wall()
    clock.advance(60)
    refused = service.confirm_typed(number, digits_for(number))
    assert refused == CodeRefused(CodeRefusal.KIOSK_LOCKED, 5, began + 3600)
    clock.advance(3540)
    assert isinstance(service.confirm_typed(number, digits_for(number)), CodeAccepted)


def test_a_wrong_try_for_any_order_counts_for_the_kiosk(
    service: DeskService,
    desk: Desk,
    session: Session,
    session_of: Callable[[str], Session],
    clock: FixedClock,
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    tried, right = placed(session, OrderKind.NEW), placed(session_of("11000003"), OrderKind.NEW)
    with desk.database.write() as tx:
        for _ in range(19):
            tx.lockouts.record("confirmations", clock.wall())
    assert service.confirm_typed(tried, WRONG) == CodeRefused(CodeRefusal.WRONG, 4)
    refused = service.confirm_typed(right, digits_for(right))
    assert refused == CodeRefused(CodeRefusal.KIOSK_LOCKED, 5, clock.wall() + 3600)


def test_how_an_order_was_paid_is_on_record(
    service: DeskService,
    session: Session,
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    scan_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    assert isinstance(service.confirm_scanned(number, scan_for(number)), CodeAccepted)
    with database.read() as tx:
        order = tx.ledger.order(number)
    assert order is not None
    assert [payment.how for payment in order.payments] == [PaidHow.SCAN]


def test_a_limit_that_was_lowered_meanwhile_leaves_a_paid_order_to_the_feed(
    service: DeskService,
    session: Session,
    database: Database,
    give_policy: Callable[[Database, Policy], None],
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    digits_for: Callable[[str], str],
    scan_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    give_policy(database, Policy(2, 3, 2_000_000_000, unsynced_amount=33_999))
    reached = Refused(Refusal.POLICY_AMOUNT_REACHED)
    assert service.confirm_typed(number, digits_for(number)) == reached
    assert service.confirm_scanned(number, scan_for(number)) == reached
    pay(number)
    view = answered(service.order(number))
    assert view is not None
    assert view.status is OrderStatus.PAID


def test_money_after_the_end_of_an_order_is_taken_and_owed_back(
    service: DeskService,
    session: Session,
    database: Database,
    give_policy: Callable[[Database, Policy], None],
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    service.cancel(session, number)
    give_policy(database, Policy(2, 3, 2_000_000_000, unsynced_amount=33_999))
    accepted = service.confirm_typed(number, digits_for(number))
    assert isinstance(accepted, CodeAccepted)
    assert accepted.order.status is OrderStatus.REFUNDING
    assert service.confirm_typed(number, digits_for(number)) == Refused(Refusal.ORDER_REFUNDING)


def test_a_scan_tells_another_order_from_another_kiosk_and_from_a_forgery(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    database: Database,
    placed: Callable[[Session, OrderKind], str],
    scan_for: Callable[[str], str],
    centre_key: bytes,
) -> None:
    number = placed(session, OrderKind.NEW)
    other = placed(session_of("11000003"), OrderKind.NEW)
    assert service.confirm_scanned(number, scan_for(other)) == CodeRefused(CodeRefusal.ANOTHER_ORDER, 5)
    with database.read() as tx:
        order = tx.ledger.order(number)
    assert order is not None
    stranger = bytes(38)
    signed = device_sign(centre_key, scanned_message(stranger, 34000))
    foreign = service.confirm_scanned(number, encode_scanned(stranger, 34000, signed))
    assert foreign == CodeRefused(CodeRefusal.ANOTHER_KIOSK, 5)
    forged = device_sign(generate_device_key(), scanned_message(order.order_code, 34000))
    refused = service.confirm_scanned(number, encode_scanned(order.order_code, 34000, forged))
    assert refused == CodeRefused(CodeRefusal.NOT_GENUINE, 5)
    cheap = device_sign(centre_key, scanned_message(order.order_code, 100))
    refused = service.confirm_scanned(number, encode_scanned(order.order_code, 100, cheap))
    assert refused == CodeRefused(CodeRefusal.NOT_GENUINE, 5)
    for rubbish in ("", "KDESK1:", "KDESK1:" + "U" * 122, "https://example.com"):
        assert service.confirm_scanned(number, rubbish) == CodeRefused(CodeRefusal.MALFORMED, 5)


def test_the_confirmation_of_another_order_is_a_wrong_one_when_typed(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    placed: Callable[[Session, OrderKind], str],
    digits_for: Callable[[str], str],
) -> None:
    number = placed(session, OrderKind.NEW)
    other = placed(session_of("11000003"), OrderKind.NEW)
    assert service.confirm_typed(number, digits_for(other)) == CodeRefused(CodeRefusal.WRONG, 4)
    assert service.confirm_typed("3-9999-0", WRONG) == Refused(Refusal.NO_ORDER)
