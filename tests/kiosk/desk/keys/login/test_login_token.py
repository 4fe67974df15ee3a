"""登录验证: the token that signs, and its PIN."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckOutcome, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.login_check import (
    ChallengeRequested,
    ChallengeSigned,
)
from kiosk.pki.issuing import IssuingAuthority
from kiosk.pki.names import DEFAULT_ORGANISATION, MemberName
from kiosk.pki.requests import assemble, certification_request_info
from kiosk.pki.suites import KeyAlgorithm
from kiosk.store.database import Database

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT, FACTORY = "11000001", "111111"
FAILED = CheckResult.FAILED


if TYPE_CHECKING:
    from tests.kiosk.desk.keys.login.conftest import Agent


def _check(
    service: DeskService, session: Session, pin: str = FACTORY, *, last: bool = False
) -> LoginCheckOutcome:
    return service.login_check(session, pin, last)


def _view(outcome: LoginCheckOutcome) -> LoginCheckView:
    assert isinstance(outcome, LoginCheckView), outcome
    return outcome


def _failed(view: LoginCheckView) -> set[Check]:
    return {check for check, result in view.results if result is FAILED}


def test_a_wrong_pin_costs_one_try_is_sent_once_and_takes_no_challenge(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource, agent: Agent
) -> None:
    sent: list[int] = []
    transmit = card.transmit

    class Counting(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            sent.append(command[1])
            return transmit(command)

    source.swap(Counting(card))
    for left in (5, 4, 3, 2, 1):
        wrong = TokenRefused(TokenRefusal.PIN_WRONG, tries_left=left)
        assert _check(service, session, "999999") == wrong
    assert sent.count(0x18) == 5
    assert _check(service, session, FACTORY) == TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1)
    assert _check(service, session, "") == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=1)
    assert sent.count(0x18) == 5
    assert agent.asked == []
    assert isinstance(_check(service, session, FACTORY, last=True), LoginCheckView)
    assert sent.count(0x18) == 7  # to be sure of it, and to sign with what the centre gave then
    assert [type(asked) for asked in agent.asked] == [ChallengeRequested, ChallengeSigned]


@pytest.mark.usefixtures("agent")
def test_a_pin_of_one_try_is_confirmed_once_for_the_whole_check(
    service: DeskService, session: Session, card: GmtCard
) -> None:
    record = card.record
    application = record.applications[0]
    only = msgspec.structs.replace(application.user, tries_left=1, tries_allowed=1)
    card.store(
        msgspec.structs.replace(record, applications=(msgspec.structs.replace(application, user=only),))
    )
    assert _check(service, session) == TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1)
    assert isinstance(_check(service, session, FACTORY, last=True), LoginCheckView)


def test_a_pin_that_is_another_one_when_the_centre_has_answered_is_sent_once_more_and_signs_nothing(
    service: DeskService,
    session: Session,
    agent: Agent,
    card: GmtCard,
    source: VirtualTokenSource,
    waits: list[Callable[[], object]],
) -> None:
    def change() -> None:
        token = source.open(source.present()[0])
        token.change_pin(FACTORY, "654321")
        token.close()

    waits.insert(0, change)
    assert _check(service, session) == TokenRefused(TokenRefusal.PIN_WRONG, tries_left=5)
    assert [type(asked) for asked in agent.asked] == [ChallengeRequested]
    assert card.record.applications[0].user.tries_left == 5


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
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="OWN", found="B"
    )
    source.remove()
    other = bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY)
    source.insert(other)
    assert _check(service, session) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHER")
    source.insert(card, "second")
    assert isinstance(_check(service, session), LoginCheckView)
    assert [type(asked) for asked in agent.asked] == [ChallengeRequested, ChallengeSigned]


def test_a_key_that_lost_its_certificate_has_none_to_log_in_with(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    token = source.open(source.present()[0])
    token.erase()
    token.close()
    assert _check(service, session) == TokenRefused(TokenRefusal.NO_CERTIFICATE, found="OWN")
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
    info = certification_request_info(
        DEFAULT_ORGANISATION, member, KeyAlgorithm.SM2, token.generate_key_pair()
    )
    with database.read() as tx:
        number = tx.ledger.certificates()[0].number
    request = assemble(info, KeyAlgorithm.SM2, token.sign(info))
    token.write_certificate(authority.issue(request, member, int(number, 16), NOW, NOW + DAY))
    token.close()
    assert _check(service, session) == TokenRefused(
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="OWN", found="OWN", detail=number
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
    assert _check(service, session) == TokenRefused(TokenRefusal.SWAPPED, expected="OWN", found="B")
    assert [type(asked) for asked in agent.asked] == [ChallengeRequested]
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


def test_a_fault_in_the_answer_of_the_card_is_told(
    service: DeskService, session: Session, card: GmtCard, source: VirtualTokenSource
) -> None:
    source.swap(FaultyCard(card, Fault(FaultKind.INTERNAL_ERROR, 1, instruction=0x74)))
    assert _check(service, session) == TokenRefused(TokenRefusal.FAULT, detail="6F00")
