"""挂失 and 拾获登记."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import unprepared_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import FoundView, LossView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord, KeyState
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import KeyFound, LossReported
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store
from tests.support.desk import answered

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT = "11000001"

KeyOf = Callable[[Database], KeyOnRecord]
StatusOf = Callable[[Database], CertificateStatus]
Told = Callable[[KeyOnRecord], KeyBoundElsewhere]
Here = Callable[[str, str], GmtCard]
Elsewhere = Callable[[str, str, int, int], GmtCard]
Bodies = Callable[[], list[AnyBody]]


def test_a_loss_holds_the_certificate_at_once_and_takes_effect_when_the_centre_has_it(
    service: DeskService,
    session: Session,
    bound_here: Here,
    database: Database,
    bodies: Bodies,
    contact: Callable[[], None],
    key_of: KeyOf,
    status_of: StatusOf,
) -> None:
    bound_here(ACCOUNT, "OWN")
    contact()
    assert service.loss_registered(ACCOUNT)
    lost = service.report_loss(session)
    assert isinstance(lost, LossView)
    assert (lost.registered, lost.key) == (False, key_of(database))
    assert status_of(database) is CertificateStatus.ON_HOLD
    assert answered(service.account(session)).key_state is KeyState.LOST
    assert not service.loss_registered(ACCOUNT)
    assert service.loss_registered("11000003")
    contact()
    assert service.loss_registered(ACCOUNT)


def test_a_loss_reported_again_is_noted_again_since_the_hold_may_have_been_lifted_elsewhere(
    service: DeskService,
    session: Session,
    bound_here: Here,
    database: Database,
    bodies: Bodies,
    contact: Callable[[], None],
    key_of: KeyOf,
    told_elsewhere: Told,
) -> None:
    bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    held = key_of(database)
    contact()
    again = service.report_loss(session)
    assert isinstance(again, LossView)
    assert (again.registered, again.key.lost) == (False, True)
    assert sum(isinstance(body, LossReported) for body in bodies()) == 2
    with database.write() as tx:
        lifted = held.lifted()
        tx.feed.put_key_elsewhere(told_elsewhere(lifted))
    assert key_of(database).lost, "what another kiosk lifted before this report counts for nothing"
    assert verify_store(database).sound


def test_a_revoked_key_is_lost_for_good_and_nothing_more_is_noted(
    service: DeskService,
    session: Session,
    bound_here: Here,
    database: Database,
    clock: FixedClock,
    bodies: Bodies,
    key_of: KeyOf,
) -> None:
    bound_here(ACCOUNT, "OWN")
    with database.write() as tx:
        tx.append(CertificateRevoked(key_of(database).number, "staff", "row/9"), clock)
    count = len(bodies())
    assert isinstance(service.report_loss(session), LossView)
    assert len(bodies()) == count


def test_who_never_had_a_key_has_none_to_lose(service: DeskService, session: Session, bodies: Bodies) -> None:
    count = len(bodies())
    assert service.report_loss(session) == Refused(Refusal.NO_KEY)
    assert len(bodies()) == count


def test_a_key_bound_elsewhere_is_reported_lost_here(
    service: DeskService, session: Session, bound_elsewhere: Elsewhere, database: Database, key_of: KeyOf
) -> None:
    bound_elsewhere(ACCOUNT, "ELSEWHERE", NOW - DAY, NOW + DAY)
    assert isinstance(service.report_loss(session), LossView)
    assert key_of(database).lost


def test_a_found_key_in_use_goes_on_hold(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    bound_here: Here,
    bodies: Bodies,
    database: Database,
    key_of: KeyOf,
) -> None:
    source.insert(bound_here(ACCOUNT, "OWN"))
    before = key_of(database)
    found = service.key_found(staff)
    assert isinstance(found, FoundView)
    assert (found.held, found.key.status, found.key.account) == (True, KeyStatus.ON_HOLD, ACCOUNT)
    assert bodies()[-1] == KeyFound(ACCOUNT, "OWN", "张华", before)
    assert not service.loss_registered(ACCOUNT)
    again = service.key_found(staff)
    assert isinstance(again, FoundView)
    assert not again.held
    assert key_of(database).holds == 3, "the hold may have been lifted elsewhere meanwhile"


def test_a_found_key_that_is_nobodys_is_only_noted(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    blank: Callable[[str], GmtCard],
    bodies: Bodies,
) -> None:
    source.insert(blank("A"))
    found = service.key_found(staff)
    assert isinstance(found, FoundView)
    assert (found.held, found.key.status) == (False, KeyStatus.BLANK)
    assert bodies()[-1] == KeyFound("", "A", "张华")
    assert service.key_found(StaffSession("无名", supervisor=False)) == Refused(Refusal.NOT_ALLOWED)


def test_who_is_not_of_the_staff_is_refused_before_a_token_is_looked_for(
    service: DeskService, session: Session
) -> None:
    gone = StaffSession("走了", supervisor=True)
    outcomes = (
        service.key_found(gone),
        service.lift_hold(session, gone, "654321", False),  # noqa: FBT003 - the contract
        service.erase(gone, "A"),
        service.unblock_pin(gone, None, "654321"),
    )
    assert set(outcomes) == {Refused(Refusal.NOT_ALLOWED)}


def test_a_token_without_the_application_that_was_found_is_noted_and_holds_nothing(
    service: DeskService, source: VirtualTokenSource, staff: StaffSession, bodies: Bodies, tmp_path: Path
) -> None:
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    found = service.key_found(staff)
    assert isinstance(found, FoundView), found
    assert (found.held, found.key.status) == (False, KeyStatus.NOT_PREPARED)
    assert bodies()[-1] == KeyFound("", "RAW", staff.name, None)


def test_a_token_without_the_application_that_was_found_is_held_as_the_key_in_use_of_its_serial(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    database: Database,
    bodies: Bodies,
    tmp_path: Path,
) -> None:
    told = KeyBoundElsewhere("11000002", "0001000001000001", "RAW", NOW - DAY, NOW + DAY)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(told)
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    found = service.key_found(staff)
    assert isinstance(found, FoundView), found
    assert (found.held, found.key.status, found.key.account) == (True, KeyStatus.ON_HOLD, "11000002")
    assert bodies()[-1] == KeyFound("11000002", "RAW", staff.name, told.key)


def test_a_revoked_key_that_was_found_is_noted_and_holds_nothing(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    clock: FixedClock,
    bodies: Bodies,
    key_of: KeyOf,
) -> None:
    source.insert(bound_here(ACCOUNT, "OWN"))
    with database.write() as tx:
        tx.append(CertificateRevoked(key_of(database).number, "注销", "row/77"), clock)
    found = service.key_found(staff)
    assert isinstance(found, FoundView), found
    assert not found.held
    assert bodies()[-1] == KeyFound(ACCOUNT, "OWN", staff.name, None)
