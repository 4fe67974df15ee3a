"""Binding: attempts that stopped, and what goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hardware.token.gmt.commands import Instruction
from hardware.token.gmt.token import GmtToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import SAME_SERIAL, BindingProgress, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, CertificateStatus
from kiosk.domain.members import Review
from kiosk.store.database import Database
from tests.support.desk import answered

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"
SIGN = 0x74
SUPERVISOR = StaffSession("林涛", supervisor=True)

Bind = Callable[..., BoundView | TokenRefused | Refused]
CertificateOn = Callable[[GmtCard], bytes | None]
Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]


def _stop_after(step: int) -> Callable[[BindingProgress], None]:
    def watch(progress: BindingProgress) -> None:
        if progress == BindingProgress(step, done=True):
            raise KeyboardInterrupt

    return watch


def _start_on(service: DeskService, session: Session, number: str, step: int, pin: str | None = None) -> None:
    try:
        service.bind(session, number, pin, False, _stop_after(step))  # noqa: FBT003 - the contract
    except KeyboardInterrupt:
        return
    raise AssertionError(f"step {step} was not reached")


def test_an_attempt_wants_its_own_token_until_a_supervisor_gives_it_up(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("DIES"))
    _start_on(service, session, number, 4)
    source.swap(blank("SECOND"))
    assert bind(service, session, number) == TokenRefused(
        TokenRefusal.SWAPPED, expected="DIES", found="SECOND"
    )
    view = answered(service.order(number))
    assert view is not None
    assert (view.binding_step, view.binding_serial) == (BindingStep.WRITTEN, "DIES")
    abandoned = service.abandon(SUPERVISOR, number, "key盘坏了")
    assert isinstance(abandoned, OrderView)
    assert abandoned.binding_step is None
    bound = bind(service, session, number)
    assert isinstance(bound, BoundView)
    with database.read() as tx:
        certificates = tx.ledger.certificates(account="11000001")
    assert {each.token_serial: each.status for each in certificates} == {
        "DIES": CertificateStatus.VOID,
        "SECOND": CertificateStatus.VALID,
    }


def test_after_an_interruption_a_new_token_goes_on_without_a_pin_and_tells_the_steps_that_were_passed(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("NEW"))
    _start_on(service, session, number, 3)
    steps: list[BindingProgress] = []
    bound = service.bind(session, number, None, False, steps.append)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView)
    assert [step.step for step in steps if step.done] == [1, 2, 3, 4, 5, 6]
    assert [step.step for step in steps if not step.done] == [1, 4, 5, 6]


def test_a_token_whose_certified_key_pair_is_gone_proves_nothing(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    card = blank("ERASED")
    source.insert(card)
    _start_on(service, session, number, 3)
    token = source.open(source.present()[0])
    token.verify_pin("111111")
    token.generate_key_pair()
    token.close()
    refused = bind(service, session, number)
    assert refused == TokenRefused(TokenRefusal.PROOF_FAILED, expected="ERASED", found="ERASED")
    assert isinstance(service.abandon(SUPERVISOR, number, "重置过"), OrderView)
    assert isinstance(bind(service, session, number, "111111"), BoundView)


def test_a_token_that_does_not_sign_the_challenge_is_not_bound(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    number, card = paid_order("11000001", OrderKind.NEW), blank("REPLAYS")
    signatures: list[bytes] = []
    transmit = card.transmit

    class Replaying(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            answer = transmit(command)
            if command[1] != SIGN:
                return answer
            signatures.append(answer)
            return signatures[0]  # that of the request, whatever is to be signed

    source.insert(Replaying(card))
    refused = TokenRefused(TokenRefusal.PROOF_FAILED, found="REPLAYS")
    assert bind(service, session, number) == refused
    assert len(signatures) == 2
    with database.read() as tx:
        (certificate,) = tx.ledger.certificates(account="11000001")
    assert certificate.status is CertificateStatus.ISSUED
    source.swap(card)
    assert isinstance(bind(service, session, number), BoundView)


def test_a_token_that_gives_another_certificate_back_is_not_bound(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("SPOILS"))
    read = GmtToken.certificate

    def spoilt(token: GmtToken) -> bytes | None:
        der = read(token)
        return der[:-1] + bytes((der[-1] ^ 1,)) if der else der

    with monkeypatch.context() as patch:
        patch.setattr(GmtToken, "certificate", spoilt)
        refused = TokenRefused(TokenRefusal.PROOF_FAILED, found="SPOILS")
        assert bind(service, session, number) == refused
        with database.read() as tx:
            (certificate,) = tx.ledger.certificates(account="11000001")
        assert certificate.status is CertificateStatus.ISSUED
    assert isinstance(bind(service, session, number), BoundView)


@pytest.mark.parametrize("before", [5, 6])
def test_a_refund_before_a_renewal_is_proved_or_bound_leaves_the_old_certificate_on_the_token(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    certificate_on: CertificateOn,
    before: int,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)

    def refund(progress: BindingProgress) -> None:
        if progress == BindingProgress(before, done=False):
            assert certificate_on(card) != old
            assert isinstance(service.grant_refund(SUPERVISOR, number, "不要了"), OrderView)

    outcome = service.bind(session, number, PIN, False, refund)  # noqa: FBT003 - the contract
    assert outcome == Refused(Refusal.ORDER_REFUNDING)
    assert certificate_on(card) == old


def test_a_renewal_begun_anew_still_keeps_the_certificate_from_before_its_first_attempt(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
    certificate_on: CertificateOn,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)
    _start_on(service, session, number, 4, PIN)
    assert certificate_on(card) != old
    assert isinstance(service.abandon(SUPERVISOR, number, "重来"), OrderView)
    assert isinstance(bind(service, session, number, PIN), BoundView)
    with database.read() as tx:
        order = tx.ledger.order(number)
        certificates = tx.ledger.certificates(account="11000001")
    assert order is not None
    assert [attempt.old_certificate for attempt in order.bindings] == [old, old]
    assert [each.status for each in certificates] == [CertificateStatus.VALID, CertificateStatus.VOID]


def test_a_certificate_that_the_card_did_not_take_counts_as_written_by_nobody(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    failing = Fault(FaultKind.INTERNAL_ERROR, instruction=Instruction.IMPORT_CERTIFICATE)
    source.insert(FaultyCard(blank("A"), failing))
    number = paid_order("11000001", OrderKind.NEW)
    refused = bind(service, session, number)
    assert isinstance(refused, TokenRefused)
    assert refused.reason is TokenRefusal.FAULT
    with database.read() as tx:
        order = tx.ledger.order(number)
    assert order is not None
    assert order.binding is not None
    assert order.binding.step is BindingStep.ISSUED
    assert isinstance(bind(service, session, number), BoundView)


@pytest.mark.parametrize("step", [1, 2])
def test_whether_a_certificate_may_be_issued_is_judged_again_until_there_is_one(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
    step: int,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("NEW"))
    _start_on(service, session, number, step)
    _review(database, Review.UNDER_REVIEW)
    assert bind(service, session, number) == Refused(Refusal.OPERATOR_UNDER_REVIEW)
    with database.read() as tx:
        assert not tx.ledger.certificates(account="11000001")
    _review(database, Review.APPROVED)
    _start_on(service, session, number, 3)
    _review(database, Review.UNDER_REVIEW)
    assert isinstance(bind(service, session, number), BoundView)


def _review(database: Database, review: Review) -> None:
    with database.write() as tx:
        operator = tx.members.operator("11000001")
        assert operator is not None
        tx.members.put_operator(replace(operator, review=review))


@pytest.mark.parametrize("own", [True, False])
def test_an_attempt_goes_on_where_the_feed_has_the_token_for_its_own_account_alone(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
    *,
    own: bool,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("NEW"))
    _start_on(service, session, number, 1)
    account = "11000001" if own else "11000003"
    with database.write() as tx:
        key = KeyBoundElsewhere(account, "0002000001000099", "NEW", NOW - DAY, NOW + DAY)
        tx.feed.put_key_elsewhere(key)
    outcome = bind(service, session, number)
    if own:
        assert isinstance(outcome, BoundView), outcome
    else:
        assert outcome == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="NEW", detail=SAME_SERIAL)
