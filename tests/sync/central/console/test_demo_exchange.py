"""The demo's exchange at the console: it signs in, and decides by the pages that staff use."""

from __future__ import annotations

import io
import secrets
import urllib.error
import urllib.request
from contextlib import closing
from datetime import date
from email.message import Message
from pathlib import Path

import pytest
from django.test import Client

from hardware.virtual.printer import VirtualPrinter
from hardware.virtual.scanner import VirtualScanner
from hardware.virtual.source import VirtualTokenSource
from kiosk.demo.controls import Controls
from kiosk.demo.exchange import Console
from kiosk.demo.members import ACCOUNTS
from kiosk.demo.ports import DemoControls, ExchangeRefused, ExchangeUnreachable, NothingWaits
from kiosk.domain.entries.requests import InvoiceAsked, InvoiceKind
from kiosk.domain.feed import InvoiceTold
from kiosk.domain.personal import SALT_LENGTH, InvoiceDetails, disclose
from kiosk.domain.promises import china_day
from kiosk.domain.requests import InvoiceState, ProposalState
from kiosk.store.system_clock import SystemClock
from sync.central.examples import Examples
from sync.central.ledger.models import LedgerProposal
from sync.central.login import first_passwords
from sync.central.login.models import SandboxMessage
from sync.central.members.models import Operator
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.sync.central.console.test_proposals import propose, state

pytestmark = pytest.mark.django_db

CENTRE = "http://testserver"


class _Answer(io.BytesIO):
    """What urllib gives: the page, and where it stands."""

    def __init__(self, url: str, body: bytes) -> None:
        super().__init__(body)
        self.url = url


class _Browser:
    """urllib's opener over Django's own test client, which asks for the token of a form as the server does."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def open(self, request: urllib.request.Request, timeout: float) -> closing[_Answer]:
        del timeout
        path = request.full_url.removeprefix(CENTRE)
        form = "application/x-www-form-urlencoded"
        answer = (
            self.client.get(path, follow=True)
            if request.data is None
            else self.client.post(path, request.data, content_type=form, follow=True)
        )
        if answer.status_code >= 400:
            raise urllib.error.HTTPError(request.full_url, answer.status_code, "", Message(), None)
        path = answer.redirect_chain[-1][0] if answer.redirect_chain else path
        return closing(_Answer(f"{CENTRE}{path}", answer.content))


@pytest.fixture
def console(examples: Examples) -> Console:
    made = Console(CENTRE)
    made._browser = _Browser()  # type: ignore[assignment]
    return made


@pytest.fixture
def demo(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DemoControls:
    """The drawer's hand, with this console and the sandbox's messages."""
    monkeypatch.setattr("kiosk.demo.controls.Console", lambda _centre: console)
    monkeypatch.setattr("kiosk.demo.phone.messages", _messages)
    return Controls(
        VirtualTokenSource(),
        VirtualPrinter(tmp_path / "receipts"),
        VirtualScanner(),
        SystemClock(),
        cards=tmp_path,
        network_switch=tmp_path / "network-cut",
        clock_shift=tmp_path / "clock-shift",
        traders=tmp_path / "traders.json",
        centre_address=CENTRE,
    )


def _messages(_centre: str, account: str) -> tuple[str, ...]:
    return tuple(SandboxMessage.objects.filter(account=account).values_list("text", flat=True))


def test_the_trader_who_waits_longest_is_approved_and_listed_with_the_code_from_the_phone(
    demo: DemoControls, kiosk: KioskDouble
) -> None:
    for name in ("a" * 16, "b" * 16):
        propose(kiosk, name)
    LedgerProposal.objects.filter(proposal="b" * 16).update(proposed_at=1)
    trader = demo.approve_trader()
    assert state("b" * 16) is ProposalState.APPROVED
    assert state("a" * 16) is ProposalState.UNDER_REVIEW
    colleague = next(each for each in ACCOUNTS if each.account == ACCOUNT)
    assert (trader.operator, trader.enterprise, trader.legal_person, trader.added) == (
        "赵敏",
        colleague.enterprise,
        colleague.legal_person,
        True,
    )
    assert Operator.objects.get(account=trader.account).name == "赵敏"
    assert demo.accounts() == (*ACCOUNTS, trader)
    code = demo.first_code(trader.account)
    assert code
    assert f"验证码 {code}" in SandboxMessage.objects.get(account=trader.account).text
    assert first_passwords.PATH in demo.phone_messages(trader.account)[0]
    assert demo.first_code("11000002") == ""


def test_a_refusal_tells_its_reason(demo: DemoControls, kiosk: KioskDouble) -> None:
    name = propose(kiosk)
    assert demo.refuse_trader("授权书没有盖章") == "赵敏"
    assert LedgerProposal.objects.get(proposal=name).state == "refused"
    assert "授权书没有盖章" in SandboxMessage.objects.get(account=ACCOUNT).text
    assert demo.accounts() == ACCOUNTS


def test_what_the_console_does_not_take_is_said_in_its_words(console: Console, kiosk: KioskDouble) -> None:
    propose(kiosk, authorised=False)
    with pytest.raises(ExchangeRefused, match="没有法人授权书"):
        console.approve()
    with pytest.raises(ExchangeRefused, match="字符"):
        console.refuse("太长" * 60)
    assert state() is ProposalState.UNDER_REVIEW


def test_nothing_waits_before_a_proposal_and_its_person_have_arrived(
    console: Console, kiosk: KioskDouble
) -> None:
    with pytest.raises(NothingWaits):
        console.approve()
    propose(kiosk, who=None)
    with pytest.raises(NothingWaits):
        console.refuse("授权书没有盖章")


def test_an_invoice_that_was_asked_for_is_made_out(console: Console, kiosk: KioskDouble) -> None:
    order = kiosk.place().order
    today = china_day(kiosk.now())
    with pytest.raises(NothingWaits):
        console.issue_invoice(order, "26117000", today)
    record = disclose(
        InvoiceDetails("某公司", "91410100MA9K2B7X0P", "fin@example.cn"), secrets.token_bytes(SALT_LENGTH)
    )
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, record.commitment, "member"))
    kiosk.pushed()
    kiosk.feed()
    with pytest.raises(ExchangeRefused, match="将来"):
        console.issue_invoice(order, "26117000", date(today.year + 1, 1, 1))
    console.issue_invoice(order, "26117000", today)
    (told,) = (each for each in kiosk.news() if isinstance(each, InvoiceTold))
    assert (told.state, told.number) == (InvoiceState.ISSUED, "26117000")


def test_a_centre_that_is_not_there_and_one_that_knows_another_password_are_told_apart(
    console: Console, kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExchangeUnreachable):
        Console("http://127.0.0.1:1").approve()
    monkeypatch.setattr("kiosk.demo.exchange.CONSOLE", ("admin", "another"))
    with pytest.raises(ExchangeRefused, match="admin"):
        console.approve()
