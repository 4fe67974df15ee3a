"""The content of the payer's page: the code verified, the price derived again, the state of the payment."""

from __future__ import annotations

import enum
from typing import assert_never

import msgspec
from django.conf import settings

from kiosk.domain.fees import FeeItem, OrderKind, PriceLine, total
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.payment_codes import (
    OrderCode,
    PaymentCodeError,
    confirmation_digits,
    confirmation_key,
    parse_link,
    read_order_code_unverified,
)
from kiosk.domain.scanned_confirmations import encode_scanned, scanned_message
from kiosk.labels import FEE_ITEMS, ORDER_KINDS, ORDER_STATUSES
from sync.central.centre_keys import CentreKeys
from sync.central.fleet import policies
from sync.central.fleet.machines import payment_secret, present_machine, verified_order_code
from sync.central.fleet.models import Kiosk, KioskState
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.rows import order_record
from sync.central.members.models import FeeSchedule, Operator
from sync.central.payments.models import UNPAID, Payment, PaymentState

# The pages say everything in both languages at once.
ENGLISH_KINDS = {
    OrderKind.NEW: "New key",
    OrderKind.REPLACEMENT: "Replacement key",
    OrderKind.RENEWAL: "Renewal",
}
_ENGLISH_ITEMS = {
    FeeItem.TOKEN: "Token",
    FeeItem.CERTIFICATE: "Certificate, 1 year",
    FeeItem.SERVICE: "Service, 1 year",
}


class PageState(enum.StrEnum):
    """The states of the page."""

    PAYABLE = "payable"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class OrderCodeRefusal(enum.StrEnum):
    """Why an order code is refused."""

    UNREADABLE = "unreadable"
    FORGED = "forged"
    KIOSK_REVOKED = "kiosk-revoked"
    SCHEDULE_UNKNOWN = "schedule-unknown"
    CLOCK = "clock"
    ANOTHER_CODE = "another-code"
    """The order of that reference has another code."""


class OrderCodeRefused(Exception):
    """The order code in the address is refused."""

    def __init__(self, reason: OrderCodeRefusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Bill(msgspec.Struct, frozen=True):
    """What a verified order code is to be paid; `expires_at` in UTC seconds, amounts in fen."""

    data: bytes
    code: OrderCode
    secret: bytes
    lines: tuple[PriceLine, ...]
    expires_at: int

    @property
    def order(self) -> str:
        """The order's reference."""
        return str(self.code.reference)

    @property
    def amount(self) -> int:
        """What is to be paid."""
        return total(self.lines)


class Line(msgspec.Struct, frozen=True):
    """One line of the page's bill."""

    name: str
    english: str
    amount: int


class PageView(msgspec.Struct, frozen=True):
    """The page's content, as programs get it; confirmation and scan text only once paid, for who may read them.

    `status` is the order's in words. Once an order is no longer to be paid, its account is shown to who may read it; others
    see its beginning alone, and no enterprise: a receipt's code has this address.
    """

    state: PageState
    status: str
    order: str
    order_number: str
    kind: OrderKind
    kind_name: str
    kind_english: str
    account: str
    enterprise: str
    payee: str
    amount: int
    lines: tuple[Line, ...]
    expires_at: int
    paid_at: int | None = None
    transaction: str = ""
    confirmation: str = ""
    scan_text: str = ""
    hidden: bool = False
    """Whether there is a confirmation that this browser may not read."""


def read_bill(text: str, keys: CentreKeys, now: int) -> Bill:
    """The bill of the code in an address. Raises OrderCodeRefused."""
    try:
        data = parse_link(text)
        claimed = read_order_code_unverified(data)
    except PaymentCodeError as error:
        raise OrderCodeRefused(OrderCodeRefusal.UNREADABLE) from error
    kiosk = Kiosk.objects.filter(number=claimed.order.kiosk).exclude(state=KioskState.AWAITED).first()
    present = present_machine(claimed.order.kiosk)
    if kiosk is None or present is None:
        raise OrderCodeRefused(OrderCodeRefusal.FORGED)
    try:
        code, current = verified_order_code(kiosk.number, data, keys)
    except PaymentCodeError as error:
        raise OrderCodeRefused(OrderCodeRefusal.FORGED) from error
    schedule = FeeSchedule.objects.filter(number=code.fee_schedule).first()
    if schedule is None:
        raise OrderCodeRefused(OrderCodeRefusal.SCHEDULE_UNKNOWN)
    newest = policies.newest(kiosk.number)
    if newest is None:
        raise OrderCodeRefused(OrderCodeRefusal.FORGED)
    payment = Payment.objects.filter(order=str(code.reference)).first()
    row = LedgerOrder.objects.filter(reference=str(code.reference)).first()
    codes = {
        b"" if payment is None else bytes(payment.token),
        b"" if row is None else order_record(row).order_code,
    }
    if not codes <= {b"", data}:
        raise OrderCodeRefused(OrderCodeRefusal.ANOTHER_CODE)
    known = payment is not None and payment.state not in UNPAID
    # An order that was lost with its machine before it was uploaded cannot be paid.
    if not known and not current and row is None:
        raise OrderCodeRefused(OrderCodeRefusal.FORGED)
    if not known and kiosk.state == KioskState.REVOKED:
        raise OrderCodeRefused(OrderCodeRefusal.KIOSK_REVOKED)
    if not known and code.placed_at > now + newest.clock_deviation:
        raise OrderCodeRefused(OrderCodeRefusal.CLOCK)
    lines = schedule.record().lines(code.kind)
    # The kiosk waits as long as its policy said when it placed the order, not as the present one says.
    deadline = code.placed_at + newest.payment_window if row is None else order_record(row).deadline
    return Bill(data, code, payment_secret(present, keys), lines, deadline)


def page_state(bill: Bill, now: int) -> PageState:
    """The state of the page, by the payment and by the ledger's order."""
    payment = Payment.objects.filter(order=bill.order).first()
    row = LedgerOrder.objects.filter(reference=bill.order).first()
    return state_of(payment, None if row is None else OrderStatus(row.status), bill.expires_at, now)


def state_of(payment: Payment | None, status: OrderStatus | None, expires_at: int, now: int) -> PageState:
    """The state of an order, by its payment, by its status in the ledger, where it has one, and by its deadline."""
    if payment is not None and payment.state == PaymentState.REFUNDED:
        return PageState.REFUNDED
    if payment is not None and payment.state == PaymentState.PAID:
        gone = {OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUNDING}
        return PageState.REFUNDING if status in gone else PageState.PAID
    return _unpaid(status, expires_at, now)


def _unpaid(status: OrderStatus | None, expires_at: int, now: int) -> PageState:
    match status:
        case OrderStatus.CANCELLED:
            return PageState.CANCELLED
        case OrderStatus.EXPIRED:
            return PageState.EXPIRED
        case OrderStatus.REFUNDING:
            return PageState.REFUNDING
        case OrderStatus.REFUNDED:
            return PageState.REFUNDED
        case OrderStatus.PAID | OrderStatus.BOUND:
            # The kiosk says that it was paid, for example at the desk: it cannot be paid again here.
            return PageState.PAID
        case OrderStatus.PLACED | None:
            return PageState.PAYABLE if now <= expires_at else PageState.EXPIRED
        case _:
            assert_never(status)


def shown_status(state: PageState, status: OrderStatus | None) -> OrderStatus:
    """The status that is shown of an order in that state: the money may be ahead of what its kiosk told."""
    match state:
        case PageState.PAYABLE:
            return OrderStatus.PLACED
        case PageState.PAID:
            return OrderStatus.BOUND if status is OrderStatus.BOUND else OrderStatus.PAID
        case PageState.CANCELLED:
            return OrderStatus.CANCELLED
        case PageState.EXPIRED:
            return OrderStatus.EXPIRED
        case PageState.REFUNDING:
            return OrderStatus.REFUNDING
        case PageState.REFUNDED:
            return OrderStatus.REFUNDED
        case _:
            assert_never(state)


def page_view(bill: Bill, keys: CentreKeys, now: int, *, readable: bool) -> PageView:
    """The page of a bill in its present state; `readable`: whether the confirmation may be read (payers.py)."""
    state = page_state(bill, now)
    payment = Payment.objects.filter(order=bill.order).first()
    row = LedgerOrder.objects.filter(reference=bill.order).first()
    private = state is not PageState.PAYABLE and not readable
    here = state is PageState.PAID and payment is not None and payment.state == PaymentState.PAID
    confirmation = scan_text = ""
    hidden = here and not readable
    if here and readable:
        confirmation = confirmation_digits(bill.data, bill.amount, confirmation_key(bill.secret))
        signature = keys.sign(scanned_message(bill.data, bill.amount))
        scan_text = encode_scanned(bill.data, bill.amount, signature)
    operator = Operator.objects.select_related("enterprise").filter(account=bill.code.account).first()
    name, english = ORDER_KINDS[bill.code.kind], ENGLISH_KINDS[bill.code.kind]
    return PageView(
        state=state,
        status=ORDER_STATUSES[shown_status(state, None if row is None else OrderStatus(row.status))],
        order=bill.order,
        order_number=str(bill.code.order),
        kind=bill.code.kind,
        kind_name=name,
        kind_english=english,
        account=masked(bill.code.account) if private else bill.code.account,
        enterprise="" if operator is None or private else operator.enterprise.name,
        payee=settings.KEYDESK.payee,
        amount=bill.amount,
        lines=tuple(
            Line(FEE_ITEMS[line.item], _ENGLISH_ITEMS[line.item], line.amount) for line in bill.lines
        ),
        expires_at=bill.expires_at,
        paid_at=None if payment is None else payment.paid_at,
        transaction="" if payment is None else payment.transaction,
        confirmation=confirmation,
        scan_text=scan_text,
        hidden=hidden,
    )


def masked(account: str) -> str:
    """An account with only its first four digits."""
    return account[:4] + "****"
