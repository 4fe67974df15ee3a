"""A member's orders as the phone shows them: the state in words, and what is promised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Delivery, Order, OrderStatus
from kiosk.domain.promises import (
    DISPATCH_DAYS,
    INVOICE_DAYS,
    INVOICING_CLOSES,
    INVOICING_GOES_ON,
    china_day,
    dispatch_promise,
    invoice_promise,
)
from kiosk.domain.working_days import Calendar
from kiosk.labels import ORDER_KINDS, ORDER_STATUSES
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.rows import order_record
from sync.central.members.models import Operator
from sync.central.payments.models import SETTLED, UNPAID, Payment, PaymentAttempt
from sync.central.payments.pages import ENGLISH_KINDS, shown_status, state_of
from sync.central.payments.payers import hashed_browser

MOST = 30
"""Orders on one page, the newest."""
_ENGLISH_STATUSES = {
    OrderStatus.PLACED: "To be paid",
    OrderStatus.PAID: "Paid, to be bound",
    OrderStatus.BOUND: "Bound",
    OrderStatus.CANCELLED: "Cancelled",
    OrderStatus.EXPIRED: "Expired",
    OrderStatus.REFUNDING: "Refund in progress",
    OrderStatus.REFUNDED: "Refunded",
}
_STANDS = {OrderStatus.PAID, OrderStatus.BOUND}


class Note(msgspec.Struct, frozen=True):
    """A sentence in both languages; `name` is for programs."""

    name: str
    text: str
    english: str


class Card(msgspec.Struct, frozen=True):
    """One order; `amount` in fen, times in UTC seconds."""

    reference: str
    order_number: str
    kind_name: str
    kind_english: str
    account: str
    enterprise: str
    status: OrderStatus
    amount: int
    at: int
    notes: tuple[Note, ...]

    @property
    def status_name(self) -> str:
        """The status in words."""
        return ORDER_STATUSES[self.status]

    @property
    def status_english(self) -> str:
        """The status in English words."""
        return _ENGLISH_STATUSES[self.status]


def of_account(account: str, calendar: Calendar, now: int) -> list[Card]:
    """The account's orders, the newest first: those in the books, and those that were paid before their kiosk told of them."""
    rows = LedgerOrder.objects.filter(account=account).order_by("-placed_at", "-reference")[:MOST]
    payments = Payment.objects.filter(account=account).order_by("-opened_at", "-order")[:MOST]
    paid = [each.order for each in payments if each.state not in UNPAID]
    return _cards([*(row.reference for row in rows), *paid], calendar, now)


def of_browser(browser: str, calendar: Calendar, now: int) -> list[Card]:
    """The orders that the browser of that name paid."""
    attempts = PaymentAttempt.objects.filter(browser=hashed_browser(browser)).order_by("-opened_at")[:MOST]
    return _cards([each.payment_id for each in attempts if each.state in SETTLED], calendar, now)


def _cards(references: Iterable[str], calendar: Calendar, now: int) -> list[Card]:
    wanted = set(references)
    rows = {row.reference: row for row in LedgerOrder.objects.filter(reference__in=wanted).order_by()}
    payments = {each.order: each for each in Payment.objects.filter(order__in=wanted).order_by()}
    accounts = {row.account for row in rows.values()} | {each.account for each in payments.values()}
    operators = Operator.objects.select_related("enterprise").filter(account__in=accounts).order_by()
    enterprises = {each.account: each.enterprise.name for each in operators}
    cards = [
        _card(rows.get(each), payments.get(each), enterprises, calendar, now)
        for each in wanted
        if each in rows or each in payments
    ]
    return sorted(cards, key=lambda card: (card.at, card.reference), reverse=True)[:MOST]


def _card(
    row: LedgerOrder | None,
    payment: Payment | None,
    enterprises: dict[str, str],
    calendar: Calendar,
    now: int,
) -> Card:
    known = row or payment
    if known is None:
        raise ValueError("an order is in the books or was paid")
    order = None if row is None else order_record(row)
    told = None if order is None else order.status
    status = shown_status(state_of(payment, told, 0 if order is None else order.deadline, now), told)
    kind = OrderKind(known.kind)
    paid_at = _paid_at(order, payment)
    return Card(
        reference=row.reference if row is not None else known.pk,
        order_number=known.order_number,
        kind_name=ORDER_KINDS[kind],
        kind_english=ENGLISH_KINDS[kind],
        account=known.account,
        enterprise=enterprises.get(known.account, ""),
        status=status,
        amount=payment.amount if payment is not None and payment.amount else _total(order),
        at=paid_at or (0 if order is None else order.placed_at),
        notes=tuple(_notes(kind, status, order, paid_at, calendar, now)),
    )


def _paid_at(order: Order | None, payment: Payment | None) -> int:
    if payment is not None and payment.paid_at:
        return payment.paid_at
    return 0 if order is None else min((each.time for each in order.payments), default=0)


def _total(order: Order | None) -> int:
    return 0 if order is None else order.total


def _notes(
    kind: OrderKind, status: OrderStatus, order: Order | None, paid_at: int, calendar: Calendar, now: int
) -> Iterator[Note]:
    """What comes next of an order, and what is promised."""
    if status is OrderStatus.PAID:
        if kind is OrderKind.RENEWAL:
            yield Note(
                "bring", "请带上key盘，到终端机办理绑定。", "Bring the key to a kiosk to have it renewed."
            )
        elif order is not None and order.delivery is Delivery.COUNTER:
            yield Note(
                "counter",
                "请凭凭条到窗口领取key盘，再到终端机绑定。",
                "Collect the key at the counter, then bind it.",
            )
        elif paid_at:
            yield _dispatch(paid_at, calendar, now)
    if status in _STANDS:
        yield _invoicing(calendar, now)


def _dispatch(paid_at: int, calendar: Calendar, now: int) -> Note:
    promise = dispatch_promise(paid_at, calendar)
    if china_day(now) > promise.by:
        return Note(
            "overdue",
            f"选择邮寄的，应已在 {_day(promise.by)}前寄出；还没有收到请联系客服。",
            f"If it is to be mailed, it should have been by {promise.by}: ask support if it has not come.",
        )
    return Note(
        "dispatch",
        f"选择邮寄的，付款后 {DISPATCH_DAYS} 个工作日内寄出，最迟 {_day(promise.by)}。{_unsure(certain=promise.certain)}",
        f"If it is to be mailed: within {DISPATCH_DAYS} working days, by {promise.by}.",
    )


def _invoicing(calendar: Calendar, now: int) -> Note:
    promise = invoice_promise(now, calendar)
    first, last = INVOICE_DAYS
    days = f"{_day(promise.earliest)}至{_day(promise.latest)}"
    unsure = _unsure(certain=promise.certain)
    if promise.goes_on is None:
        return Note(
            "invoice",
            f"电子发票申请后 {first} 至 {last} 个工作日发到邮箱；今天申请，预计 {days}。{unsure}",
            f"Invoices come by e-mail in {first} to {last} working days: asked for today, {promise.earliest} to {promise.latest}.",
        )
    return Note(
        "invoice-pause",
        f"每月 {INVOICING_CLOSES} 日至次月 {INVOICING_GOES_ON} 日暂停开票，{_day(promise.goes_on)}恢复；"
        f"今天申请会顺延，预计 {days} 发到邮箱。{unsure}",
        f"Invoicing pauses and goes on on {promise.goes_on}; asked for today, an invoice comes {promise.earliest} to {promise.latest}.",
    )


def _day(day: date) -> str:
    return f"{day.month} 月 {day.day} 日"


def _unsure(*, certain: bool) -> str:
    return "" if certain else "（放假安排尚未公布，按周末推算）"
