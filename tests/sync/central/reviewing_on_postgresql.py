"""Reviewers at the same time, on PostgreSQL, where rows are locked one by one; test_postgresql.py runs this file."""

from __future__ import annotations

import functools
import secrets
import time
from typing import Any

import pytest

from kiosk.domain.documents import DocumentKind
from kiosk.domain.entries.requests import KeyMailed, OperatorProposed, OperatorWithdrawn
from kiosk.domain.login_check import CodeJudged, CodeJudgement, FirstPasswordChosen
from kiosk.domain.personal import SALT_LENGTH, OperatorDetails, disclose
from kiosk.domain.requests import ProposalState
from kiosk.pki.passwords import make_verifier
from sync.central.journal.models import Entry
from sync.central.ledger import reviewing, settling
from sync.central.ledger.models import LedgerProposal
from sync.central.ledger.replaying import differences
from sync.central.ledger.reviewing import NotReviewed, ReviewFault
from sync.central.ledger.rows import proposal_record
from sync.central.login import first_passwords
from sync.central.members.models import Operator
from tests.support.books import all_applied
from tests.support.kiosk_double import ACCOUNT, KioskDouble
from tests.support.values import present
from tests.sync.central.parallel_on_postgresql import at_once, pair

__all__ = ["pair"]

pytestmark = pytest.mark.django_db(transaction=True)

WHO = OperatorDetails("赵敏", DocumentKind.RESIDENT_ID, "11010519491231002X", "13912341234")
MADE = "a decision"
NAMES = [f"{number:016x}" for number in range(6)]


def now() -> int:
    return int(time.time())


def propose(kiosk: KioskDouble, *names: str) -> None:
    code = Operator.objects.get(account=ACCOUNT).enterprise_id
    sent = []
    for name in names:
        record = disclose(WHO, secrets.token_bytes(SALT_LENGTH))
        kiosk.append(OperatorProposed(name, ACCOUNT, code, record.commitment, authorised=True, by="member"))
        sent.append(record)
    kiosk.pushed()
    kiosk.sent(*sent)


def test_six_reviewers_of_one_proposal_make_one_operator(pair: list[Any]) -> None:
    propose(pair[0], NAMES[0])
    count, faults = Operator.objects.count(), list[ReviewFault]()

    def review(*, approves: bool) -> None:
        try:
            if approves:
                reviewing.approve(NAMES[0], "张华", now())
            else:
                reviewing.refuse(NAMES[0], "不清楚", "林涛", now())
        except NotReviewed as error:
            faults.append(error.fault)

    at_once([functools.partial(review, approves=True), functools.partial(review, approves=False)] * 3)
    assert faults == [ReviewFault.DECIDED] * 5
    state = proposal_record(LedgerProposal.objects.get()).state
    assert Operator.objects.count() == count + (state is ProposalState.APPROVED)
    assert Entry.objects.filter(kind="operator-reviewed").count() == 1
    assert differences() == []


@pytest.mark.parametrize("decides", ["approve", "refuse"])
def test_deciding_while_the_proposal_is_withdrawn_leaves_one_of_both(pair: list[Any], decides: str) -> None:
    kiosk = pair[0]
    propose(kiosk, *NAMES)
    count, done = Operator.objects.count(), list[str]()
    for name in NAMES[1:3]:
        kiosk.append(OperatorWithdrawn(name, ACCOUNT, "member"))
    kiosk.append(OperatorWithdrawn(NAMES[0], ACCOUNT, "member"))

    def decide() -> None:
        try:
            if decides == "approve":
                reviewing.approve(NAMES[0], "张华", now())
            else:
                reviewing.refuse(NAMES[0], "不清楚", "张华", now())
        except NotReviewed as error:
            done.append(error.fault.value)
        else:
            done.append(MADE)

    at_once([decide, kiosk.pushed, decide])
    assert all_applied()
    state = proposal_record(LedgerProposal.objects.get(proposal=NAMES[0])).state
    if MADE in done:
        assert state is (ProposalState.APPROVED if decides == "approve" else ProposalState.REFUSED)
        assert sorted(done) == [MADE, ReviewFault.DECIDED.value]
    else:
        assert state is ProposalState.WITHDRAWN
    assert Operator.objects.count() == count + (state is ProposalState.APPROVED)
    assert {proposal_record(LedgerProposal.objects.get(proposal=each)).state for each in NAMES[1:3]} == {
        ProposalState.WITHDRAWN
    }
    assert differences() == []


def test_accounts_given_at_once_beside_uploads_and_other_decisions_are_all_different(
    pair: list[Any],
) -> None:
    kiosk, other = pair
    propose(kiosk, *NAMES)
    count = Operator.objects.count()
    for _ in range(8):
        other.place(account="11000006")
    waits = list[str]()

    def approve(name: str) -> None:
        try:
            reviewing.approve(name, "张华", now())
        except NotReviewed as error:
            assert error.fault is ReviewFault.WAITS  # noqa: PT017 - which of them it is depends on the machine
            waits.append(name)

    def note() -> None:
        settling.enter_and_apply(
            [KeyMailed("4-0002-5.aaaaaaaaaaaa", ACCOUNT, "EMS", "E", now(), "张华")], now()
        )

    at_once([*(functools.partial(approve, name) for name in NAMES), other.pushed, note, note])
    for name in waits:
        reviewing.approve(name, "张华", now())
    assert Operator.objects.count() == count + len(NAMES)
    given = {proposal_record(each).new_account for each in LedgerProposal.objects.all()}
    assert len(given) == len(NAMES)
    assert all_applied()
    assert differences() == []


def test_an_account_that_somebody_has_is_drawn_and_not_given(
    pair: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(pair[0], NAMES[0])
    draws = iter([1_000_001, 1_234_567, 1_234_568])
    monkeypatch.setattr(secrets, "randbelow", lambda _most: next(draws))
    assert reviewing.approve(NAMES[0], "张华", now()).account == "11234567"


def test_link_and_code_at_once_set_one_password(pair: list[Any]) -> None:
    Operator.objects.filter(account=ACCOUNT).update(verifier="", phone="13912341234")
    invitation = present(first_passwords.invite(ACCOUNT, now()))
    verifiers = [make_verifier(f"Aa#9-_xy{number}") for number in range(4)]
    done = list[str]()

    def by_link(verifier: str) -> None:
        if first_passwords.set_by_link(invitation.token, verifier, now()):
            done.append(verifier)

    def by_code(verifier: str) -> None:
        chosen = FirstPasswordChosen(ACCOUNT, invitation.code, verifier)
        if first_passwords.take_code(chosen, now()) == CodeJudged(CodeJudgement.RIGHT):
            done.append(verifier)

    first, second, third, fourth = verifiers
    at_once(
        [lambda: by_link(first), lambda: by_code(second), lambda: by_link(third), lambda: by_code(fourth)]
    )
    assert done == [Operator.objects.get(account=ACCOUNT).verifier]
