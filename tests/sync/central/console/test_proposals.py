"""交易员审核: who sees whom, approving and refusing once, and what members and kiosks hear of it."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import OperatorProposed, OperatorReviewed, OperatorWithdrawn
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.feed import OperatorPublished, ProposalTold
from kiosk.domain.masking import masked_document
from kiosk.domain.members import Review
from kiosk.domain.personal import SALT_LENGTH, OperatorDetails, disclose
from kiosk.domain.requests import ProposalState
from sync.central.configuration import SmsProviderName
from sync.central.examples import Examples
from sync.central.journal.models import Entry
from sync.central.ledger import reviewing, settling
from sync.central.ledger.models import LedgerProposal
from sync.central.ledger.replaying import differences
from sync.central.ledger.reviewing import NotReviewed, ReviewFault
from sync.central.ledger.rows import proposal_record
from sync.central.login import first_passwords
from sync.central.login.models import PasswordInvitation, SandboxMessage
from sync.central.members.models import Enterprise, Operator
from tests.support.kiosk_double import ACCOUNT, KioskDouble

pytestmark = pytest.mark.django_db

WHO = OperatorDetails("赵敏", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
FACTS = ("赵敏", "11010519491231002X", "13912341234")
NAME = "0123456789abcdef"
APPROVE = {"approve-checked": "on", "approve": "通过审核"}
REFUSE = {"refuse-reason": "授权书不清楚", "refuse": "不通过"}


def now() -> int:
    return int(time.time())


def propose(
    kiosk: KioskDouble, name: str = NAME, who: OperatorDetails | None = WHO, *, authorised: bool = True
) -> str:
    """A proposal that a kiosk uploaded, with its record unless there is none."""
    record = disclose(who or WHO, secrets.token_bytes(SALT_LENGTH))
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    body = OperatorProposed(name, ACCOUNT, code, record.commitment, authorised=authorised, by="member")
    kiosk.append(body)
    kiosk.pushed()
    if who is not None:
        kiosk.sent(record)
    return name


@pytest.fixture
def proposed(kiosk: KioskDouble) -> str:
    Operator.objects.filter(account=ACCOUNT).update(phone="13700001111")
    kiosk.feed()
    name = propose(kiosk)
    kiosk.news()
    return name


def page(name: str = NAME) -> str:
    return reverse("admin:ledger_ledgerproposal_change", args=(quote(name),))


def told(client: Client, typed: dict[str, str], name: str = NAME) -> str:
    return client.post(page(name), typed, follow=True).content.decode()


def state(name: str = NAME) -> ProposalState:
    return proposal_record(LedgerProposal.objects.get(proposal=name)).state


def with_permissions(*names: str) -> Client:
    user = get_user_model().objects.create_user("reviewer", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def test_the_list_shows_what_waits_and_nobody_s_name(staff: Client, proposed: str) -> None:
    address = reverse("admin:ledger_ledgerproposal_changelist")
    shown = staff.get(f"{address}?state__exact=under-review").content.decode()
    assert proposed in shown
    assert "审核中" in shown
    assert not any(each in shown for each in FACTS)
    assert proposed not in staff.get(f"{address}?state__exact=approved").content.decode()


def test_the_person_is_masked_until_somebody_asks_and_that_is_logged(
    examples: Examples, proposed: str
) -> None:
    client = with_permissions("view_ledgerproposal", "review_operator")
    masked = client.get(page()).content.decode()
    assert not any(each in masked for each in FACTS)
    assert "赵*" in masked
    assert not LogEntry.objects.filter(user__username="reviewer").exists()
    answer = client.post(page(), {"reveal": "x"})
    shown = answer.content.decode()
    assert [each for each in FACTS if each not in shown] == []
    assert "no-store" in answer.headers["Cache-Control"]
    log = LogEntry.objects.get(user__username="reviewer")
    assert log.change_message == "查看交易员资料"
    assert not any(each in log.object_repr + log.change_message for each in FACTS)


def test_who_may_only_look_sees_no_person_and_decides_nothing(clerk: Client, proposed: str) -> None:
    shown = clerk.get(page()).content.decode()
    assert not any(each in shown for each in (*FACTS, "赵*", "通过审核"))
    for typed in (APPROVE, REFUSE, {"reveal": "x"}):
        assert clerk.post(page(), typed).status_code == 403
    assert state() is ProposalState.UNDER_REVIEW


def test_approving_makes_the_operator_and_tells_kiosks_and_phone(
    staff: Client, proposed: str, kiosk: KioskDouble
) -> None:
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    before = set(Operator.objects.values_list("account", flat=True))
    said = told(staff, APPROVE)
    (account,) = set(Operator.objects.values_list("account", flat=True)) - before
    assert f"已通过，账号 {account}" in said
    assert re.fullmatch(r"[1-9][0-9]{7}", account)
    made = Operator.objects.get(account=account)
    assert (made.enterprise_id, made.name, made.phone, made.review, made.verifier) == (
        code,
        "赵敏",
        "13912341234",
        "approved",
        "",
    )
    news = kiosk.news()
    (operator,) = (each.operator for each in news if isinstance(each, OperatorPublished))
    assert (operator.account, operator.verifier, operator.review) == (account, "", Review.APPROVED)
    assert (operator.document, operator.document_number, operator.phone, operator.authorised) == (
        WHO.document,
        masked_document(WHO.document_number),
        "139****1234",
        True,
    )
    (proposal,) = (each for each in news if isinstance(each, ProposalTold))
    assert (proposal.state, proposal.new_account) == (ProposalState.APPROVED, account)
    assert not any(each in repr(proposal) for each in FACTS)
    entry = Entry.objects.get(kind="operator-reviewed")
    assert (entry.kiosk, entry.account) == (EXCHANGE_KIOSK, ACCOUNT)
    message = SandboxMessage.objects.get()
    assert (message.account, message.phone) == (account, "13912341234")
    assert re.search(r"http://testserver/password/[A-Za-z0-9_-]{22} ", message.text)
    assert differences() == []


def test_the_enterprise_is_under_review_while_one_of_its_traders_waits(
    staff: Client, proposed: str, kiosk: KioskDouble
) -> None:
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    Operator.objects.filter(enterprise=code, review="under-review").update(review="approved")
    listed = reverse("admin:members_enterprise_changelist")
    own = reverse("admin:members_enterprise_change", args=(quote(code),))

    def standings() -> list[bool]:
        pages = (staff.get(f"{listed}?q={code}"), staff.get(own))
        return ["审核中（添加交易员，待审核）" in each.content.decode() for each in pages]

    assert standings() == [True, True]
    assert Enterprise.objects.get(code=code).review == "approved"
    told(staff, APPROVE)
    assert standings() == [False, False]
    propose(kiosk, "f" * 16)
    assert standings() == [True, True]
    kiosk.append(OperatorWithdrawn("f" * 16, ACCOUNT, "member"))
    kiosk.pushed()
    assert standings() == [False, False]
    Operator.objects.filter(account=ACCOUNT).update(review="under-review")
    assert standings() == [True, True]
    others = staff.get(listed).content.decode()
    assert others.count("审核中（添加交易员，待审核）") == 1


def test_the_page_is_asked_for_the_check_of_the_papers(staff: Client, proposed: str) -> None:
    assert "这个字段是必填项" in told(staff, {"approve": "通过审核"})
    assert state() is ProposalState.UNDER_REVIEW


def test_refusing_tells_who_proposed_why(staff: Client, proposed: str, kiosk: KioskDouble) -> None:
    count = Operator.objects.count()
    told(staff, REFUSE)
    assert Operator.objects.count() == count
    (proposal,) = (each for each in kiosk.news() if isinstance(each, ProposalTold))
    assert (proposal.state, proposal.reason, proposal.new_account) == (
        ProposalState.REFUSED,
        "授权书不清楚",
        "",
    )
    message = SandboxMessage.objects.get()
    assert (message.account, message.phone) == (ACCOUNT, "13700001111")
    assert "授权书不清楚" in message.text
    assert not any(each in message.text for each in FACTS)
    assert differences() == []


@pytest.mark.parametrize(
    "reason",
    [
        "赵敏的授权书不清楚",
        "证件 110105 19491231-002x 与授权书不符",
        "号码１３９１２３４１２３４打不通",
        "应为 410102199003074512",
    ],
)
def test_no_personal_fact_gets_into_the_journal_with_a_reason(
    staff: Client, proposed: str, reason: str
) -> None:
    assert "请去掉姓名、证件号码和手机号码" in told(staff, {**REFUSE, "refuse-reason": reason})
    assert state() is ProposalState.UNDER_REVIEW
    assert not SandboxMessage.objects.exists()
    told(staff, {**REFUSE, "refuse-reason": "授权书日期 2026-11-02 已过，账号 11000001"})
    assert state() is ProposalState.REFUSED


def test_whoever_was_proposed_twice_or_is_an_operator_is_pointed_out(
    staff: Client, proposed: str, kiosk: KioskDouble
) -> None:
    propose(kiosk, "b" * 16, OperatorDetails("钱进", DocumentKind.PASSPORT, "E12345678", "13912345678"))
    for name in (NAME, "b" * 16):
        assert "注意" not in staff.get(page(name)).content.decode()
    propose(kiosk, "c" * 16)
    assert f"同一证件还有申请在等审核：{'c' * 16}" in staff.get(page()).content.decode()
    told(staff, APPROVE)
    account = Operator.objects.get(name="赵敏").account
    assert "注意" not in staff.get(page()).content.decode()  # it is decided
    shown = staff.get(page("c" * 16)).content.decode()
    assert f"企业里已有同名、证件首尾相同的交易员：{account}" in shown
    assert "同一证件还有申请" not in shown
    assert "申请时说有，见到原件再批准" in shown


@pytest.mark.parametrize("second", [APPROVE, REFUSE])
def test_two_clicks_or_two_reviewers_decide_once(
    staff: Client, proposed: str, second: dict[str, str]
) -> None:
    told(staff, APPROVE)
    count = Operator.objects.count()
    said = told(staff, second)
    assert "没有再处理一次" in said
    assert Operator.objects.count() == count
    assert Entry.objects.filter(kind="operator-reviewed").count() == 1
    assert SandboxMessage.objects.count() == 1


@pytest.mark.parametrize("step", ["publish_operators", "apply_strand", "enter"])
def test_what_fails_between_two_steps_leaves_nothing(
    proposed: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Killed(Exception):
        pass

    def killed(*_given: object) -> None:
        raise Killed

    count, told_before = Operator.objects.count(), Entry.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(reviewing, step, killed)
        with pytest.raises(Killed):
            reviewing.approve(NAME, "张华", now())
    assert (Operator.objects.count(), Entry.objects.count()) == (count, told_before)
    assert state() is ProposalState.UNDER_REVIEW
    assert reviewing.approve(NAME, "张华", now()).account
    assert state() is ProposalState.APPROVED
    assert differences() == []


class _Failing:
    """Has one statement fail that is sent to the database, counted from 1; what ends transactions goes through."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.left -= 1
            if self.left == 0:
                raise OperationalError("database or disk is full")
        return execute(sql, *rest)


def test_an_approval_that_fails_at_any_statement_before_kiosks_are_told_leaves_nothing(
    proposed: str, kiosk: KioskDouble
) -> None:
    count, entered = Operator.objects.count(), Entry.objects.count()
    for at in itertools.count(1):
        failing = _Failing(at)
        try:
            with connection.execute_wrapper(failing):
                account = reviewing.approve(NAME, "张华", now()).account
        except (OperationalError, NotReviewed):  # what fails while it is applied is left to the applier
            assert (Operator.objects.count(), Entry.objects.count()) == (count, entered), at
            assert state() is ProposalState.UNDER_REVIEW
            continue
        break
    assert at > 20  # as many statements at least make an approval
    news = kiosk.news()
    assert [each.new_account for each in news if isinstance(each, ProposalTold)] == [account]
    assert [each.operator.account for each in news if isinstance(each, OperatorPublished)] == [account]
    assert (Operator.objects.count(), Entry.objects.filter(kind="operator-reviewed").count()) == (
        count + 1,
        1,
    )
    assert differences() == []


def test_what_is_decided_but_not_applied_is_not_decided(
    proposed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = Operator.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(reviewing, "apply_strand", lambda *_given: False)
        with pytest.raises(NotReviewed) as refused:
            reviewing.approve(NAME, "张华", now())
    assert refused.value.fault is ReviewFault.WAITS
    assert Operator.objects.count() == count
    assert not Entry.objects.filter(kind="operator-reviewed").exists()


def fault_of(act: Callable[[], object]) -> ReviewFault:
    with pytest.raises(NotReviewed) as refused:
        act()
    return refused.value.fault


def test_what_cannot_be_approved_can_be_refused(kiosk: KioskDouble) -> None:
    wrong = {
        "a" * 16: (None, True, ReviewFault.NO_DETAILS),
        "b" * 16: (WHO, False, ReviewFault.NOT_AUTHORISED),
        "c" * 16: (OperatorDetails("赵\u200b敏", WHO.document, WHO.document_number, WHO.phone), True, None),
        "d" * 16: (OperatorDetails("赵敏", WHO.document, WHO.document_number, "12345"), True, None),
    }
    for name, (who, authorised, fault) in wrong.items():
        propose(kiosk, name, who, authorised=authorised)
        expected = fault or ReviewFault.UNUSABLE
        assert fault_of(partial(reviewing.approve, name, "张华", now())) is expected
        reviewing.refuse(name, "不符合", "张华", now())
        assert state(name) is ProposalState.REFUSED
    assert differences() == []


def test_a_kiosk_proposes_nobody_for_another_enterprise(kiosk: KioskDouble) -> None:
    propose(kiosk)
    Operator.objects.filter(account=ACCOUNT).update(review="refused")
    assert fault_of(lambda: reviewing.approve(NAME, "张华", now())) is ReviewFault.NOT_OF_THE_ENTERPRISE
    Operator.objects.filter(account=ACCOUNT).update(review="approved")
    record = disclose(WHO, secrets.token_bytes(SALT_LENGTH))
    other = Operator.objects.exclude(enterprise=Operator.objects.get(account=ACCOUNT).enterprise).first()
    assert other is not None
    kiosk.append(
        OperatorProposed(
            "f" * 16, ACCOUNT, other.enterprise_id, record.commitment, authorised=True, by="member"
        )
    )
    kiosk.pushed()
    kiosk.sent(record)
    assert fault_of(lambda: reviewing.approve("f" * 16, "张华", now())) is ReviewFault.NOT_OF_THE_ENTERPRISE


def test_a_withdrawn_proposal_is_decided_by_nobody(staff: Client, proposed: str, kiosk: KioskDouble) -> None:
    kiosk.append(OperatorWithdrawn(proposed, ACCOUNT, "member"))
    kiosk.pushed()
    assert "没有再处理一次" in told(staff, APPROVE)
    assert state() is ProposalState.WITHDRAWN


def test_an_account_that_is_known_is_not_given_again(kiosk: KioskDouble) -> None:
    placed = kiosk.place(account="11000006")
    assert placed.account == "11000006"
    kiosk.pushed()
    Operator.objects.filter(account="10000007").delete()
    draws = iter([1_000_000, 1_000_001, 1_000_006, 2_345_678])
    assert reviewing.draw_account(lambda: next(draws)) == "11000000"
    draws = iter([1_000_001, 1_000_006, 2_345_678])
    assert reviewing.draw_account(lambda: next(draws)) == "12345678"
    assert fault_of(lambda: reviewing.draw_account(lambda: 1_000_001)) is ReviewFault.ACCOUNTS_FULL


def test_an_operator_typed_by_hand_does_not_take_another_s_place(staff: Client, proposed: str) -> None:
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    address = reverse("admin:members_operator_add")
    staff.post(address, {"account": ACCOUNT, "enterprise": code, "name": "钱进", "review": "approved"})
    assert Operator.objects.get(account=ACCOUNT).name == "李晓梅"


def test_a_message_that_did_not_go_out_is_said_and_another_link_ends_the_first(
    staff: Client, proposed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(first_passwords, "send_message", lambda *_given: False)
        said = told(staff, APPROVE)
    assert "短信没有发出" in said
    row = PasswordInvitation.objects.get()
    assert row.sent_at is None
    first = row.link_hash
    actions = reverse("admin:members_operator_changelist")
    typed = {"action": "send_password_link", "_selected_action": [row.account]}
    assert "已发到绑定手机" in staff.post(actions, typed, follow=True).content.decode()
    row.refresh_from_db()
    assert row.link_hash != first
    assert row.sent_at is not None
    assert "以前的链接已失效" in SandboxMessage.objects.latest("id").text
    for _ in range(first_passwords.LINKS_AN_HOUR - 2):
        staff.post(actions, typed)
    assert "一小时内最多发" in staff.post(actions, typed, follow=True).content.decode()


def test_where_no_messages_are_sent_staff_are_told_how_the_password_is_set(
    staff: Client, proposed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "KEYDESK", replace(settings.KEYDESK, sms=SmsProviderName.NONE))
    said = told(staff, APPROVE)
    account = Operator.objects.get(name="赵敏").account
    assert f"{account}：这里不发短信，请在「操作员」里填新密码" in said
    typed = {"action": "send_password_link", "_selected_action": [account]}
    said = staff.post(reverse("admin:members_operator_changelist"), typed, follow=True).content.decode()
    assert "这里不发短信" in said


def test_nothing_is_decided_by_a_kiosk(kiosk: KioskDouble) -> None:
    propose(kiosk)
    kiosk.append(OperatorReviewed(NAME, ACCOUNT, Review.APPROVED, "11000099", "", "张华"))
    kiosk.pushed()
    assert state() is ProposalState.UNDER_REVIEW
    assert not Operator.objects.filter(account="11000099").exists()
    assert not settling.decisions_wait()
