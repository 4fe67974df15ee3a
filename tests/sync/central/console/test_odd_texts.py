"""Texts that no form of ours sends: NUL, which PostgreSQL does not store, and characters that are in no name."""

from __future__ import annotations

import secrets

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import (
    DeliveryAsked,
    InvoiceAsked,
    InvoiceKind,
    KeyMailed,
    KeyReceivedBack,
    Mailing,
    OperatorProposed,
    PersonalErased,
)
from kiosk.domain.login_check import (
    ChallengeRequested,
    ChallengeSigned,
    CodeTyped,
    FirstPasswordChosen,
    LoginQuestion,
)
from kiosk.domain.personal import (
    SALT_LENGTH,
    DeliveryAddress,
    InvoiceDetails,
    OperatorDetails,
    PersonalRecord,
    disclose,
)
from kiosk.domain.requests import ProposalState
from sync.central.ledger.models import LedgerProposal
from sync.central.ledger.privacy import exported
from sync.central.ledger.replaying import differences
from sync.central.ledger.rows import proposal_record
from sync.central.login import sessions
from sync.central.login.models import SandboxMessage
from sync.central.members.models import Operator
from sync.protocol import records
from sync.protocol.records import PersonalOutcome
from tests.support.kiosk_double import ACCOUNT, KioskDouble

pytestmark = pytest.mark.django_db

ODD = (
    "\x00",
    "1100\x000001",
    "１１０００００１",
    "\u202e11000001",
    "11000001\u200b",
    "👩\u200d👧",
    "1" * 300,
)
CHEAP = "$argon2id$v=19$m=8,t=1,p=1$DRhZmGV1SP8N2KV17Oqy3Q$KudCdqhFTnyrHkvOfdFOK6VcPr3BRznsc4tgpxeHRhM"
NAME, OTHER = "0123456789abcdef", "fedcba9876543210"
WHO = OperatorDetails("\x00赵\u202e", DocumentKind.PASSPORT, "E\x001234567", "13912341234")


def test_an_odd_account_is_nobodys_on_the_phone_and_at_the_kiosks(
    kiosk: KioskDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "DUMMY_VERIFIER", CHEAP)
    browser = Client()
    for odd in ODD:
        answer = browser.post("/orders/", {"action": "sign-in", "account": odd, "password": odd})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/orders/?said=wrong")
        answer = browser.post("/orders/", {"action": "code", "code": odd})
        assert answer.headers["Location"] == "/orders/?said=wrong-code"
        assert browser.get("/sandbox/messages", {"account": odd}).json()["messages"] == []
        questions: tuple[LoginQuestion, ...] = (
            ChallengeRequested(odd),
            ChallengeSigned(odd, b"", b""),
            CodeTyped(odd, odd),
            FirstPasswordChosen(odd, odd, odd),
            FirstPasswordChosen(odd, odd, CHEAP),
        )
        for question in questions:
            assert kiosk.request("POST", records.PATH_LOGIN, records.encode(question)).status == 200
    half_a_pair = b'{"kind":"login-challenge-asked","account":"\\ud800"}'
    assert kiosk.request("POST", records.PATH_LOGIN, half_a_pair).status in {200, 400}


def _disclosed(kiosk: KioskDouble, order: str) -> None:
    """Everything that members ask, in odd texts, uploaded with its records by a clock that is behind."""
    delivery: PersonalRecord = DeliveryAddress("\x00张", "\u202e", "👩\u200d👧" * 50, "\x00", "\x00")
    invoice: PersonalRecord = InvoiceDetails("\x00", "\x00" * 18, "\x00@\x00", "\x00", "\x00", "\x00", "\x00")
    sent = [disclose(each, secrets.token_bytes(SALT_LENGTH)) for each in (delivery, invoice, WHO, WHO)]
    first, second, third, fourth = (each.commitment for each in sent)
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    mailing = Mailing(0, "\x00", "\x00", 1)
    kiosk.append(DeliveryAsked(order, ACCOUNT, first, "\x00"))
    kiosk.append(KeyMailed(order, ACCOUNT, "\x00速", "\u202eSF", 2**62, "\x00"))
    kiosk.append(KeyReceivedBack(order, ACCOUNT, "\x00拒", "\x00", "\x00", mailing))
    kiosk.append(InvoiceAsked(order, ACCOUNT, InvoiceKind.SPECIAL, second, "\x00"))
    for name, enterprise, commitment in ((NAME, "\x00" * 30, third), (OTHER, code, fourth)):
        kiosk.append(OperatorProposed(name, ACCOUNT, enterprise, commitment, authorised=True, by="\x00"))
    for odd in ODD:
        kiosk.append(PersonalErased(odd, kiosk.now() - 7200, "\x00"), wall=kiosk.now() - 7200)
    kiosk.clock_offset = -7200
    batch = kiosk.batch(kiosk.entries)
    kiosk.clock_offset = 0
    assert kiosk.request("POST", records.PATH_JOURNAL, batch).status == 200
    assert kiosk.sent(*sent) == [PersonalOutcome.KEPT] * 4


def test_odd_texts_of_a_kiosk_stop_neither_its_upload_nor_the_staffs_pages(
    kiosk: KioskDouble, staff: Client
) -> None:
    Operator.objects.filter(account=ACCOUNT).update(phone="13700001111")
    kiosk.feed()
    order = kiosk.place().order
    _disclosed(kiosk, order)
    kiosk.news()
    pages = [
        reverse("admin:ledger_ledgerrequests_change", args=(quote(order),)),
        *(reverse("admin:ledger_ledgerproposal_change", args=(name,)) for name in (NAME, OTHER)),
        reverse("admin:personal_personalrecord_changelist"),
        reverse("admin:members_enterprise_changelist"),
    ]
    assert [staff.get(each).status_code for each in pages] == [200] * len(pages)
    for name in (NAME, OTHER):
        page = reverse("admin:ledger_ledgerproposal_change", args=(name,))
        assert staff.post(page, {"reveal": "x"}).status_code == 200
        said = staff.post(page, {"approve-checked": "on", "approve": "x"}, follow=True).content.decode()
        assert "不能批准" in said
        assert staff.post(page, {"refuse-reason": "不符合", "refuse": "x"}, follow=True).status_code == 200
        state = proposal_record(LedgerProposal.objects.get(proposal=name)).state
        assert state is ProposalState.REFUSED
    assert SandboxMessage.objects.count() == 2
    assert len(exported(ACCOUNT).facts) == 4
    assert differences() == []


def test_what_staff_type_into_an_address_is_refused_or_finds_nothing(staff: Client) -> None:
    for name in (
        "ledger_ledgerrequests",
        "ledger_ledgerproposal",
        "personal_personalrecord",
        "members_operator",
    ):
        listed = reverse(f"admin:{name}_changelist")
        for query in (
            {"q": "\x00"},
            {"state__exact": "\x00"},
            {"delivery__exact": "\x00"},
            {"kind__exact": "\x00"},
        ):
            assert staff.get(listed, query).status_code in {200, 302}
        assert staff.get(reverse(f"admin:{name}_change", args=("\x00",))).status_code in {302, 404}
