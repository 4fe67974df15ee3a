"""登录验证: what happens while the centre is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hardware.virtual.gmt.card import GmtCard
from kiosk.desk.context import Desk
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckOutcome, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.tokens import TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.login_check import (
    MAILBOX_KIND,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
)
from kiosk.store.database import Database
from tests.support.desk import answered
from tests.support.waiting import ended, wait_event

NOW = 1_795_327_500
FACTORY = "111111"
PASSED = CheckResult.PASSED
LOCAL = {Check.PASSWORD, Check.PIN, Check.SIGNATURE, Check.CHAIN, Check.VALIDITY, Check.REVOCATION}


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


def _questions(database: Database) -> int:
    with database.read() as tx:
        return len(tx.mailbox.waiting())


@pytest.mark.usefixtures("card")
def test_a_member_who_leaves_holds_up_nobody(
    desk: Desk, session: Session, database: Database, agent: Agent
) -> None:
    """While one check waits, the token can be read and another verb writes."""
    waiting, released = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        waiting.set()
        wait_event(released)
        agent()

    service = DeskService(replace(desk, sleep=sleep))
    outcomes: list[LoginCheckOutcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(_check(service, session)), daemon=True)
    thread.start()
    wait_event(waiting)
    assert not isinstance(service.read_token(), TokenRefused)
    released.set()
    ended(thread)
    assert _passed(_view(outcomes[0])) == set(Check) - {Check.SMS}
    assert _questions(database) == 0


@pytest.fixture
def agent_thread(agent: Agent) -> Iterator[Agent]:
    """The agent in a thread of its own."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.01):
            agent()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield agent
    stop.set()
    ended(thread)


@pytest.mark.usefixtures("card")
def test_an_agent_of_its_own_answers(desk: Desk, session: Session, agent_thread: Agent) -> None:
    service = DeskService(replace(desk, sleep=lambda _seconds: time.sleep(0.01)))
    view = _view(_check(service, session))
    assert _passed(view) == set(Check) - {Check.SMS}
    agent_thread.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    assert answered(service.login_code(view, "123456")).complete


@pytest.mark.usefixtures("card", "agent")
def test_a_login_check_is_no_history(
    service: DeskService, session: Session, bodies: Callable[[], list[AnyBody]]
) -> None:
    count = len(bodies())
    _check(service, session)
    assert len(bodies()) == count


def test_other_questions_in_the_mailbox_are_left_alone(
    service: DeskService, session: Session, card: GmtCard, database: Database, clock: FixedClock
) -> None:
    with database.write() as tx:
        number = tx.mailbox.submit("something-else", b"", clock.wall() + 60)
    _check(service, session)
    with database.read() as tx:
        waiting = {question.id: question.kind for question in tx.mailbox.waiting()}
    assert waiting[number] == "something-else"
    assert set(waiting.values()) == {"something-else", MAILBOX_KIND}
    assert card.serial == "OWN"


@pytest.mark.usefixtures("card")
def test_past_the_deadline_the_desk_goes_on_alone(
    service: DeskService, session: Session, agent: Agent, clock: FixedClock, database: Database
) -> None:
    agent.answers.clear()
    before = clock.monotonic()
    view = _view(_check(service, session))
    assert 4000 <= clock.monotonic() - before <= 4200
    assert _passed(view) == LOCAL
    assert view.feed_as_of == NOW
    assert _questions(database) == 1
    clock.advance(400)
    _check(service, session)
    assert _questions(database) == 0  # pruned, and offline by now


@pytest.mark.usefixtures("card")
def test_a_question_waits_for_the_agent_no_longer_than_the_member(
    service: DeskService, session: Session, agent: Agent, clock: FixedClock, database: Database
) -> None:
    agent.answers.clear()
    asked = clock.wall()
    _check(service, session)
    with database.read() as tx:
        assert [each.deadline for each in tx.mailbox.waiting()] == [asked + 4]
