"""The agent as the mailbox sees it, and a key to log in with."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.domain.clock import FixedClock
from kiosk.domain.login_check import (
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    Registration,
)
from kiosk.store.database import Database

NOW = 1_795_327_500
ACCOUNT = "11000001"
CHALLENGE = bytes(range(32))
GIVEN = ChallengeIssued("3-check", CHALLENGE, NOW + 180)
JUDGED = LoginJudged(
    signature=True,
    chain=True,
    registration=Registration.LISTED,
    phone="138****5678",
    code_expires=NOW + 300,
    tries=3,
)
QUESTIONS: msgspec.msgpack.Decoder[LoginQuestion] = msgspec.msgpack.Decoder(LoginQuestion)

Answers = dict[type, LoginAnswer | bytes | None]


class Agent:
    """The agent as the mailbox sees it: it answers whatever waits, by a table."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.answers: Answers = {ChallengeRequested: GIVEN, ChallengeSigned: JUDGED}
        self.asked: list[LoginQuestion] = []

    def __call__(self) -> None:
        with self.database.write() as tx:
            for question in tx.mailbox.waiting():
                asked = QUESTIONS.decode(question.body)
                answer = self.answers.get(type(asked))
                if answer is not None:
                    body = answer if isinstance(answer, bytes) else msgspec.msgpack.encode(answer)
                    assert tx.mailbox.answer(question.id, body)
                    self.asked.append(asked)


@pytest.fixture
def agent(database: Database, waits: list[Callable[[], object]]) -> Agent:
    """Looks into the mailbox while the desk waits."""
    agent = Agent(database)
    waits.extend([agent] * 200)
    return agent


@pytest.fixture
def card(
    source: VirtualTokenSource, bound_here: Callable[[str, str], GmtCard], contact: Callable[[], None]
) -> GmtCard:
    """The member's key, bound a moment ago, in the reader; the centre has heard of it."""
    card = bound_here(ACCOUNT, "OWN")
    contact()
    source.insert(card)
    return card


@pytest.fixture
def offline(clock: FixedClock) -> Callable[[], None]:
    """The agent has not reached the centre for two minutes."""
    return lambda: clock.advance(120)
