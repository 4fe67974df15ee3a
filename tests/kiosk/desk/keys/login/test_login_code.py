"""登录验证: the code from the message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kiosk.desk.keys.views import Check, CheckResult, LoginCheckOutcome, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.domain.login_check import (
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    LoginAnswer,
    QuestionRefused,
)
from tests.support.desk import answered

FACTORY = "111111"
PASSED, FAILED = CheckResult.PASSED, CheckResult.FAILED
NOT_CHECKED, WAITS = CheckResult.NOT_CHECKED, CheckResult.WAITS


if TYPE_CHECKING:
    from tests.kiosk.desk.keys.login.conftest import Agent


def _check(
    service: DeskService, session: Session, pin: str = FACTORY, *, last: bool = False
) -> LoginCheckOutcome:
    return service.login_check(session, pin, last)


def _view(outcome: LoginCheckOutcome) -> LoginCheckView:
    assert isinstance(outcome, LoginCheckView), outcome
    return outcome


def _passed(view: LoginCheckView) -> set[Check]:
    return {check for check, result in view.results if result is PASSED}


def _failed(view: LoginCheckView) -> set[Check]:
    return {check for check, result in view.results if result is FAILED}


def _result(view: LoginCheckView, check: Check) -> CheckResult:
    return dict(view.results)[check]


@pytest.mark.usefixtures("card")
def test_the_code_is_judged_by_the_centre(service: DeskService, session: Session, agent: Agent) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.WRONG, 2)
    wrong = answered(service.login_code(view, "000000"))
    assert (_result(wrong, Check.SMS), wrong.tries_left) == (WAITS, 2)
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    right = answered(service.login_code(wrong, " 12３456"))
    assert right.complete
    assert agent.asked[-1] == CodeTyped("3-check", "123456")
    asked = len(agent.asked)
    assert answered(service.login_code(right, "123456")) == right
    assert answered(service.login_code(wrong, "12a456")) == wrong
    assert len(agent.asked) == asked


@pytest.mark.usefixtures("card")
def test_a_code_whose_time_is_over_fails(service: DeskService, session: Session, agent: Agent) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.OVER)
    over = answered(service.login_code(view, "123456"))
    assert (_failed(over), over.usable, over.tries_left) == ({Check.SMS}, False, 0)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("answer", [None, QuestionRefused("unreachable")])
def test_a_code_that_nobody_judges_is_not_checked_and_may_be_given_again(
    service: DeskService, session: Session, agent: Agent, answer: LoginAnswer | None
) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = answer
    unknown = answered(service.login_code(view, "123456"))
    assert (_result(unknown, Check.SMS), unknown.usable) == (NOT_CHECKED, True)
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    assert answered(service.login_code(unknown, "123456")).complete


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "１２３４５", "-12345"])
def test_what_cannot_be_a_code_is_not_sent_and_costs_no_try(
    service: DeskService, session: Session, agent: Agent, typed: str
) -> None:
    view = _view(_check(service, session))
    asked = len(agent.asked)
    assert answered(service.login_code(view, typed)) == view
    assert len(agent.asked) == asked
