"""登录验证: with the centre, without it, and with one that answers late, oddly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, LoginCheckOutcome, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.login_check import (
    ChallengeIssued,
    ChallengeRequested,
    ChallengeSigned,
    LoginAnswer,
    LoginJudged,
    QuestionRefused,
    Registration,
    signed_message,
)
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.issuing import RootAuthority, issuing_request
from kiosk.pki.names import DEFAULT_ORGANISATION
from kiosk.pki.suites import SM2
from kiosk.store.database import Database
from kiosk.store.vault import VaultItem

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT, FACTORY, PIN = "11000001", "111111", "654321"
PASSED, FAILED = CheckResult.PASSED, CheckResult.FAILED
NOT_CHECKED, WAITS = CheckResult.NOT_CHECKED, CheckResult.WAITS
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


def _failed(view: LoginCheckView) -> set[Check]:
    return {check for check, result in view.results if result is FAILED}


def _result(view: LoginCheckView, check: Check) -> CheckResult:
    return dict(view.results)[check]


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
    assert asked == ChallengeRequested(ACCOUNT)
    assert isinstance(signed, ChallengeSigned)
    certificate = parse_member_certificate(signed.certificate)
    assert certificate.account == ACCOUNT
    assert SM2.verify(certificate.public_key, signed_message(bytes(range(32))), signed.signature)
    with database.read() as tx:
        assert not tx.mailbox.waiting()


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
        ChallengeIssued("3-check", b"short", NOW + 180),
        LoginJudged(signature=True, chain=True, registration=Registration.LISTED),
        b"\xff not MessagePack",
        b"",
        msgspec.msgpack.encode({"kind": "something-else"}),
    ],
)
def test_an_odd_answer_is_none(
    service: DeskService, session: Session, agent: Agent, answer: LoginAnswer | bytes
) -> None:
    agent.answers[ChallengeRequested] = answer
    view = _view(_check(service, session))
    assert _passed(view) == LOCAL
    assert [type(asked) for asked in agent.asked] == [ChallengeRequested]


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
    sent = agent.answers[ChallengeSigned]
    assert isinstance(sent, LoginJudged)
    agent.answers[ChallengeSigned] = msgspec.structs.replace(sent, registration=judged, phone="")
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
        tx.append(CertificateRevoked(number, "staff", "row/9"), clock)
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


@pytest.mark.usefixtures("card", "agent")
@pytest.mark.parametrize(
    ("behind", "holds"), [(0, True), (1, True), (600, True), (1200, True), (1201, False)]
)
def test_a_clock_a_little_behind_is_no_reason_to_fail(
    service: DeskService, session: Session, clock: FixedClock, behind: int, *, holds: bool
) -> None:
    """The certificate begins 600 seconds before it was issued, and clocks may differ by as much."""
    clock.advance(-behind)
    view = _view(_check(service, session))
    assert (_result(view, Check.VALIDITY) is PASSED) == holds
    assert _result(view, Check.CHAIN) is PASSED


@pytest.mark.usefixtures("card")
def test_a_chain_that_ends_at_another_root_fails(
    service: DeskService, session: Session, database: Database, offline: Callable[[], None]
) -> None:
    offline()
    other = RootAuthority.create(DEFAULT_ORGANISATION, SM2.generate(), 1, NOW - DAY, NOW + 9000 * DAY)
    with database.write() as tx:
        tx.vault.put(VaultItem.ROOT_CERTIFICATE, other.certificate.der)
    view = _view(_check(service, session))
    assert (_result(view, Check.CHAIN), view.usable) == (FAILED, False)


@pytest.mark.parametrize(
    ("begin", "end", "holds"),
    [
        (NOW + 120, NOW + DAY, True),
        (NOW + 121, NOW + DAY, True),
        (NOW + 120 + 600, NOW + DAY, True),
        (NOW + 120 + 601, NOW + DAY, False),
        (NOW - DAY, NOW + 120, True),
        (NOW - DAY, NOW + 119, False),
    ],
)
def test_a_certificate_holds_from_the_clocks_tolerance_before_its_first_second_to_its_last(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    offline: Callable[[], None],
    clock: FixedClock,
    begin: int,
    end: int,
    *,
    holds: bool,
) -> None:
    source.insert(bound_elsewhere(ACCOUNT, "A", begin, end))
    offline()
    assert clock.wall() == NOW + 120
    view = _view(_check(service, session, PIN))
    assert _result(view, Check.VALIDITY) is (PASSED if holds else FAILED)


@pytest.mark.usefixtures("card")
def test_where_a_check_fails_no_code_can_be_typed(
    service: DeskService, session: Session, agent: Agent
) -> None:
    sent = agent.answers[ChallengeSigned]
    assert isinstance(sent, LoginJudged)
    agent.answers[ChallengeSigned] = msgspec.structs.replace(sent, registration=Registration.REVOKED)
    view = _view(_check(service, session))
    assert (view.check, view.phone, view.code_expires, view.tries_left) == ("", "", 0, 0)
