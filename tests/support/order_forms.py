"""The forms of a paid order on a phone, as a browser fills them in, and what they leave at the centre."""

from __future__ import annotations

import re

from django.test import Client

from kiosk.domain.entries.every import AnyBody
from sync.central.context import centre_keys
from sync.central.journal.centre_journal import entered_after
from sync.central.ledger.models import LedgerRequests
from sync.central.ledger.rows import requests_record
from sync.central.login.models import SandboxMessage
from sync.central.payments.orders.visitors import PATH
from sync.central.personal.keeping import opened
from tests.support.kiosk_double import ACCOUNT, ENTERPRISE

PHONE = "13700001234"
ADDRESS = {"recipient": "张三丰", "bound": "1", "region": "河南省郑州市金水区", "address": "花园路1号院2号楼"}
INVOICE = {
    "invoice": "special",
    "title": ENTERPRISE,
    "credit_code": "91110000MA0EXA015Y",
    "email": "fin@example.cn",
}


def form_path(order: str, form: str) -> str:
    """The path of an order's form: delivery or invoice."""
    return f"/orders/{order}/{form}"


def shown_form(browser: Client, order: str, form: str) -> str:
    """The form's page."""
    answer = browser.get(form_path(order, form))
    assert answer.status_code == 200
    return answer.content.decode()


def value_of(page: str, name: str) -> str:
    """What stands in a field of the page."""
    (value,) = re.findall(rf'name="{name}" value="([^"]*)"', page)
    return str(value)


def post_form(browser: Client, order: str, form: str, **fields: str) -> tuple[int, str]:
    """What becomes of a form as the page has it, with these fields typed anew."""
    page = browser.get(form_path(order, form)).content.decode()
    typed = {"seen": value_of(page, "seen"), "action": "ask", **fields} if "data-form" in page else fields
    answer = browser.post(form_path(order, form), typed)
    said = answer.headers.get("Location", "").partition("said=")[2]
    return answer.status_code, said or answer.content.decode()


def signed_in(account: str = ACCOUNT) -> Client:
    """A member of the examples, whose passwords have the account's last digit."""
    browser = Client()
    browser.post(PATH, {"action": "sign-in", "account": account, "password": f"Keydesk-{account[-1]}"})
    (code,) = re.findall(r"\d{6}", SandboxMessage.objects.latest("id").text)
    page = browser.post(PATH, {"action": "code", "code": code}, follow=True).content.decode()
    assert "data-account" in page
    return browser


def entered() -> list[type[AnyBody]]:
    """The kinds of entries that phones made in the centre's own journal."""
    bodies = [each.body for each in entered_after(0)]
    return [type(each) for each in bodies if getattr(each, "by", "") == "phone"]


def asked_for(order: str) -> tuple[object, ...]:
    """The records of what was asked for an order, opened."""
    asked = requests_record(LedgerRequests.objects.get(order=order))
    parts = [each for each in (asked.delivery, asked.invoice) if each is not None]
    records = opened([each.commitment for each in parts], centre_keys())
    return tuple(records.get(each.commitment) for each in parts)


def faults_in(page: str) -> list[str]:
    """The fields of the page beside which something is said."""
    return re.findall(r'data-fault="([a-z_]+)"', page)
