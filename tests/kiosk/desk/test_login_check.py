"""登录验证: with the centre, without it, and with one that answers late, oddly or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt_card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.key_views import Check, CheckResult, LoginCheckOutcome, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views import Refusal, Refused, Session, TokenRefused, TokenTrouble
from kiosk.domain.clock import FixedClock
from kiosk.domain.journal import AnyBody, CertificateRevoked
from kiosk.domain.login_check import (
    MAILBOX_KIND,
    ChallengeAsked,
    ChallengeGiven,
    ChallengeSigned,
    CodeJudged,
    CodeJudgement,
    CodeTyped,
    LoginAnswer,
    LoginJudged,
    LoginQuestion,
    QuestionRefused,
    Registration,
    signed_message,
)
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.issuing import IssuingAuthority, RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import SM2, Algorithm
from kiosk.store.database import Database
from kiosk.store.vault import VaultItem

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT, FACTORY, PIN = "11000001", "111111", "654321"
PASSED, FAILED = CheckResult.PASSED, CheckResult.FAILED
NOT_CHECKED, WAITS = CheckResult.NOT_CHECKED, CheckResult.WAITS
LOCAL = {Check.PASSWORD, Check.PIN, Check.SIGNATURE, Check.CHAIN, Check.VALIDITY, Check.REVOCATION}
CHALLENGE = bytes(range(32))
GIVEN = ChallengeGiven("3-check", CHALLENGE, NOW + 180)
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
        self.answers: Answers = {ChallengeAsked: GIVEN, ChallengeSigned: JUDGED}
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


def _questions(database: Database) -> int:
    with database.read() as tx:
        return len(tx.mailbox.waiting())


@pytest.mark.usefixtures("card")
def test_with_the_centre_everything_is_checked_up_to_the_code(
    service: DeskService, session: Session, agent: Agent, database: Database
) -> None:
    view = _view(_check(service, session))
    assert _passed(view) == set(Check) - {Check.SMS}
    assert _result(view, Check.SMS) is WAITS
    assert (view.serial, view.check, view.phone) == ("OWN", "3-check", "138****5678")
    assert (view.code_expires, view.tries_left, view.feed_as_of) == (NOW + 300, 3, None)
    asked, signed = agent.asked
    assert asked == ChallengeAsked(ACCOUNT)
    assert isinstance(signed, ChallengeSigned)
    certificate = parse_member_certificate(signed.certificate)
    assert certificate.account == ACCOUNT
    assert SM2.verify(certificate.public_key, signed_message(CHALLENGE), signed.signature)
    assert _questions(database) == 0


@pytest.mark.usefixtures("card")
def test_the_code_is_judged_by_the_centre(service: DeskService, session: Session, agent: Agent) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.WRONG, 2)
    wrong = service.login_code(view, "000000")
    assert (_result(wrong, Check.SMS), wrong.tries_left) == (WAITS, 2)
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    right = service.login_code(wrong, " 12３456")
    assert right.complete
    assert agent.asked[-1] == CodeTyped("3-check", "123456")
    asked = len(agent.asked)
    assert service.login_code(right, "123456") == right
    assert service.login_code(wrong, "12a456") == wrong
    assert len(agent.asked) == asked


@pytest.mark.usefixtures("card")
def test_a_code_whose_time_is_over_fails(service: DeskService, session: Session, agent: Agent) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.OVER)
    over = service.login_code(view, "123456")
    assert (_failed(over), over.usable) == ({Check.SMS}, False)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("answer", [None, QuestionRefused("unreachable")])
def test_a_code_that_nobody_judges_is_not_checked_and_may_be_given_again(
    service: DeskService, session: Session, agent: Agent, answer: LoginAnswer | None
) -> None:
    view = _view(_check(service, session))
    agent.answers[CodeTyped] = answer
    unknown = service.login_code(view, "123456")
    assert (_result(unknown, Check.SMS), unknown.usable) == (NOT_CHECKED, True)
    agent.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    assert service.login_code(unknown, "123456").complete


@pytest.mark.usefixtures("card")
def test_offline_nobody_is_asked_and_what_could_not_be_checked_is_said(
    service: DeskService, session: Session, offline: Callable[[], None], agent: Agent, clock: FixedClock
) -> None:
    heard = clock.wall()
    offline()
    before = clock.monotonic()
    view = _view(_check(service, session))
    assert clock.monotonic() == before
    assert agent.asked == []
    assert _passed(view) == LOCAL
    assert {_result(view, check) for check in (Check.REGISTER, Check.SMS)} == {NOT_CHECKED}
    assert (view.usable, view.complete, view.feed_as_of, view.check) == (True, False, heard, "")


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
def test_a_judgement_that_does_not_come_leaves_the_register_open(
    service: DeskService, session: Session, agent: Agent, clock: FixedClock
) -> None:
    del agent.answers[ChallengeSigned]
    before = clock.monotonic()
    view = _view(_check(service, session))
    assert 6000 <= clock.monotonic() - before <= 6300
    assert _passed(view) == LOCAL
    assert (view.phone, view.check) == ("", "")


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    "answer",
    [
        QuestionRefused("too-many"),
        ChallengeGiven("3-check", b"short", NOW + 180),
        JUDGED,
        b"\xff not MessagePack",
        b"",
        msgspec.msgpack.encode({"kind": "something-else"}),
    ],
)
def test_an_odd_answer_is_none(
    service: DeskService, session: Session, agent: Agent, answer: LoginAnswer | bytes
) -> None:
    agent.answers[ChallengeAsked] = answer
    view = _view(_check(service, session))
    assert _passed(view) == LOCAL
    assert [type(asked) for asked in agent.asked] == [ChallengeAsked]


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("judged", "failed"),
    [
        (Registration.ON_HOLD, {Check.REVOCATION, Check.REGISTER}),
        (Registration.REVOKED, {Check.REVOCATION, Check.REGISTER}),
        (Registration.UNKNOWN, {Check.REGISTER}),
    ],
)
def test_what_the_register_says_counts(
    service: DeskService, session: Session, agent: Agent, judged: Registration, failed: set[Check]
) -> None:
    agent.answers[ChallengeSigned] = msgspec.structs.replace(JUDGED, registration=judged, phone="")
    view = _view(_check(service, session))
    assert (_failed(view), view.usable) == (failed, False)


@pytest.mark.usefixtures("card")
def test_a_key_on_hold_or_revoked_fails_offline_too(
    service: DeskService,
    session: Session,
    offline: Callable[[], None],
    database: Database,
    clock: FixedClock,
) -> None:
    service.report_loss(session)
    offline()
    assert _failed(_view(_check(service, session))) == {Check.REVOCATION}
    with database.write() as tx:
        number = tx.ledger.certificates()[0].number
        tx.append(CertificateRevoked(number, "staff", 9), clock)
    assert _failed(_view(_check(service, session))) == {Check.REVOCATION}


@pytest.mark.usefixtures("card")
def test_an_expired_certificate_fails_and_its_chain_holds(
    service: DeskService, session: Session, clock: FixedClock
) -> None:
    clock.advance(366 * DAY)
    view = _view(_check(service, session))
    assert _failed(view) == {Check.VALIDITY}


@pytest.fixture
def foreign_key(
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    database: Database,
) -> GmtCard:
    """A key by an issuing CA that this kiosk has since replaced by its own next one."""
    card = bound_elsewhere(ACCOUNT, "FOREIGN", NOW - DAY, NOW + DAY)
    root = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - 3 * DAY, NOW + 20 * DAY)
    key = SM2.generate()
    certificate = root.certify_kiosk(
        issuing_request(DEFAULT_ORGANISATION, 3, key), 3, 2, NOW - 2 * DAY, NOW + 10 * DAY
    )
    with database.write() as tx:
        tx.vault.put(VaultItem.ISSUING_CERTIFICATE, certificate)
        tx.vault.put(VaultItem.ROOT_CERTIFICATE, root.certificate.der)
    return card


def test_a_chain_by_another_issuing_ca_is_left_to_the_centre(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    agent: Agent,
    contact: Callable[[], None],
    foreign_key: GmtCard,
) -> None:
    contact()
    source.insert(foreign_key)
    view = _view(_check(service, session, PIN))
    assert _result(view, Check.CHAIN) is PASSED
    agent.answers.clear()
    alone = _view(_check(service, session, PIN))
    assert (_result(alone, Check.CHAIN), alone.usable) == (NOT_CHECKED, True)


@pytest.mark.usefixtures("agent")
def test_a_wrong_pin_costs_one_try_and_is_sent_once(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    sent: list[int] = []
    transmit = card.transmit

    class Counting(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            sent.append(command[1])
            return transmit(command)

    source.swap(Counting(card))
    for left in (5, 4, 3, 2, 1):
        wrong = TokenRefused(TokenTrouble.PIN_WRONG, tries_left=left)
        assert _check(service, session, "999999") == wrong
    assert sent.count(0x18) == 5
    assert _check(service, session, FACTORY) == TokenRefused(TokenTrouble.PIN_LAST_TRY, tries_left=1)
    assert _check(service, session, "") == TokenRefused(TokenTrouble.PIN_WANTED, tries_left=1)
    assert sent.count(0x18) == 5
    assert isinstance(_check(service, session, FACTORY, last=True), LoginCheckView)


def test_a_token_that_is_not_the_own_key_is_refused_before_the_centre_is_asked(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    agent: Agent,
    card: GmtCard,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    assert _check(service, session_of("11000003")) == Refused(Refusal.NO_KEY)
    source.swap(blank("B"))
    assert _check(service, session) == TokenRefused(
        TokenTrouble.NOT_THE_KEY_ON_RECORD, expected="OWN", found="B"
    )
    source.remove()
    other = bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY)
    source.insert(other)
    assert _check(service, session) == TokenRefused(TokenTrouble.ANOTHER_MEMBERS, found="OTHER")
    source.insert(card, "second")
    assert isinstance(_check(service, session), LoginCheckView)
    assert [type(asked) for asked in agent.asked] == [ChallengeAsked, ChallengeSigned]


def test_a_key_that_lost_its_certificate_has_none_to_log_in_with(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    token = source.open(source.present()[0])
    token.erase()
    token.close()
    assert _check(service, session) == TokenRefused(TokenTrouble.NO_CERTIFICATE, found="OWN")
    assert card.serial == "OWN"


def test_a_certificate_that_only_has_the_number_of_the_one_on_record_is_not_taken(
    service: DeskService,
    session: Session,
    card: GmtCard,
    source: VirtualTokenSource,
    authority: IssuingAuthority,
    database: Database,
) -> None:
    token = source.open(source.present()[0])
    token.verify_pin(FACTORY)
    member = MemberName(ACCOUNT, "北京示例粮油贸易有限公司")
    info = certification_request_info(DEFAULT_ORGANISATION, member, Algorithm.SM2, token.generate_key_pair())
    with database.read() as tx:
        number = tx.ledger.certificates()[0].number
    request = assemble(info, Algorithm.SM2, token.sign(info))
    token.write_certificate(authority.issue(request, member, int(number, 16), NOW, NOW + DAY))
    token.close()
    assert _check(service, session) == TokenRefused(
        TokenTrouble.NOT_THE_KEY_ON_RECORD, expected="OWN", found="OWN", detail=number
    )
    assert card.record.applications[0].user.tries_left == 6


def test_a_key_that_is_swapped_while_the_centre_is_asked_is_not_signed_with(
    service: DeskService,
    session: Session,
    agent: Agent,
    card: GmtCard,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    waits: list[Callable[[], object]],
) -> None:
    waits.insert(0, lambda: source.swap(blank("B")))
    assert _check(service, session) == TokenRefused(TokenTrouble.SWAPPED, expected="OWN", found="B")
    assert [type(asked) for asked in agent.asked] == [ChallengeAsked]
    assert card.record.applications[0].user.tries_left == 6


def test_a_token_that_signs_something_else_fails_the_signature(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    signatures: list[bytes] = []
    transmit = card.transmit

    class Replaying(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            answer = transmit(command)
            if command[1] == 0x74:
                signatures.append(answer)
                return signatures[0]
            return answer

    source.swap(Replaying(card))
    assert _failed(_view(_check(service, session))) == set()
    assert _failed(_view(_check(service, session))) == {Check.SIGNATURE}


@pytest.mark.usefixtures("card")
def test_a_member_who_leaves_holds_up_nobody(
    desk: Desk, session: Session, database: Database, agent: Agent
) -> None:
    """While one check waits, the token can be read and another verb writes."""
    waiting, released = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        waiting.set()
        released.wait(5)
        agent()

    service = DeskService(replace(desk, sleep=sleep))
    outcomes: list[LoginCheckOutcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(_check(service, session)), daemon=True)
    thread.start()
    assert waiting.wait(5)
    assert not isinstance(service.read_token(), TokenRefused)
    released.set()
    thread.join(10)
    assert _passed(_view(outcomes[0])) == set(Check) - {Check.SMS}
    assert _questions(database) == 0


@pytest.fixture
def agent_thread(database: Database) -> Iterator[Agent]:
    """The agent in a thread of its own."""
    agent, stop = Agent(database), threading.Event()

    def run() -> None:
        while not stop.wait(0.01):
            agent()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield agent
    stop.set()
    thread.join(5)


@pytest.mark.usefixtures("card")
def test_an_agent_of_its_own_answers(desk: Desk, session: Session, agent_thread: Agent) -> None:
    service = DeskService(replace(desk, sleep=lambda _seconds: time.sleep(0.01)))
    view = _view(_check(service, session))
    assert _passed(view) == set(Check) - {Check.SMS}
    agent_thread.answers[CodeTyped] = CodeJudged(CodeJudgement.RIGHT)
    assert service.login_code(view, "123456").complete


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
        number = tx.mailbox.ask("something-else", b"", clock.wall() + 60)
    _check(service, session)
    with database.read() as tx:
        waiting = {question.id: question.kind for question in tx.mailbox.waiting()}
    assert waiting[number] == "something-else"
    assert set(waiting.values()) == {"something-else", MAILBOX_KIND}
    assert card.serial == "OWN"


def test_a_fault_in_the_answer_of_the_card_is_told(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    source.swap(FaultyCard(card, Fault(FaultKind.INTERNAL_ERROR, 1, instruction=0x74)))
    assert _check(service, session) == TokenRefused(TokenTrouble.FAULT, detail="6F00")
