"""The console's pages of what was asked after paying: deliveries (邮寄) and invoices (发票), and what became of each.

The personal facts are decrypted for the page of one order alone, for who may fulfil requests; that somebody looked is logged.
"""

from __future__ import annotations

import datetime as dt

from django import forms
from django.contrib import admin, messages
from django.core.validators import RegexValidator
from django.http import HttpRequest
from django.utils import timezone

from kiosk.domain.entries.requests import InvoiceKind
from kiosk.domain.personal import DeliveryAddress, InvoiceDetails, PersonalRecord
from kiosk.domain.promises import china_day
from kiosk.domain.requests import DeliveryState, InvoiceState, Requests
from sync.central.console.base import time_column
from sync.central.console.facts import Fact, FactsAdmin, Offered, offered
from sync.central.console.waiting import tell_if_waiting
from sync.central.context import centre_keys, centre_now
from sync.central.formats import china_time
from sync.central.ledger import settling
from sync.central.ledger.asked import phones_of
from sync.central.ledger.models import LedgerRequests
from sync.central.ledger.rows import requests_record
from sync.central.personal.keeping import opened

_KINDS = {InvoiceKind.SPECIAL: "增值税专用发票（专票）", InvoiceKind.ORDINARY: "普通发票（普票）"}
_GONE = "（未送到，或已删除：请向会员再问）"
_LOOKED = "查看个人资料"
_WORD = 40
_SEEN = 16


class MailedForm(forms.Form):
    """Carrier and number."""

    carrier = forms.CharField(label="快递公司", max_length=_WORD)
    tracking = forms.CharField(label="快递单号", max_length=_WORD)


class ReturnedForm(forms.Form):
    """Why a mailed key came back."""

    reason = forms.CharField(label="退回原因", max_length=100)


class IssuedForm(forms.Form):
    """An invoice's number and date."""

    number = forms.CharField(
        label="发票号码", max_length=_WORD, validators=[RegexValidator(r"^[0-9A-Za-z-]{6,40}\Z")]
    )
    issued_on = forms.DateField(label="开票日期", help_text="例如 2026-12-01")

    def clean_issued_on(self) -> dt.date:
        """Nothing is made out ahead of its day. Raises ValidationError."""
        day: dt.date = self.cleaned_data["issued_on"]
        if day > china_day(centre_now()):
            raise forms.ValidationError("开票日期不能在将来")
        return day


@admin.register(LedgerRequests)
class RequestsAdmin(FactsAdmin[LedgerRequests]):
    """Deliveries and invoices by order: the filters 邮寄 and 发票 make the list of either."""

    list_display = (
        "order_number",
        "account",
        "delivery",
        "carrier",
        "tracking",
        "invoice",
        "invoice_number",
        time_column("asked_at", "时间"),
    )
    list_filter = ("delivery", "invoice")
    search_fields = ("=order_number", "=order", "=account")
    row_an_order = True
    exclude = ("order", "record")
    MAY_ENTER = "ledger.fulfil_request"
    CAPTION = "要寄到哪里、开给谁"
    NOT_NOW = "这一项现在不能登记，没有登记"

    def forms_of(self, request: HttpRequest, row: LedgerRequests) -> list[Offered]:
        """Carrier and number of what is to be mailed, why it came back, the invoice's number."""
        asked, found = requests_record(row), []
        if (delivery := asked.delivery) is not None:
            first = {"carrier": delivery.carrier, "tracking": delivery.tracking}
            seen = delivery.commitment.hex()[:_SEEN]
            found.append(offered(request, MailedForm, "mailed", "登记寄出", seen=seen, **first))
            if delivery.state is DeliveryState.MAILED:
                found.append(offered(request, ReturnedForm, "returned", "登记退回", seen=seen))
        if (invoice := asked.invoice) is not None and invoice.state is not InvoiceState.WITHDRAWN:
            first = {"number": invoice.number, "issued_on": china_day(centre_now()).isoformat()}
            seen = invoice.commitment.hex()[:_SEEN]
            found.append(offered(request, IssuedForm, "issued", "登记开票", seen=seen, **first))
        return found

    def facts_of(self, request: HttpRequest, row: LedgerRequests, sent: forms.Form | None) -> list[Fact]:
        """Where the key and the invoice go; that somebody looked is logged."""
        del sent
        facts, personal = _facts(requests_record(row))
        if personal:
            self.log_change(request, row, _LOOKED)
        return facts

    def enter(self, request: HttpRequest, row: LedgerRequests, form: forms.Form) -> bool:
        """Enter what became of a request."""
        by, now, given = request.user.get_username(), centre_now(), form.cleaned_data
        match form:
            case MailedForm():
                done = settling.note_mailed(row, given["carrier"], given["tracking"], by, now)
                what = f"已寄出 {given['carrier']} {given['tracking']}"
            case ReturnedForm():
                done = settling.note_received_back(row, given["reason"], by, now)
                what = f"key盘退回：{given['reason']}"
            case _:
                midnight = dt.datetime.combine(given["issued_on"], dt.time())
                issued_at = int(timezone.make_aware(midnight).timestamp())
                done = settling.note_issued(row, given["number"], issued_at, by, now)
                what = f"已开发票 {given['number']}"
        if not done:
            self.message_user(request, f"{row}：现在不能登记「{what}」", messages.ERROR)
            return True
        self.log_change(request, row, what)
        self.message_user(request, f"{row}：{what}", messages.SUCCESS)
        tell_if_waiting(self, request)
        return True


def _facts(asked: Requests) -> tuple[list[Fact], bool]:
    """The lines of the page, and whether a personal fact is among them."""
    delivery, invoice = asked.delivery, asked.invoice
    commitments = {part.commitment for part in (delivery, invoice) if part is not None and part.commitment}
    records = opened(commitments, centre_keys())
    lines = list[Fact]()
    if delivery is not None:
        lines += _delivery(
            records.get(delivery.commitment), phones_of([asked.account]).get(asked.account, "")
        )
        lines.append(Fact("寄出时间", china_time(delivery.mailed_at) or "–" if delivery.mailed_at else "–"))
        lines.append(Fact("退回原因", delivery.reason or "–"))
    if invoice is not None:
        lines.append(Fact("发票种类", _KINDS[invoice.invoice]))
        lines += _invoice(records.get(invoice.commitment))
    return lines, bool(records)


def _delivery(record: PersonalRecord | None, bound: str) -> list[Fact]:
    if not isinstance(record, DeliveryAddress):
        return [Fact("收件地址", _GONE)]
    phone = record.phone or f"{bound or '–'}（绑定手机）"
    return [
        Fact("收件人", record.recipient),
        Fact("电话", phone),
        Fact("地址", f"{record.region} {record.address}"),
        Fact("邮编", record.postcode or "–"),
    ]


def _invoice(record: PersonalRecord | None) -> list[Fact]:
    if not isinstance(record, InvoiceDetails):
        return [Fact("发票资料", _GONE)]
    return [
        Fact("发票抬头", record.title),
        Fact("统一社会信用代码", record.credit_code or "–"),
        Fact("电子邮箱", record.email),
        Fact("注册地址", record.address or "–"),
        Fact("注册电话", record.phone or "–"),
        Fact("开户银行", record.bank or "–"),
        Fact("银行账号", record.bank_account or "–"),
    ]
