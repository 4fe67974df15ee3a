"""What was asked for after paying, in words: where a delivery and an invoice stand; and what is wrong with what staff typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from kiosk.domain.contacts import ContactFault
from kiosk.domain.credit_codes import CreditCodeFault
from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.names import NameFault
from kiosk.domain.request_facts import FactFault, NumberFault
from kiosk.domain.requests import DeliveryState, InvoiceState
from kiosk.text.catalogue import N_
from kiosk.text.times import day

if TYPE_CHECKING:
    from kiosk.desk.requests.views import DeliveryView, InvoiceView, RequestsView
    from kiosk.text.wording import Text

INVOICE_KINDS = {InvoiceKind.SPECIAL: N_("专票"), InvoiceKind.ORDINARY: N_("普票")}
FACT_FAULTS: dict[FactFault, str] = {
    NameFault.EMPTY: N_("请填写"),
    NameFault.NOTHING_SPOKEN: N_("要有文字或数字"),
    NameFault.TOO_LONG: N_("太长"),
    NameFault.INVISIBLE: N_("有看不见的字符"),
    NameFault.PRIVATE_USE: N_("有自造字，请改用标准字"),
    NameFault.REPLACED: N_("有兼容字，请改用常用字"),
    NameFault.UNKNOWN: N_("有不能用的字符"),
    ContactFault.MALFORMED: N_("格式不对"),
    ContactFault.TOO_LONG: N_("太长"),
    CreditCodeFault.LENGTH: N_("应为 18 位"),
    CreditCodeFault.CHARACTER: N_("有代码里没有的字符"),
    CreditCodeFault.CHECK: N_("校验位不对，请核对"),
    NumberFault.POSTCODE: N_("邮编是 6 位数字"),
    NumberFault.BANK_ACCOUNT: N_("格式不对"),
}
"""What is wrong with a field, short enough to stand beside it."""
CARRIERS = (
    "顺丰速运", "中国邮政EMS", "京东快递", "中通快递", "圆通速递", "申通快递", "韵达快递", "极兔速递", "德邦快递",
)  # fmt: skip


def request_lines(t: Text, view: RequestsView) -> list[str]:
    """What was asked for an order, a line each; none where nothing was."""
    lines = []
    if view.delivery is not None:
        lines.append(delivery_words(t, view.delivery))
    if view.invoice is not None:
        lines.append(invoice_words(t, view.invoice))
    return lines


def delivery_words(t: Text, delivery: DeliveryView) -> str:
    """Where the delivery stands."""
    match delivery.state:
        case DeliveryState.ASKED:
            to = f"{delivery.region} {delivery.recipient}".strip()
            return t("邮寄：已登记，待寄出  {to}", to=to).rstrip()
        case DeliveryState.MAILED:
            return t(
                "邮寄：已寄出 {day}  {carrier} {tracking}",
                day=day(delivery.mailed_at),
                carrier=delivery.carrier,
                tracking=delivery.tracking,
            )
        case DeliveryState.RETURNED:
            return t("邮寄：已退回（{reason}）", reason=delivery.reason)
        case _:
            assert_never(delivery.state)


def invoice_words(t: Text, invoice: InvoiceView) -> str:
    """Where the invoice stands."""
    kind = t(INVOICE_KINDS[invoice.invoice])
    match invoice.state:
        case InvoiceState.ASKED:
            return t("发票：{kind}已申请，待开票  {email}", kind=kind, email=invoice.email).rstrip()
        case InvoiceState.WITHDRAWN:
            return t("发票：申请已撤回")
        case InvoiceState.ISSUED:
            return t(
                "发票：{kind}已开票 {day}  号码 {number}",
                kind=kind,
                day=day(invoice.issued_at),
                number=invoice.number,
            )
        case _:
            assert_never(invoice.state)


def carriers_for(letters: str) -> tuple[str, ...]:
    """The carriers that typed initials mean, as `sf`."""
    # imported late: its dictionary takes a tenth of a second to load
    from kiosk.text.pinyin import spells  # noqa: PLC0415

    return tuple(each for each in CARRIERS if letters and spells(letters, each))
