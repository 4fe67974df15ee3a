from __future__ import annotations

import threading

import msgspec
import pytest

from kiosk.domain.login_check import (
    MAILBOX_KIND,
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    QuestionRefused,
    Registration,
)
from sync.agent.line.network_switch import NetworkSwitch, SwitchedTransport
from sync.agent.loop import Loop
from sync.agent.mailbox import UNREACHABLE, answer_waiting
from tests.support.memory_desk import Desk
from tests.support.waiting import ended, wait_until

GIVEN = ChallengeIssued("00003-77", bytes(range(32)), 1_795_327_680)
_ANSWER: msgspec.msgpack.Decoder[LoginAnswer] = msgspec.msgpack.Decoder(LoginAnswer)


def ask(desk: Desk, question: object = None, kind: str = MAILBOX_KIND, wait: int = 10) -> int:
    body = msgspec.msgpack.encode(question or ChallengeRequested("11000001"))
    with desk.database.write() as tx:
        return int(tx.mailbox.submit(kind, body, desk.clock.now + wait))


def answer(desk: Desk, question: int) -> LoginAnswer | None:
    with desk.database.read() as tx:
        body = tx.mailbox.answer_of(question)
    return None if body is None else _ANSWER.decode(body)


def test_a_question_is_put_to_the_centre_and_its_answer_laid_into_the_mailbox(desk: Desk) -> None:
    desk.enrol()
    signed = ChallengeSigned("00003-77", b"\x30\x82", b"\x30\x45")
    judged = LoginJudged(signature=True, chain=True, registration=Registration.LISTED, phone="138****0001")
    answers: dict[LoginQuestion, LoginAnswer] = {ChallengeRequested("11000001"): GIVEN, signed: judged}
    desk.centre.login = answers.__getitem__
    first, second = ask(desk), ask(desk, signed)
    assert answer_waiting(desk.agent()) == 2
    assert (answer(desk, first), answer(desk, second)) == (GIVEN, judged)
    assert answer_waiting(desk.agent()) == 0


@pytest.mark.parametrize("fault", ["cut", "busy", "broken", "lost", "slow", "garbage", "truncated"])
def test_a_line_that_fails_is_told_at_once(desk: Desk, fault: str) -> None:
    desk.enrol()
    desk.centre.login = lambda _: GIVEN
    question = ask(desk)
    desk.faulty.faults = [fault]
    answer_waiting(desk.agent())
    assert answer(desk, question) == QuestionRefused(UNREACHABLE)


def test_a_question_past_its_deadline_or_of_another_kind_is_left_alone(desk: Desk) -> None:
    desk.enrol()
    desk.centre.login = lambda _: GIVEN
    late, other = ask(desk, wait=-1), ask(desk, kind="weather")
    assert answer_waiting(desk.agent()) == 0
    assert (answer(desk, late), answer(desk, other)) == (None, None)


def test_rubbish_in_the_mailbox_is_refused_without_asking(desk: Desk) -> None:
    desk.enrol()
    question = ask(desk, {"kind": "no-such-question"})
    asked = len(desk.centre.requests)
    answer_waiting(desk.agent())
    assert answer(desk, question) == QuestionRefused("unreadable")
    assert len(desk.centre.requests) == asked


def test_the_running_agent_answers_while_the_feed_waits_and_says_so_when_the_line_is_cut(desk: Desk) -> None:
    desk.enrol()
    desk.centre.login = lambda _: GIVEN
    switch = NetworkSwitch(desk.directory / "cut")
    desk.line = SwitchedTransport(desk.line, switch)
    loop = Loop(desk.agent(), switch, lambda: 0.5)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        assert _answered(desk, ask(desk)) == GIVEN
        (desk.directory / "cut").touch()
        assert _answered(desk, ask(desk)) == QuestionRefused(UNREACHABLE)
    finally:
        loop.stop.set()
        ended(thread)


def _answered(desk: Desk, question: int) -> LoginAnswer:
    wait_until(lambda: answer(desk, question) is not None, "the question is answered")
    found = answer(desk, question)
    assert found is not None
    return found
