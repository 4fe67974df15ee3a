"""A member's orders as the phone shows them: the state in words, and what is promised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import Order, OrderStatus
from kiosk.domain.personal import PersonalRecord
from kiosk.domain.requests import InvoiceState, Requests
from kiosk.domain.working_days import Calendar
from kiosk.labels import ORDER_KINDS, ORDER_STATUSES
from sync.central.ledger.models import LedgerOrder
from sync.central.ledger.requesting import asked_for, records_of
from sync.central.ledger.rows import order_record
from sync.central.members.models import Operator
from sync.central.payments.models import SETTLED, UNPAID, Payment, PaymentAttempt
from sync.central.payments.orders.notes import Moments, Note, notes
from sync.central.payments.orders.sections import Section, is_recent, sections
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
_OLD = Note(
    "old",
    "付款已超过一年：邮寄和发票请联系客服办理。",
    "Paid more than a year ago: ask support for a delivery or an invoice.",
)


class Card(msgspec.Struct, frozen=True):
    """One order; `amount` in fen, times in UTC seconds. Without sections where it was only tried to pay it."""

    reference: str
    order_number: str
    kind: OrderKind
    account: str
    enterprise: str
    status: OrderStatus
    amount: int
    at: int
    notes: tuple[Note, ...]
    sections: tuple[Section, ...]
    invoice_asked: InvoiceKind | None
    """What is to be made out."""

    @property
    def kind_name(self) -> str:
        """What was ordered, in words."""
        return ORDER_KINDS[self.kind]

    @property
    def kind_english(self) -> str:
        """What was ordered, in English words."""
        return ENGLISH_KINDS[self.kind]

    @property
    def status_name(self) -> str:
        """The status in words."""
        return ORDER_STATUSES[self.status]

    @property
    def status_english(self) -> str:
        """The status in English words."""
        return _ENGLISH_STATUSES[self.status]

    def section(self, name: str) -> Section | None:
        """The section of that name, if a form is offered in it."""
        return next((each for each in self.sections if each.name == name and each.offer), None)


def of_account(account: str, calendar: Calendar, now: int) -> list[Card]:
    """The account's orders, the newest first: those in the books, and those that were paid before their kiosk told of them."""
    rows = LedgerOrder.objects.filter(account=account).order_by("-placed_at", "-reference")[:MOST]
    payments = Payment.objects.filter(account=account).order_by("-opened_at", "-order")[:MOST]
    paid = [each.order for each in payments if each.state not in UNPAID]
    found = _found([*(row.reference for row in rows), *paid])
    return found.cards(found.references, calendar, now)


def of_browser(browser: str, calendar: Calendar, now: int) -> list[Card]:
    """The orders that the browser of that name paid."""
    attempts = PaymentAttempt.objects.filter(browser=hashed_browser(browser)).order_by("-opened_at")[:MOST]
    settled = [each for each in attempts if each.state in SETTLED]
    found = _found(each.payment_id for each in settled)
    own = {each.payment_id for each in settled if found.is_paid_by(each)}
    return found.cards(own, calendar, now)


def of_visitor(reference: str, account: str, browser: str, calendar: Calendar, now: int) -> Card | None:
    """The order of that reference, if it is the account's, or if this browser paid it; without an account that is empty."""
    found = _found([reference])
    tried = PaymentAttempt.objects.filter(browser=hashed_browser(browser), payment_id__in=found.payments)
    attempts = list(tried.order_by())
    for card in found.cards(found.references, calendar, now):
        if account and card.account == account:
            return card
        if any(found.is_paid_by(each) for each in attempts):
            return card
    return None


class _Found(msgspec.Struct, frozen=True):
    """What is known of some orders, by their references and accounts."""

    rows: Mapping[str, LedgerOrder]
    payments: Mapping[str, Payment]
    operators: Mapping[str, Operator]
    asked: Mapping[str, Requests]
    records: Mapping[bytes, PersonalRecord]

    @property
    def references(self) -> Collection[str]:
        """The orders."""
        return self.rows.keys() | self.payments.keys()

    def is_paid_by(self, attempt: PaymentAttempt) -> bool:
        """Whether an attempt is the one that paid its order: money that came a second time went back."""
        payment = self.payments.get(attempt.payment_id)
        return (
            payment is not None and bool(payment.transaction) and payment.transaction == attempt.transaction
        )

    def cards(self, own: Collection[str], calendar: Calendar, now: int) -> list[Card]:
        """All of them, the newest first; of `own` ones what was asked for them."""
        cards = [self._card(each, calendar, now, own=each in own) for each in self.references]
        return sorted(cards, key=lambda card: (card.at, card.reference), reverse=True)[:MOST]

    def _card(self, reference: str, calendar: Calendar, now: int, *, own: bool) -> Card:
        row, payment = self.rows.get(reference), self.payments.get(reference)
        known = row or payment
        if known is None:
            raise ValueError("an order is in the books or was paid")
        order = None if row is None else order_record(row)
        told = None if order is None else order.status
        status = shown_status(state_of(payment, told, 0 if order is None else order.deadline, now), told)
        kind, operator = OrderKind(known.kind), self.operators.get(known.account)
        at = Moments(_paid_at(order, payment), now, calendar)
        asked = self.asked.get(reference, Requests(reference, known.account))
        if asked.account != known.account:
            asked = Requests(reference, known.account)
        phone = "" if operator is None else operator.phone
        shown = tuple(sections(kind, status, asked, self.records, phone, at)) if own else ()
        old = () if not shown or is_recent(at) else (_OLD,)
        return Card(
            reference=reference,
            order_number=known.order_number,
            kind=kind,
            account=known.account,
            enterprise="" if operator is None else operator.enterprise.name,
            status=status,
            amount=payment.amount if payment is not None and payment.amount else _total(order),
            at=at.paid_at or (0 if order is None else order.placed_at),
            notes=old or tuple(notes(kind, status, order, asked, at)),
            sections=shown,
            invoice_asked=_invoice_asked(asked),
        )


def _found(references: Iterable[str]) -> _Found:
    wanted = set(references)
    rows = {row.reference: row for row in LedgerOrder.objects.filter(reference__in=wanted).order_by()}
    payments = {each.order: each for each in Payment.objects.filter(order__in=wanted).order_by()}
    accounts = {row.account for row in rows.values()} | {each.account for each in payments.values()}
    operators = Operator.objects.select_related("enterprise").filter(account__in=accounts).order_by()
    asked = asked_for(wanted)
    return _Found(
        rows, payments, {each.account: each for each in operators}, asked, records_of(asked.values())
    )


def _invoice_asked(asked: Requests) -> InvoiceKind | None:
    waits = asked.invoice is not None and asked.invoice.state is InvoiceState.ASKED
    return asked.invoice.invoice if asked.invoice is not None and waits else None


def _paid_at(order: Order | None, payment: Payment | None) -> int:
    if payment is not None and payment.paid_at:
        return payment.paid_at
    return 0 if order is None else min((each.time for each in order.payments), default=0)


def _total(order: Order | None) -> int:
    return 0 if order is None else order.total
