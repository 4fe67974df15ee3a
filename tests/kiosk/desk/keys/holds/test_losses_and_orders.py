"""A loss beside the orders that it crosses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import LiftedView
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import OrderView, Placed
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefused
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import LossReported
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store

ACCOUNT, FACTORY = "11000001", "111111"

KeyOf = Callable[[Database], KeyOnRecord]
StatusOf = Callable[[Database], CertificateStatus]
Told = Callable[[KeyOnRecord], KeyBoundElsewhere]
Lift = Callable[..., LiftedView | TokenRefused | Refused]
Here = Callable[[str, str], GmtCard]
Bodies = Callable[[], list[AnyBody]]
Pay = Callable[[str, OrderKind], str]


def test_a_lost_key_is_not_taken_into_use_by_a_renewal_that_was_begun_before(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    paid_order: Pay,
    database: Database,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    number = paid_order(ACCOUNT, OrderKind.RENEWAL)
    source.insert(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)))
    service.bind(session, number, FACTORY, False, lambda _progress: None)  # noqa: FBT003 - the contract
    service.report_loss(session)
    source.insert(card)
    refused = service.bind(session, number, FACTORY, False, lambda _progress: None)  # noqa: FBT003
    assert refused == Refused(Refusal.KEY_STATE_CHANGED)
    assert status_of(database) is CertificateStatus.ON_HOLD
    assert isinstance(lift(service, session, staff), LiftedView)
    bound = service.bind(session, number, FACTORY, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView)


@pytest.mark.parametrize("step", [1, 3, 4, 5, 6])
def test_a_loss_that_the_feed_tells_in_the_middle_of_a_renewal_stops_it(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    paid_order: Pay,
    database: Database,
    step: int,
    key_of: KeyOf,
    status_of: StatusOf,
    told_elsewhere: Told,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    number = paid_order(ACCOUNT, OrderKind.RENEWAL)
    old = key_of(database)
    source.insert(card)

    def tell(progress: BindingProgress) -> None:
        if (progress.step, progress.done) == (step, False):
            with database.write() as tx:
                tx.feed.put_key_elsewhere(told_elsewhere(old.on_hold()))

    refused = service.bind(session, number, FACTORY, False, tell)  # noqa: FBT003 - the contract
    assert refused == Refused(Refusal.KEY_STATE_CHANGED)
    assert key_of(database) == old.on_hold()
    assert isinstance(lift(service, session, staff), LiftedView)
    bound = service.bind(session, number, FACTORY, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView)
    assert status_of(database) is CertificateStatus.VALID
    assert verify_store(database).sound


def test_a_renewal_that_had_issued_before_the_loss_is_given_up_for_the_replacement(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    bound_here: Here,
    paid_order: Pay,
    blank: Callable[[str], GmtCard],
    database: Database,
    key_of: KeyOf,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    old = key_of(database)
    renewal = paid_order(ACCOUNT, OrderKind.RENEWAL)

    def pull(progress: BindingProgress) -> None:
        if progress.step == 4:
            source.remove()

    source.insert(card)
    service.bind(session, renewal, FACTORY, False, pull)  # noqa: FBT003 - the contract
    service.report_loss(session)
    replacement = paid_order(ACCOUNT, OrderKind.REPLACEMENT)
    source.insert(blank("NEW"))
    stopped = service.bind(session, replacement, None, False, lambda _progress: None)  # noqa: FBT003
    assert stopped == Refused(Refusal.ANOTHER_BINDING_UNFINISHED)
    with database.read() as tx:
        unbegun = tx.ledger.order(replacement)
    assert unbegun is not None
    assert unbegun.binding is None, "the new key was touched although its certificate could not be issued"
    assert isinstance(service.grant_refund(supervisor, renewal, "挂失"), OrderView)
    bound = service.bind(session, replacement, None, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView)
    with database.read() as tx:
        states = [each.status for each in tx.ledger.certificates(account=ACCOUNT)]
        before = tx.ledger.certificate(old.number)
    assert states.count(CertificateStatus.VALID) == 1
    assert before is not None
    assert before.status is CertificateStatus.REVOKED
    assert verify_store(database).sound


def test_a_replacement_after_the_report_tells_of_the_loss_once(
    service: DeskService,
    session: Session,
    bound_here: Here,
    bodies: Bodies,
    database: Database,
    key_of: KeyOf,
) -> None:
    bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    placed = service.place_order(session, OrderKind.REPLACEMENT)
    assert isinstance(placed, Placed)
    assert placed.order.previous == key_of(database)
    assert sum(isinstance(body, LossReported) for body in bodies()) == 1
