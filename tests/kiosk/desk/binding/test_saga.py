"""Binding: which token fits an order, and what is issued."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.certificate_numbers import parse_certificate_number
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyState
from kiosk.domain.entries.bindings import BindingStarted
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.policy import Policy
from kiosk.domain.validity import add_years
from kiosk.pki.certificates import parse_member_certificate
from kiosk.pki.issuing import IssuingAuthority
from kiosk.store.database import Database
from tests.support.desk import FACTORY_PIN, KIOSK, answered

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"

Bind = Callable[..., BoundView | TokenRefused | Refused]
CertificateOn = Callable[[GmtCard], bytes | None]
Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]


def test_the_number_is_the_kiosks_and_the_certificate_on_the_token_is_the_one_on_record(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
    certificate_on: CertificateOn,
) -> None:
    card = blank("E8AD652202221F03")
    source.insert(card)
    bound = bind(service, session, paid_order("11000001", OrderKind.NEW))
    assert isinstance(bound, BoundView)
    with database.read() as tx:
        certificate = tx.ledger.certificate(bound.certificate)
        account = tx.ledger.register("11000001")
    assert certificate is not None
    assert account is not None
    assert account.key is not None
    assert parse_certificate_number(bound.certificate).kiosk == KIOSK
    on_token = parse_member_certificate(certificate_on(card) or b"")
    assert (on_token.number, on_token.account) == (bound.certificate, "11000001")
    assert (on_token.not_before, on_token.not_after) == (NOW, add_years(NOW, 1))
    assert account.key.token_serial == "E8AD652202221F03"
    assert answered(service.account(session)).key_state is KeyState.VALID


def test_a_renewal_keeps_the_key_pair_asks_for_the_members_pin_and_adds_a_year_to_the_old_end(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    before = card.record.applications[0].containers[0].public_key
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)
    assert bind(service, session, number) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=6)
    assert bind(service, session, number, "111111") == TokenRefused(TokenRefusal.PIN_WRONG, tries_left=5)
    bound = bind(service, session, number, PIN)
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
    bind: Bind,
) -> None:
    source.insert(blank("FIRST"))
    first = bind(service, session, paid_order("11000001", OrderKind.NEW))
    assert isinstance(first, BoundView)
    number = placed(session, OrderKind.REPLACEMENT)
    pay(number)
    with database.read() as tx:
        lost = tx.ledger.certificate(first.certificate)
    assert lost is not None
    assert lost.status is CertificateStatus.ON_HOLD
    source.swap(blank("SECOND"))
    second = bind(service, session, number)
    assert isinstance(second, BoundView)
    assert second.not_after == add_years(first.not_after, 1)
    with database.read() as tx:
        lost = tx.ledger.certificate(first.certificate)
    assert lost is not None
    assert lost.status is CertificateStatus.REVOKED


def test_a_token_that_is_somebodys_is_not_taken_for_a_new_key(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    others = bound_elsewhere("11000003", "OTHERS", NOW - DAY, NOW + DAY)
    number = paid_order("11000001", OrderKind.NEW)
    assert bind(service, session, number, PIN) == TokenRefused(TokenRefusal.ABSENT)
    source.insert(others)
    assert bind(service, session, number, PIN) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHERS")
    card = blank("MINE")
    source.swap(card)
    assert isinstance(bind(service, session, number), BoundView)
    again = paid_order("11000001", OrderKind.REPLACEMENT)
    assert bind(service, session, again, "111111") == TokenRefused(TokenRefusal.NOT_BLANK, found="MINE")


def test_a_renewal_wants_the_key_on_record(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    others = bound_elsewhere("11000003", "OTHERS", NOW - DAY, NOW + DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    source.insert(blank("B0001"))
    assert bind(service, session, number, PIN) == TokenRefused(
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A0001", found="B0001"
    )
    source.swap(others)
    assert bind(service, session, number, PIN) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHERS")
    source.swap(blank("A0001"))
    assert bind(service, session, number, PIN) == TokenRefused(
        TokenRefusal.NO_KEY_TO_RENEW, expected="A0001", found="A0001"
    )


def test_a_key_pair_made_anew_on_the_token_on_record_is_not_renewed(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    token = source.open(source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)))
    token.verify_pin(PIN)
    token.generate_key_pair()
    token.close()
    refused = bind(service, session, paid_order("11000001", OrderKind.RENEWAL), PIN)
    assert refused == TokenRefused(TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="A0001", found="A0001")


def test_a_certificate_that_was_issued_is_proved_and_bound_though_the_clock_is_set_back(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    clock: FixedClock,
    paid_order: Pay,
) -> None:
    def set_back(progress: BindingProgress) -> None:
        if progress == BindingProgress(5, done=False):
            clock.now -= 3600

    source.insert(blank("NEW"))
    number = paid_order("11000001", OrderKind.NEW)
    bound = service.bind(session, number, None, False, set_back)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    assert bound.not_before > clock.wall()


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
    bind: Bind,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000001", OrderKind.NEW)
    give_policy(database, Policy(2, 3, NOW - 1))
    assert bind(service, session, number) == Refused(Refusal.POLICY_ENDED)
    give_policy(database, Policy(3, 3, NOW + YEAR, unsynced_certificates=0))
    assert bind(service, session, number) == Refused(Refusal.POLICY_CERTIFICATES_REACHED)
    give_policy(database, Policy(4, 3, authority.limit))
    clock.now += 3600
    assert bind(service, session, number) == Refused(Refusal.CLOCK_FAR_FROM_SERVER)
    clock.now -= 7200
    assert bind(service, session, number) == Refused(Refusal.CLOCK_BEHIND)
    clock.now += 3600
    clock.advance(authority.limit - YEAR + DAY - NOW)
    contact()
    assert bind(service, session, number) == Refused(Refusal.ISSUER_ENDS_TOO_SOON)
    view = answered(service.order(number))
    assert view is not None
    assert view.binding_step is None


def test_a_bound_order_and_another_members_are_not_bound(
    service: DeskService,
    session: Session,
    session_of: Callable[[str], Session],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000001", OrderKind.NEW)
    assert bind(service, session_of("11000003"), number) == Refused(Refusal.NO_ORDER)
    assert isinstance(bind(service, session, number), BoundView)
    assert bind(service, session, number) == Refused(Refusal.ORDER_BOUND)


def test_an_operator_under_review_is_not_bound(
    service: DeskService,
    session_of: Callable[[str], Session],
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    source.insert(blank("A"))
    number = paid_order("11000005", OrderKind.NEW)
    refused = bind(service, session_of("11000005"), number)
    assert refused == Refused(Refusal.OPERATOR_UNDER_REVIEW)


STEPS = [BindingProgress(step, done=done) for step in range(1, 7) for done in (False, True)]
OF_THE_KEY_PAIR = 2


@pytest.mark.parametrize("kind", [OrderKind.NEW, OrderKind.RENEWAL])
def test_each_step_is_told_once_in_order_and_a_renewal_makes_no_key_pair(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    kind: OrderKind,
) -> None:
    new = kind is OrderKind.NEW
    source.insert(blank("A") if new else bound_elsewhere("11000001", "A", NOW - YEAR, NOW + DAY))
    number, seen = paid_order("11000001", kind), list[BindingProgress]()
    bound = service.bind(session, number, None if new else PIN, False, seen.append)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    assert seen == [each for each in STEPS if new or each.step != OF_THE_KEY_PAIR]


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        *((OrderKind.NEW, step) for step in (1, 2, 3, 4, 5)),
        *((OrderKind.RENEWAL, step) for step in (1, 3, 4, 5)),
    ],
)
def test_a_binding_that_goes_on_tells_first_of_the_steps_that_are_done(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    kind: OrderKind,
    step: int,
) -> None:
    def interrupt(progress: BindingProgress) -> None:
        if progress == BindingProgress(step, done=True):
            raise KeyboardInterrupt

    new = kind is OrderKind.NEW
    source.insert(blank("A") if new else bound_elsewhere("11000001", "A", NOW - YEAR, NOW + DAY))
    number, seen, pin = paid_order("11000001", kind), list[BindingProgress](), None if new else PIN
    with pytest.raises(KeyboardInterrupt):
        service.bind(session, number, pin, False, interrupt)  # noqa: FBT003 - the contract
    bound = service.bind(session, number, pin, False, seen.append)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    passed = [BindingProgress(each, done=True) for each in range(1, step + 1)]
    expected = [STEPS[0], *passed, *STEPS[2 * step :]]
    assert seen == [each for each in expected if new or each.step != OF_THE_KEY_PAIR]


@pytest.mark.parametrize("kind", [OrderKind.REPLACEMENT, OrderKind.RENEWAL])
def test_only_a_renewal_names_the_key_that_came_from_elsewhere(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bodies: Callable[[], list[AnyBody]],
    kind: OrderKind,
) -> None:
    number = paid_order("11000001", kind)
    old = bound_elsewhere("11000001", "OLD", NOW - YEAR, NOW + DAY)
    renews = kind is OrderKind.RENEWAL
    source.insert(old if renews else blank("NEW"))
    bound = service.bind(session, number, PIN if renews else None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    (started,) = (body for body in bodies() if isinstance(body, BindingStarted))
    assert (started.key is not None) is renews


def test_a_renewal_of_a_key_that_was_bound_here_names_no_key(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_here: Callable[[str, str], GmtCard],
    paid_order: Pay,
    bodies: Callable[[], list[AnyBody]],
) -> None:
    source.insert(bound_here("11000001", "OWN"))
    number = paid_order("11000001", OrderKind.RENEWAL)
    bound = service.bind(session, number, FACTORY_PIN, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    (started,) = (body for body in bodies() if isinstance(body, BindingStarted) and body.order == number)
    assert started.key is None
