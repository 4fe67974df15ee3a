"""解除挂失: the owner is back with the key."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hardware.virtual.card import FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import LiftedView
from kiosk.desk.service import DeskService
from kiosk.desk.views.orders import Placed
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.decisions import KeyOnRecord
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import HoldLifted
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.domain.ledger import CertificateStatus
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT, FACTORY, PIN = "11000001", "111111", "654321"

KeyOf = Callable[[Database], KeyOnRecord]
StatusOf = Callable[[Database], CertificateStatus]
Lift = Callable[..., LiftedView | TokenRefused | Refused]
Here = Callable[[str, str], GmtCard]
Elsewhere = Callable[[str, str, int, int], GmtCard]
Bodies = Callable[[], list[AnyBody]]


def test_the_owner_lifts_the_hold_with_the_key_and_its_pin(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    bodies: Bodies,
    database: Database,
    contact: Callable[[], None],
    key_of: KeyOf,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    lost = key_of(database)
    contact()
    source.insert(card)
    lifted = lift(service, session, staff)
    assert isinstance(lifted, LiftedView)
    assert (lifted.key.lost, lifted.key.holds, lifted.registered) == (False, 2, False)
    assert bodies()[-1] == HoldLifted(ACCOUNT, lost, "张华")
    assert status_of(database) is CertificateStatus.VALID
    assert verify_store(database).sound
    assert lift(service, session, staff) == TokenRefused(TokenRefusal.NOT_ON_HOLD, found="OWN")


def test_a_hold_that_another_kiosk_set_is_lifted_here(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_elsewhere: Elsewhere,
    database: Database,
    key_of: KeyOf,
    lift: Lift,
) -> None:
    card = bound_elsewhere(ACCOUNT, "ELSEWHERE", NOW - DAY, NOW + DAY)
    with database.write() as tx:
        told = tx.feed.key_elsewhere(ACCOUNT)
        assert told is not None
        tx.feed.put_key_elsewhere(msgspec.structs.replace(told, lost=True, holds=3))
    source.insert(card)
    assert isinstance(lift(service, session, staff, PIN), LiftedView)
    assert (key_of(database).lost, key_of(database).holds) == (False, 4)


def test_a_hold_is_lifted_with_the_right_pin_alone(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    source.insert(card)
    assert lift(service, session, staff, "") == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=6)
    for left in (5, 4, 3, 2, 1):
        assert lift(service, session, staff, "999999") == TokenRefused(
            TokenRefusal.PIN_WRONG, tries_left=left
        )
    assert lift(service, session, staff) == TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1)
    assert status_of(database) is CertificateStatus.ON_HOLD
    assert isinstance(lift(service, session, staff, last=True), LiftedView)


def test_another_token_lifts_nothing(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    blank: Callable[[str], GmtCard],
    database: Database,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    source.insert(blank("B"))
    assert lift(service, session, staff) == TokenRefused(
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="OWN", found="B"
    )
    # the same token with another key pair proves nothing either
    token = source.open(source.swap(card))
    token.verify_pin(FACTORY)
    token.generate_key_pair()
    token.close()
    refused = lift(service, session, staff)
    assert isinstance(refused, TokenRefused)
    assert refused.reason is TokenRefusal.NOT_THE_KEY_ON_RECORD
    assert status_of(database) is CertificateStatus.ON_HOLD


def test_a_revoked_key_stays_out_of_use(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    clock: FixedClock,
    key_of: KeyOf,
    lift: Lift,
) -> None:
    source.insert(bound_here(ACCOUNT, "OWN"))
    with database.write() as tx:
        tx.append(CertificateRevoked(key_of(database).number, "staff", "row/9"), clock)
    assert lift(service, session, staff) == Refused(Refusal.KEY_REVOKED)


@pytest.mark.parametrize("paid", [True, False])
def test_with_a_replacement_under_way_the_old_key_stays_on_hold(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    pay: Callable[[str], None],
    *,
    paid: bool,
    lift: Lift,
) -> None:
    source.insert(bound_here(ACCOUNT, "OWN"))
    placed = service.place_order(session, OrderKind.REPLACEMENT)
    assert isinstance(placed, Placed)
    if paid:
        pay(placed.order.reference)
    assert lift(service, session, staff) == Refused(Refusal.REPLACEMENT_OPEN)
    if not paid:
        service.cancel(session, placed.order.reference)
        assert isinstance(lift(service, session, staff), LiftedView)


def test_who_is_not_on_the_staff_or_has_no_key_lifts_nothing(
    service: DeskService, session: Session, staff: StaffSession, bound_here: Here, lift: Lift
) -> None:
    assert lift(service, session, staff) == Refused(Refusal.NO_KEY)
    bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    assert lift(service, session, StaffSession("无名", supervisor=True)) == Refused(Refusal.NOT_ALLOWED)


def test_a_revocation_while_the_hold_is_being_lifted_counts(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    clock: FixedClock,
    key_of: KeyOf,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    transmit = card.transmit

    class Revoking(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            if command[1] == 0x74:
                with database.write() as tx:
                    tx.append(CertificateRevoked(key_of(database).number, "staff", "row/9"), clock)
            return transmit(command)

    source.insert(Revoking(card))
    assert lift(service, session, staff) == Refused(Refusal.KEY_REVOKED)
    assert status_of(database) is CertificateStatus.REVOKED


def test_a_signature_from_before_proves_nothing(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    status_of: StatusOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    signatures: list[bytes] = []
    transmit = card.transmit

    class Replaying(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            answer = transmit(command)
            if command[1] == 0x74:
                signatures.append(answer)
                return signatures[0]
            return answer

    source.insert(Replaying(card))
    service.report_loss(session)
    assert isinstance(lift(service, session, staff), LiftedView)
    service.report_loss(session)
    assert lift(service, session, staff) == TokenRefused(TokenRefusal.PROOF_FAILED, found="OWN")
    assert status_of(database) is CertificateStatus.ON_HOLD


def test_a_key_that_got_a_successor_while_the_hold_is_being_lifted_stays_on_hold(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
    key_of: KeyOf,
    lift: Lift,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    transmit = card.transmit
    later = KeyBoundElsewhere(
        ACCOUNT, "4000000000000001", "NEXT", NOW + 5, NOW + 500 * DAY, lost=True, holds=1
    )

    class Succeeded(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            if command[1] == 0x74:
                with database.write() as tx:
                    tx.feed.put_key_elsewhere(later)
            return transmit(command)

    source.insert(Succeeded(card))
    assert lift(service, session, staff) == Refused(Refusal.KEY_STATE_CHANGED)
    assert key_of(database) == later.key


def test_a_hold_stays_where_no_certificate_on_record_tells_whose_the_key_pair_is(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_elsewhere: Elsewhere,
    database: Database,
    clock: FixedClock,
    key_of: KeyOf,
    lift: Lift,
) -> None:
    card = bound_elsewhere(ACCOUNT, "ELSEWHERE", NOW - DAY, NOW + DAY)
    with database.write() as tx:
        told = tx.feed.key_elsewhere(ACCOUNT)
        assert told is not None
        tx.feed.put_key_elsewhere(msgspec.structs.replace(told, lost=True, certificate=b""))
    source.insert(card)
    clock.advance(200)
    assert lift(service, session, staff, PIN) == Refused(Refusal.RECORD_DISAGREES, feed_as_of=NOW)
    assert key_of(database).lost
