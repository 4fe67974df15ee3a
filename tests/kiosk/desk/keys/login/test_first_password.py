"""设置登录密码 at a kiosk: the verifier goes to the centre with the code, the password nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from kiosk.desk.keys.first_password import FirstPasswordOutcome, FirstPasswordResult, FirstPasswordView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import SignedIn, WrongCredentials
from kiosk.domain.login_check import (
    CodeJudged,
    CodeJudgement,
    FirstPasswordChosen,
    LoginAnswer,
    QuestionRefused,
)
from kiosk.domain.password_rules import PasswordFault
from kiosk.pki.passwords import is_verifier, make_verifier, password_matches
from kiosk.store.database import Database
from tests.support.values import present

if TYPE_CHECKING:
    from tests.kiosk.desk.keys.login.conftest import Agent

ACCOUNT, PASSWORD, CODE = "11000001", "Aa#9-_xy", "123456"
RESULT = FirstPasswordResult


def _view(outcome: FirstPasswordOutcome) -> FirstPasswordView:
    assert isinstance(outcome, FirstPasswordView), outcome
    return outcome


def test_the_verifier_goes_to_the_centre_and_the_password_nowhere(
    service: DeskService, agent: Agent, contact: Callable[[], None], database: Database
) -> None:
    contact()
    agent.answers[FirstPasswordChosen] = CodeJudged(CodeJudgement.RIGHT)
    outcome = service.choose_first_password(" １１０００００１ ", "123 456", PASSWORD)
    assert _view(outcome) == FirstPasswordView(RESULT.SET)
    (asked,) = agent.asked
    assert isinstance(asked, FirstPasswordChosen)
    assert (asked.account, asked.code) == (ACCOUNT, CODE)
    assert is_verifier(asked.verifier)
    assert password_matches(asked.verifier, PASSWORD)
    assert PASSWORD not in repr(asked)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (CodeJudged(CodeJudgement.WRONG, 4), FirstPasswordView(RESULT.WRONG_CODE, 4)),
        (CodeJudged(CodeJudgement.OVER), FirstPasswordView(RESULT.OVER)),
        (QuestionRefused("unreachable"), FirstPasswordView(RESULT.NOT_HEARD)),
        (QuestionRefused("body-malformed"), FirstPasswordView(RESULT.NOT_HEARD)),  # an older centre
        (b"\xc1", FirstPasswordView(RESULT.NOT_HEARD)),
        (None, FirstPasswordView(RESULT.NOT_HEARD)),
    ],
)
def test_what_the_centre_says_or_does_not_say_is_told_apart(
    service: DeskService,
    agent: Agent,
    contact: Callable[[], None],
    answer: LoginAnswer | bytes | None,
    expected: FirstPasswordView,
) -> None:
    contact()
    agent.answers[FirstPasswordChosen] = answer
    assert _view(service.choose_first_password(ACCOUNT, CODE, PASSWORD)) == expected


def test_without_a_network_nothing_is_asked(
    service: DeskService, agent: Agent, contact: Callable[[], None], offline: Callable[[], None]
) -> None:
    contact()
    offline()
    assert _view(service.choose_first_password(ACCOUNT, CODE, PASSWORD)).result is RESULT.NOT_HEARD
    assert not agent.asked


@pytest.mark.parametrize(
    ("account", "code", "password", "expected"),
    [
        ("0123", CODE, PASSWORD, FirstPasswordView(RESULT.MALFORMED)),
        ("x", CODE, PASSWORD, FirstPasswordView(RESULT.MALFORMED)),
        (ACCOUNT, "12345", PASSWORD, FirstPasswordView(RESULT.MALFORMED)),
        (ACCOUNT, "12345a", PASSWORD, FirstPasswordView(RESULT.MALFORMED)),
        (ACCOUNT, CODE, "Aa#9-_x", FirstPasswordView(RESULT.FAULTY, fault=PasswordFault.SHORT)),
        (ACCOUNT, CODE, f"a{ACCOUNT}", FirstPasswordView(RESULT.FAULTY, fault=PasswordFault.ACCOUNT)),
    ],
)
def test_what_cannot_be_right_costs_no_try(
    service: DeskService,
    agent: Agent,
    contact: Callable[[], None],
    account: str,
    code: str,
    password: str,
    expected: FirstPasswordView,
) -> None:
    contact()
    assert _view(service.choose_first_password(account, code, password)) == expected
    assert not agent.asked


@pytest.mark.parametrize("password", ["", " ", "x", PASSWORD])
def test_an_operator_without_a_verifier_passes_no_check_until_the_feed_brings_one(
    service: DeskService, database: Database, password: str
) -> None:
    with database.write() as tx:
        operator = present(tx.members.operator(ACCOUNT))
        tx.members.put_operator(replace(operator, verifier=""))
    assert isinstance(service.sign_in(ACCOUNT, password), WrongCredentials)
    with database.write() as tx:
        tx.members.put_operator(replace(operator, verifier=make_verifier(PASSWORD)))
    right = service.sign_in(ACCOUNT, password)
    assert isinstance(right, SignedIn if password == PASSWORD else WrongCredentials)
