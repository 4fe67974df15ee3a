from __future__ import annotations

from collections.abc import Callable

from hardware.virtual.gmt_card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views import (
    BindingProgress,
    BoundView,
    OrderView,
    Refusal,
    Refused,
    Session,
    StaffSession,
    TokenRefused,
    TokenTrouble,
)
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyState
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import BindingStep, CertificateStatus
from kiosk.domain.policy import Policy
from kiosk.domain.validity import add_years
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"
SUPERVISOR = StaffSession("林涛", supervisor=True)

Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]
Bind = Callable[..., BoundView | TokenRefused | Refused]


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def _bind(
    service: DeskService, session: Session, number: str, pin: str | None = None, *, last: bool = False
) -> BoundView | TokenRefused | Refused:
    return service.bind(session, number, pin, last, _quietly)


def _certificate_on(card: GmtCard) -> bytes | None:
    return card.record.applications[0].containers[0].certificate


def test_the_number_is_that_of_the_entry_and_the_certificate_on_the_token_is_the_one_on_record(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    card = blank("E8AD652202221F03")
    source.insert(card)
    bound = _bind(service, session, paid_order("11000001", OrderKind.NEW))
    assert isinstance(bound, BoundView)
    with database.read() as tx:
        certificate = tx.ledger.certificate(bound.certificate)
        account = tx.ledger.account("11000001")
    assert certificate is not None
    assert account is not None
    assert account.key is not None
    assert bound.certificate == f"0003000001{certificate.sequence:06X}"
    on_token = parse_member_certificate(_certificate_on(card) or b"")
    assert (on_token.number, on_token.account) == (bound.certificate, "11000001")
    assert (on_token.not_before, on_token.not_after) == (NOW, add_years(NOW, 1))
    assert account.key.token_serial == "E8AD652202221F03"
    assert service.account(session).key_state is KeyState.VALID


def test_a_renewal_keeps_the_key_pair_asks_for_the_members_pin_and_adds_a_year_to_the_old_end(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    before = card.record.applications[0].containers[0].public_key
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert _bind(service, session, number) == TokenRefused(TokenTrouble.PIN_WANTED, tries_left=6)
    assert _bind(service, session, number, "111111") == TokenRefused(TokenTrouble.PIN_WRONG, tries_left=5)
    bound = _bind(service, session, number, PIN)
    assert isinstance(bound, BoundView)
    assert bound.not_after == add_years(NOW + 20 * DAY, 1)
    assert card.record.applications[0].containers[0].public_key == before
    with database.read() as tx:
        certificate = tx.ledger.certificate(bound.certificate)
    assert certificate is not None
    assert (certificate.predecessor, certificate.old_end) == ("0001000001000001", NOW + 20 * DAY)


def test_a_replacement_takes_what_was_left_of_the_lost_key_along(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    placed: Callable[[Session, OrderKind], str],
    pay: Callable[[str], None],
    paid_order: Pay,
) -> None:
    source.insert(blank("FIRST"))
    first = _bind(service, session, paid_order("11000001", OrderKind.NEW))
    assert isinstance(first, BoundView)
    number = placed(session, OrderKind.REPLACEMENT)
    pay(number)
    with database.read() as tx:
        lost = tx.ledger.certificate(first.certificate)
    assert lost is not None
    assert lost.status is CertificateStatus.ON_HOLD
    source.swap(blank("SECOND"))
    second = _bind(service, session, number)
    assert isinstance(second, BoundView)
    assert second.not_after == add_years(first.not_after, 1)
    with database.read() as tx:
        lost = tx.ledger.certificate(first.certificate)
    assert lost is not None
    assert (lost.status, lost.successor) == (CertificateStatus.REVOKED, second.certificate)


def test_a_token_that_is_somebodys_is_not_taken_for_a_new_key(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    others = bound_elsewhere("11000003", "OTHERS", NOW - DAY, NOW + DAY)
    number = paid_order("11000001", OrderKind.NEW)
    assert _bind(service, session, number, PIN) == TokenRefused(TokenTrouble.ABSENT)
    source.insert(others)
    assert _bind(service, session, number, PIN) == TokenRefused(TokenTrouble.ANOTHER_MEMBERS, found="OTHERS")
    card = blank("MINE")
    source.swap(card)
    assert isinstance(_bind(service, session, number), BoundView)
    again = paid_order("11000001", OrderKind.REPLACEMENT)
    assert _bind(service, session, again, "111111") == TokenRefused(TokenTrouble.NOT_BLANK, found="MINE")


def test_a_key_pair_that_belongs_to_nobody_is_replaced_but_only_with_the_pin(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    token = source.open(source.insert(blank("USED")))
    token.verify_pin("111111")
    token.generate_key_pair()
    token.close()
    number = paid_order("11000001", OrderKind.NEW)
    assert _bind(service, session, number) == TokenRefused(TokenTrouble.PIN_WANTED, tries_left=6)
    assert isinstance(_bind(service, session, number, "111111"), BoundView)


def test_a_renewal_wants_the_key_on_record(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    others = bound_elsewhere("11000003", "OTHERS", NOW - DAY, NOW + DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    source.insert(blank("B0001"))
    assert _bind(service, session, number, PIN) == TokenRefused(
        TokenTrouble.NOT_THE_KEY_ON_RECORD, expected="A0001", found="B0001"
    )
    source.swap(others)
    assert _bind(service, session, number, PIN) == TokenRefused(TokenTrouble.ANOTHER_MEMBERS, found="OTHERS")
    source.swap(blank("A0001"))
    assert _bind(service, session, number, PIN) == TokenRefused(
        TokenTrouble.NO_KEY_TO_RENEW, expected="A0001", found="A0001"
    )


def test_a_key_pair_made_anew_on_the_token_on_record_is_not_renewed(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    token = source.open(source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)))
    token.verify_pin(PIN)
    token.generate_key_pair()
    token.close()
    refused = _bind(service, session, paid_order("11000001", OrderKind.RENEWAL), PIN)
    assert refused == TokenRefused(TokenTrouble.NOT_THE_KEY_ON_RECORD, expected="A0001", found="A0001")


def test_the_last_try_wants_a_confirmation_and_a_blocked_pin_is_told(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY))
    number = paid_order("11000001", OrderKind.RENEWAL)
    for left in (5, 4, 3, 2, 1):
        assert _bind(service, session, number, "999999") == TokenRefused(TokenTrouble.PIN_WRONG, left)
    assert _bind(service, session, number, "999999") == TokenRefused(TokenTrouble.PIN_LAST_TRY, 1)
    assert _bind(service, session, number, PIN) == TokenRefused(TokenTrouble.PIN_LAST_TRY, 1)
    assert _bind(service, session, number, "12") == TokenRefused(TokenTrouble.PIN_LAST_TRY, 1)
    wrong = _bind(service, session, number, "999999", last=True)
    assert wrong == TokenRefused(TokenTrouble.PIN_BLOCKED, 0)
    assert _bind(service, session, number, PIN, last=True) == TokenRefused(TokenTrouble.PIN_BLOCKED, 0)


def test_the_factory_pin_is_tried_once_and_never_again_by_itself(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    card = blank("CHANGED")
    token = source.open(source.insert(card))
    token.change_pin("111111", PIN)
    token.close()
    number = paid_order("11000001", OrderKind.NEW)
    first = _bind(service, session, number)
    assert isinstance(first, TokenRefused)
    assert first.trouble is TokenTrouble.PIN_WANTED
    left = first.tries_left
    for _ in range(3):
        assert _bind(service, session, number) == TokenRefused(TokenTrouble.PIN_WANTED, tries_left=left)
    assert isinstance(_bind(service, session, number, PIN), BoundView)


def test_a_wrong_pin_does_not_tie_the_order_to_the_token(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("FIRST"))
    assert _bind(service, session, number, "999999") == TokenRefused(TokenTrouble.PIN_WRONG, 5)
    source.swap(blank("SECOND"))
    assert isinstance(_bind(service, session, number), BoundView)


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
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("DIES"))
    _start_on(service, session, number, 4)
    source.swap(blank("SECOND"))
    assert _bind(service, session, number) == TokenRefused(
        TokenTrouble.SWAPPED, expected="DIES", found="SECOND"
    )
    view = service.order(number)
    assert view is not None
    assert (view.binding_step, view.binding_serial) == (BindingStep.WRITTEN, "DIES")
    abandoned = service.abandon(SUPERVISOR, number, "key盘坏了")
    assert isinstance(abandoned, OrderView)
    assert abandoned.binding_step is None
    bound = _bind(service, session, number)
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
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    card = blank("ERASED")
    source.insert(card)
    _start_on(service, session, number, 3)
    token = source.open(source.present()[0])
    token.verify_pin("111111")
    token.generate_key_pair()
    token.close()
    refused = _bind(service, session, number)
    assert refused == TokenRefused(TokenTrouble.PROOF_FAILED, expected="ERASED", found="ERASED")
    assert isinstance(service.abandon(SUPERVISOR, number, "重置过"), OrderView)
    assert isinstance(_bind(service, session, number, "111111"), BoundView)


def test_a_refund_in_the_middle_of_a_renewal_leaves_the_old_certificate_on_the_token(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = _certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)

    def refund(progress: BindingProgress) -> None:
        if progress == BindingProgress(5, done=False):
            assert _certificate_on(card) != old
            assert isinstance(service.grant_refund(SUPERVISOR, number, "不要了"), OrderView)

    outcome = service.bind(session, number, PIN, False, refund)  # noqa: FBT003 - the contract
    assert outcome == Refused(Refusal.ORDER_REFUNDING)
    assert _certificate_on(card) == old


def test_a_renewal_begun_anew_still_keeps_the_certificate_from_before_its_first_attempt(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = _certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)
    _start_on(service, session, number, 4, PIN)
    assert _certificate_on(card) != old
    assert isinstance(service.abandon(SUPERVISOR, number, "重来"), OrderView)
    assert isinstance(_bind(service, session, number, PIN), BoundView)
    with database.read() as tx:
        order = tx.ledger.order(number)
        certificates = tx.ledger.certificates(account="11000001")
    assert order is not None
    assert [attempt.old_certificate for attempt in order.bindings] == [old, old]
    assert [each.status for each in certificates] == [CertificateStatus.VALID, CertificateStatus.VOID]


def test_nothing_is_issued_beyond_the_policy_the_clock_or_the_issuing_authority(
    service: DeskService,
    session: Session,
    database: Database,
    clock: FixedClock,
    contact: Callable[[], None],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    give_policy: Callable[[Database, Policy], None],
    authority: IssuingAuthority,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000001", OrderKind.NEW)
    give_policy(database, Policy(2, 3, NOW - 1))
    assert _bind(service, session, number) == Refused(Refusal.POLICY_ENDED)
    give_policy(database, Policy(3, 3, NOW + YEAR, unsynced_certificates=0))
    assert _bind(service, session, number) == Refused(Refusal.POLICY_CERTIFICATES_REACHED)
    give_policy(database, Policy(4, 3, authority.limit))
    clock.now += 3600
    assert _bind(service, session, number) == Refused(Refusal.CLOCK_FAR_FROM_SERVER)
    clock.now -= 7200
    assert _bind(service, session, number) == Refused(Refusal.CLOCK_BEHIND)
    clock.now += 3600
    clock.advance(authority.limit - YEAR + DAY - NOW)
    contact()
    assert _bind(service, session, number) == Refused(Refusal.ISSUER_ENDS_TOO_SOON)
    view = service.order(number)
    assert view is not None
    assert view.binding_step is None


def test_a_bound_order_and_another_members_are_not_bound(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000001", OrderKind.NEW)
    assert _bind(service, session_of("11000003"), number) == Refused(Refusal.NO_ORDER)
    assert isinstance(_bind(service, session, number), BoundView)
    assert _bind(service, session, number) == Refused(Refusal.ORDER_BOUND)


def test_an_operator_under_review_is_not_bound(
    service: DeskService,
    session_of: Callable[[str], Session],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000005", OrderKind.NEW)
    refused = _bind(service, session_of("11000005"), number)
    assert refused == Refused(Refusal.OPERATOR_UNDER_REVIEW)
