"""Binding: what the feed tells of the account's key and of the order before and while a renewal goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.bindings import Bound
from kiosk.domain.entries.orders import OrderReleased
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.domain.policy import Policy
from kiosk.store.database import Database
from kiosk.store.verify import verify

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"
SUPERVISOR = StaffSession("林涛", supervisor=True)
REPLACED = KeyBoundElsewhere("11000001", "0002000001000099", "B0001", NOW - 100, NOW + YEAR + 20 * DAY)

Bind = Callable[..., BoundView | TokenRefused | Refused]
CertificateOn = Callable[[GmtCard], bytes | None]
Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]
At = Callable[[BindingProgress, Callable[[], object]], Callable[[BindingProgress], None]]


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def at() -> At:
    """Watch a binding, and let something happen at one point of it."""

    def watched(point: BindingProgress, happens: Callable[[], object]) -> Callable[[BindingProgress], None]:
        def watch(progress: BindingProgress) -> None:
            if progress == point:
                happens()

        return watch

    return watched


@pytest.mark.parametrize(
    "point",
    [
        *(BindingProgress(step, done=True) for step in (1, 3, 4, 5)),
        *(BindingProgress(step, done=False) for step in (3, 4, 5, 6)),
    ],
)
def test_a_key_that_was_replaced_elsewhere_in_the_middle_of_its_renewal_is_not_taken_into_use(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    at: At,
    point: BindingProgress,
) -> None:
    source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY))
    number = paid_order("11000001", OrderKind.RENEWAL)

    def replace_elsewhere() -> None:
        with database.write() as tx:
            tx.feed.put_key_elsewhere(REPLACED)

    outcome = service.bind(session, number, PIN, False, at(point, replace_elsewhere))  # noqa: FBT003 - the contract
    assert outcome == Refused(Refusal.BEGUN_ON_REPLACED_KEY)
    with database.read() as tx:
        certificates = tx.ledger.certificates(account="11000001")
    assert not [each for each in certificates if each.status is CertificateStatus.VALID]


def test_a_renewal_paid_before_the_key_was_replaced_elsewhere_renews_the_new_one(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    number = paid_order("11000001", OrderKind.RENEWAL)
    source.insert(bound_elsewhere("11000001", "B0001", NOW - 100, NOW + YEAR))
    bound = bind(service, session, number, PIN)
    assert isinstance(bound, BoundView)
    assert bound.serial == "B0001"
    assert verify(database).sound


def test_an_attempt_on_a_key_that_was_replaced_elsewhere_is_given_up_for_the_new_one(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
    certificate_on: CertificateOn,
    at: At,
) -> None:
    first = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = certificate_on(first)
    number = paid_order("11000001", OrderKind.RENEWAL)
    source.insert(first)
    with pytest.raises(KeyboardInterrupt):
        service.bind(session, number, PIN, False, at(BindingProgress(4, done=True), _interrupt))  # noqa: FBT003 - the contract
    source.remove()
    second = bound_elsewhere("11000001", "B0001", NOW - 100, NOW + YEAR)
    other = certificate_on(second)
    source.insert(first)
    assert bind(service, session, number, PIN) == Refused(Refusal.BEGUN_ON_REPLACED_KEY)
    source.swap(second)
    assert bind(service, session, number, PIN) == Refused(Refusal.BEGUN_ON_REPLACED_KEY)
    assert isinstance(service.abandon(SUPERVISOR, number, "已在别处补办"), OrderView)
    bound = bind(service, session, number, PIN)
    assert isinstance(bound, BoundView)
    assert bound.serial == "B0001"
    with database.read() as tx:
        certificates = tx.ledger.certificates(account="11000001")
        order = tx.ledger.order(number)
    assert order is not None
    assert [attempt.old_certificate for attempt in order.bindings] == [old, other]
    assert [each.status for each in certificates] == [CertificateStatus.VALID, CertificateStatus.VOID]
    assert verify(database).sound


def test_a_renewal_whose_order_moves_away_leaves_the_old_certificate_on_the_token(
    service: DeskService,
    session: Session,
    database: Database,
    clock: FixedClock,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    certificate_on: CertificateOn,
    at: At,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)

    def move_away() -> None:
        assert certificate_on(card) != old
        with database.write() as tx:
            tx.append(OrderReleased(number, 7, 2, "row/5000"), clock)

    watch = at(BindingProgress(5, done=False), move_away)
    assert service.bind(session, number, PIN, False, watch) == Refused(Refusal.ORDER_ELSEWHERE)  # noqa: FBT003 - the contract
    assert certificate_on(card) == old


def test_a_policy_that_ends_in_the_middle_of_a_binding_issues_nothing(
    service: DeskService,
    session: Session,
    database: Database,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
    at: At,
    give_policy: Callable[[Database, Policy], None],
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("NEW"))
    watch = at(BindingProgress(3, done=False), lambda: give_policy(database, Policy(2, 3, NOW - 1)))
    assert service.bind(session, number, None, False, watch) == Refused(Refusal.POLICY_ENDED)  # noqa: FBT003 - the contract
    with database.read() as tx:
        assert not tx.ledger.certificates()
    give_policy(database, Policy(3, 3, NOW + YEAR))
    assert isinstance(bind(service, session, number), BoundView)


def test_a_renewal_that_turns_out_to_be_bound_already_keeps_its_new_certificate_on_the_token(
    service: DeskService,
    session: Session,
    database: Database,
    clock: FixedClock,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    certificate_on: CertificateOn,
    at: At,
) -> None:
    card = bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY)
    old = certificate_on(card)
    source.insert(card)
    number = paid_order("11000001", OrderKind.RENEWAL)

    def bind_beside() -> None:
        with database.write() as tx:
            tx.append(Bound(number, 1), clock)

    watch = at(BindingProgress(6, done=False), bind_beside)
    assert service.bind(session, number, PIN, False, watch) == Refused(Refusal.ORDER_BOUND)  # noqa: FBT003 - the contract
    with database.read() as tx:
        (certificate,) = tx.ledger.certificates(account="11000001")
    assert certificate_on(card) == certificate.certificate != old
