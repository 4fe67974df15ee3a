"""The app's questions that a member waits for: each is sent to the centre at once, its answer put into the mailbox.

Where the centre cannot be reached, that is the answer, so that nobody waits longer than necessary. A question of an
unknown kind is left alone, and the app goes on at its deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.login_check import MAILBOX_KIND, LoginAnswer, LoginQuestion, QuestionRefused
from sync.agent.errors import AgentError, RequestRefused

if TYPE_CHECKING:
    from kiosk.store.mailbox import Question
    from sync.agent.context import Agent

UNREACHABLE = "unreachable"
KEPT_SECONDS = 3600
_QUESTION: msgspec.msgpack.Decoder[LoginQuestion] = msgspec.msgpack.Decoder(LoginQuestion)
_ENCODER = msgspec.msgpack.Encoder()


def answer_waiting(agent: Agent, *, reachable: bool = True) -> int:
    """Answer the waiting questions and return how many; `reachable` False while the line is cut. Raises StoreError."""
    now = agent.clock.wall()
    with agent.database.read() as tx:
        waiting = [each for each in tx.mailbox.waiting(now) if each.kind == MAILBOX_KIND]
    for question in waiting:
        answer = _answer(agent, question) if reachable else QuestionRefused(UNREACHABLE)
        with agent.database.write() as tx:
            tx.mailbox.answer(question.id, _ENCODER.encode(answer))
            tx.mailbox.prune(now - KEPT_SECONDS)
    return len(waiting)


def _answer(agent: Agent, question: Question) -> LoginAnswer:
    try:
        asked = _QUESTION.decode(question.body)
    except msgspec.MsgspecError:
        agent.log.warning("a question that cannot be read", question=question.id)
        return QuestionRefused("unreadable")
    try:
        return agent.centre.login(asked)
    except RequestRefused as refused:
        agent.log.warning("a question was refused", question=question.id, error=str(refused))
        return QuestionRefused(refused.code.value)
    except AgentError as error:
        agent.log.warning("a question did not reach the centre", question=question.id, error=str(error))
        return QuestionRefused(UNREACHABLE)
