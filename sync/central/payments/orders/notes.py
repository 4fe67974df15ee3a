"""What comes next of an order, and what is promised: until when a key is mailed, when an invoice comes, when invoicing goes on."""

from __future__ import annotations

from collections.abc import Iterator
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
from kiosk.domain.requests import DeliveryRequest, DeliveryState, InvoiceRequest, InvoiceState, Requests
from kiosk.domain.working_days import Calendar

STANDS = {OrderStatus.PAID, OrderStatus.BOUND}
"""Of these an invoice may be asked."""


class Note(msgspec.Struct, frozen=True):
    """A sentence in both languages; `name` is for programs."""

    name: str
    text: str
    english: str


class Moments(msgspec.Struct, frozen=True):
    """When an order was paid (0: nobody knows) and what time it is, in UTC seconds, and by which calendar days are counted."""

    paid_at: int
    now: int
    calendar: Calendar


def notes(
    kind: OrderKind, status: OrderStatus, order: Order | None, asked: Requests, at: Moments
) -> Iterator[Note]:
    """What comes next of an order, and what is promised."""
    if status is OrderStatus.PAID:
        yield from _key(kind, order, asked.delivery, at)
    if status in STANDS:
        yield from invoicing(asked.invoice, at)


def _key(
    kind: OrderKind, order: Order | None, delivery: DeliveryRequest | None, at: Moments
) -> Iterator[Note]:
    if kind is OrderKind.RENEWAL:
        yield Note("bring", "请带上key盘，到终端机办理绑定。", "Bring the key to a kiosk to have it renewed.")
    elif delivery is not None and delivery.state is DeliveryState.MAILED:
        yield Note(
            "bind",
            "收到后，到终端机或在自己的电脑上绑定。",
            "Once it is there, bind it at a kiosk or at your own computer.",
        )
    elif delivery is not None and delivery.state is DeliveryState.RETURNED:
        yield Note(
            "returned",
            "key盘被退回：请核对收件地址，改好后再寄，或联系客服。",
            "The key came back: check the address and change it, or ask support.",
        )
    elif delivery is None and order is not None and order.delivery is Delivery.COUNTER:
        yield Note(
            "counter",
            "请凭凭条到窗口领取key盘，再到终端机绑定。",
            "Collect the key at the counter, then bind it.",
        )
    elif at.paid_at:
        yield _dispatch(delivery, at)


def _dispatch(delivery: DeliveryRequest | None, at: Moments) -> Note:
    """A key is mailed in time after the payment, and after its address was given: without one it cannot be."""
    given = at.paid_at if delivery is None else max(at.paid_at, delivery.asked_at)
    promise, today = dispatch_promise(given, at.calendar), china_day(at.now)
    if delivery is not None and today > promise.by:
        return Note(
            "overdue",
            f"应已在 {_day(promise.by)}前寄出；还没有收到请联系客服。",
            f"It should have been mailed by {promise.by}: ask support if it has not come.",
        )
    if delivery is None and today > promise.by:
        promise = dispatch_promise(at.now, at.calendar)
        return Note(
            "dispatch-after-address",
            f"选择邮寄的，填写收件地址后 {DISPATCH_DAYS} 个工作日内寄出；今天填写，最迟 {_day(promise.by)}。"
            f"{_unsure(certain=promise.certain)}",
            f"If it is to be mailed: within {DISPATCH_DAYS} working days after the address is given, today by {promise.by}.",
        )
    whom = "选择邮寄的，" if delivery is None else ""
    since = "填写地址后" if given > at.paid_at else "付款后"
    return Note(
        "dispatch",
        f"{whom}{since} {DISPATCH_DAYS} 个工作日内寄出，最迟 {_day(promise.by)}。{_unsure(certain=promise.certain)}",
        f"If it is to be mailed: within {DISPATCH_DAYS} working days, by {promise.by}.",
    )


def invoicing(invoice: InvoiceRequest | None, at: Moments) -> Iterator[Note]:
    """When the invoice comes that was asked for, or that would be asked for today; nothing of one that was made out."""
    if invoice is not None and invoice.state is InvoiceState.ISSUED:
        return
    waits = invoice is not None and invoice.state is InvoiceState.ASKED
    asked_at = invoice.asked_at if invoice is not None and waits else at.now
    promise, today = invoice_promise(asked_at, at.calendar), china_day(at.now)
    days, unsure = f"{_day(promise.earliest)}至{_day(promise.latest)}", _unsure(certain=promise.certain)
    if waits and today > promise.latest:
        yield Note(
            "invoice-overdue",
            f"电子发票应已在 {_day(promise.latest)}前发到邮箱；还没有收到请联系客服。",
            f"The invoice should have come by {promise.latest}: ask support if it has not.",
        )
        return
    first, last = INVOICE_DAYS
    asked, asked_english = ("已申请", "Asked for") if waits else ("今天申请", "asked for today")
    if promise.goes_on is not None and today < promise.goes_on:
        yield Note(
            "invoice-pause",
            f"每月 {INVOICING_CLOSES} 日至次月 {INVOICING_GOES_ON} 日暂停开票，{_day(promise.goes_on)}恢复；"
            f"{asked}{'，' if waits else '会'}顺延，预计 {days} 发到邮箱。{unsure}",
            f"Invoicing pauses and goes on on {promise.goes_on}; {asked_english.lower()}, an invoice comes {promise.earliest} to {promise.latest}.",
        )
        return
    yield Note(
        "invoice",
        f"电子发票申请后 {first} 至 {last} 个工作日发到邮箱；{asked}，预计 {days}。{unsure}",
        f"Invoices come by e-mail in {first} to {last} working days: {asked_english.lower()}, {promise.earliest} to {promise.latest}.",
    )


def _day(day: date) -> str:
    return f"{day.month} 月 {day.day} 日"


def _unsure(*, certain: bool) -> str:
    return "" if certain else "（放假安排尚未公布，按周末推算）"
