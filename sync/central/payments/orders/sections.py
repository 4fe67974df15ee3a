"""Delivery and invoice of an order as the phone shows them: the state in words, what is masked, and whether a form is offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import OrderStatus
from kiosk.domain.masking import masked_email, masked_name, masked_phone
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, PersonalRecord
from kiosk.domain.policy import DAY
from kiosk.domain.requests import DeliveryRequest, DeliveryState, InvoiceRequest, InvoiceState, Requests
from kiosk.labels import DELIVERY_STATES, INVOICE_STATES
from sync.central.formats import china_time
from sync.central.payments.orders.notes import STANDS, Moments

ASKED_WITHIN = 366 * DAY
"""Seconds after the payment within which a phone may ask: the year that was paid for is over then, and its books are staff's to open."""
INVOICE_KINDS = {InvoiceKind.SPECIAL: "增值税专用发票（专票）", InvoiceKind.ORDINARY: "普通发票（普票）"}
_ENGLISH_DELIVERY = {
    DeliveryState.ASKED: "To be mailed",
    DeliveryState.MAILED: "Mailed",
    DeliveryState.RETURNED: "Came back",
}
_ENGLISH_INVOICE = {
    InvoiceState.ASKED: "To be made out",
    InvoiceState.WITHDRAWN: "Withdrawn",
    InvoiceState.ISSUED: "Made out",
}


class Fact(msgspec.Struct, frozen=True):
    """A line of a section."""

    label: str
    english: str
    value: str


class Section(msgspec.Struct, frozen=True):
    """A delivery or an invoice (`name`); `state` is empty where nothing was asked, `offer` where no form is offered."""

    name: str
    title: str
    title_english: str
    state: str
    state_name: str
    state_english: str
    facts: tuple[Fact, ...]
    offer: str
    offer_english: str


def sections(
    kind: OrderKind,
    status: OrderStatus,
    asked: Requests,
    records: Mapping[bytes, PersonalRecord],
    bound_phone: str,
    at: Moments,
) -> Iterator[Section]:
    """What may be shown and asked of an order, to its payer or its member."""
    recent = is_recent(at)
    delivery, invoice = asked.delivery, asked.invoice
    open_ = status is OrderStatus.PAID
    if kind.wants_new_token and (open_ or _left(delivery)):
        record = None if delivery is None else records.get(delivery.commitment)
        yield _delivery_section(delivery, record, bound_phone, offered=open_ and recent)
    if status in STANDS:
        details = None if invoice is None else records.get(invoice.commitment)
        yield _invoice_section(invoice, details, offered=recent)


def is_recent(at: Moments) -> bool:
    """Whether a phone may still ask something for an order that was paid then."""
    return not at.paid_at or at.now - at.paid_at <= ASKED_WITHIN


def _left(delivery: DeliveryRequest | None) -> bool:
    return delivery is not None and delivery.state is not DeliveryState.ASKED


def _delivery_section(
    delivery: DeliveryRequest | None, record: PersonalRecord | None, bound_phone: str, *, offered: bool
) -> Section:
    if delivery is None:
        return _section(
            "delivery", "邮寄", "Delivery", ("", "", ""), (), ("填写收件地址", "Give an address"), offered
        )
    facts = list[Fact]()
    if isinstance(record, DeliveryAddress):
        facts.append(Fact("收件人", "Recipient", masked_name(record.recipient)))
        facts.append(Fact("电话", "Phone", masked_phone(record.phone or bound_phone)))
        facts.append(Fact("地区", "Region", record.region))
    if delivery.state is not DeliveryState.ASKED:
        facts.append(Fact("快递", "Carrier", f"{delivery.carrier} {delivery.tracking}"))
        facts.append(Fact("寄出时间", "Mailed at", china_time(delivery.mailed_at or None)))
    if delivery.state is DeliveryState.RETURNED:
        facts.append(Fact("退回原因", "Why", delivery.reason))
    state = delivery.state.value, DELIVERY_STATES[delivery.state], _ENGLISH_DELIVERY[delivery.state]
    change = "修改收件地址", "Change the address"
    offered = offered and delivery.state is not DeliveryState.MAILED
    return _section("delivery", "邮寄", "Delivery", state, facts, change, offered)


def _invoice_section(
    invoice: InvoiceRequest | None, record: PersonalRecord | None, *, offered: bool
) -> Section:
    ask = "申请发票", "Ask for an invoice"
    if invoice is None:
        return _section("invoice", "发票", "Invoice", ("", "", ""), (), ask, offered)
    state = invoice.state.value, INVOICE_STATES[invoice.state], _ENGLISH_INVOICE[invoice.state]
    if invoice.state is InvoiceState.WITHDRAWN:
        return _section("invoice", "发票", "Invoice", state, (), ask, offered)
    facts = [Fact("种类", "Kind", INVOICE_KINDS[invoice.invoice])]
    if isinstance(record, InvoiceDetails):
        facts.append(Fact("邮箱", "E-mail", masked_email(record.email)))
    if invoice.state is InvoiceState.ISSUED:
        facts.append(Fact("发票号码", "Number", invoice.number))
        facts.append(Fact("开票日期", "Date", china_time(invoice.issued_at)[:10]))
    change = "修改或撤回发票申请", "Change or withdraw it"
    offered = offered and invoice.state is not InvoiceState.ISSUED
    return _section("invoice", "发票", "Invoice", state, facts, change, offered)


def _section(
    name: str,
    title: str,
    english: str,
    state: tuple[str, str, str],
    facts: list[Fact] | tuple[()],
    offer: tuple[str, str],
    offered: bool,  # noqa: FBT001 - of the section alone
) -> Section:
    offer = offer if offered else ("", "")
    shown = tuple(each for each in facts if each.value.strip())
    return Section(name, title, english, *state, shown, *offer)
