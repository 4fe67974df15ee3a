"""清空: who may make which token blank, and what a kill leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.card_file import read_card_file, write_card_file
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import unprepared_key
from hardware.virtual.piv.card import PivCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.piv.state import PivCardRecord
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.context import Desk
from kiosk.desk.keys.erase import Eraser, may_erase
from kiosk.desk.keys.views import FoundView, KeyOutcome, KeyView, LiftedView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BindOutcome, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.entries.decisions import CertificateRevoked
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import KeyErased
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database
from kiosk.store.verify import verify as verify_store

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT = "11000001"
DELETE_APPLICATION = 0x24
CERTIFICATE_OF_9A = 0x5FC105
CERTIFICATE_OF_9C = 0x5FC10A

Here = Callable[[str, str], GmtCard]
Bodies = Callable[[], list[AnyBody]]
Pay = Callable[[str, OrderKind], str]


class Killed(BaseException):
    """The process is gone."""


def _is_blank(card: GmtCard) -> bool:
    return all(not each.containers for each in card.record.applications)


def _erased(outcome: KeyOutcome) -> KeyStatus:
    assert isinstance(outcome, KeyView), outcome
    assert outcome.token.blank
    assert (outcome.token.tries_left, outcome.token.factory_pin) == (outcome.token.tries_allowed, True)
    return outcome.status


def test_the_table_says_who_may_erase_what() -> None:
    table = {status: may_erase(status, unexpired_member=False) for status in KeyStatus}
    assert table == {
        KeyStatus.IN_USE: Eraser.NOBODY,
        KeyStatus.OUT_OF_STEP: Eraser.NOBODY,
        KeyStatus.UNDER_WAY: Eraser.NOBODY,
        KeyStatus.ON_HOLD: Eraser.SUPERVISOR,
        KeyStatus.UNKNOWN: Eraser.SUPERVISOR,
        KeyStatus.REVOKED: Eraser.STAFF,
        KeyStatus.BLANK: Eraser.STAFF,
        KeyStatus.NOT_PREPARED: Eraser.STAFF,
    }
    unexpired = {status: may_erase(status, unexpired_member=True) for status in KeyStatus}
    assert unexpired == {**table, KeyStatus.UNKNOWN: Eraser.NOBODY}


def test_a_key_in_use_is_erased_by_nobody(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    supervisor: StaffSession,
    bound_here: Here,
    bodies: Bodies,
    clock: FixedClock,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    source.insert(card)
    count = len(bodies())
    clock.advance(400 * DAY)  # it has expired, and can be renewed all the same
    for who in (staff, supervisor):
        assert service.erase(who, "OWN") == TokenRefused(TokenRefusal.IN_USE, found="OWN")
    assert not _is_blank(card)
    assert len(bodies()) == count


def test_a_key_in_use_elsewhere_is_erased_by_nobody(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    card = bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY)
    source.insert(card)
    assert service.erase(supervisor, "OTHER") == TokenRefused(TokenRefusal.IN_USE, found="OTHER")


def test_a_certificate_of_a_member_whom_the_feed_has_not_told_of_speaks_for_itself(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    database: Database,
    clock: FixedClock,
) -> None:
    card = bound_elsewhere("77000001", "STRANGER", NOW - DAY, NOW + DAY)
    with database.write() as tx:
        known = tx.feed.key_elsewhere("77000001")
        assert known is not None
        tx.feed.put_key_elsewhere(msgspec.structs.replace(known, token_serial="ANOTHER"))
    source.insert(card)
    assert service.erase(supervisor, "STRANGER") == TokenRefused(TokenRefusal.IN_USE, found="STRANGER")
    clock.advance(DAY)  # its last second
    assert service.erase(supervisor, "STRANGER") == TokenRefused(TokenRefusal.IN_USE, found="STRANGER")
    clock.advance(1)
    assert _erased(service.erase(supervisor, "STRANGER")) is KeyStatus.BLANK


def test_a_binding_under_way_keeps_its_token_until_it_is_abandoned(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    supervisor: StaffSession,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    number, card = paid_order(ACCOUNT, OrderKind.NEW), blank("A")
    source.insert(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)))
    service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    source.insert(card)
    assert service.erase(supervisor, "A") == TokenRefused(TokenRefusal.IN_USE, found="A")
    service.abandon(supervisor, number, "换一把")
    assert service.erase(staff, "A") == Refused(Refusal.NOT_ALLOWED)  # a key pair that nobody can place
    assert _erased(service.erase(supervisor, "A")) is KeyStatus.BLANK
    assert _is_blank(card)
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView)


def test_a_key_on_hold_is_erased_by_a_supervisor_alone_and_cannot_be_lifted_then(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    supervisor: StaffSession,
    bound_here: Here,
    bodies: Bodies,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    service.report_loss(session)
    source.insert(card)
    assert service.erase(staff, "OWN") == Refused(Refusal.NOT_ALLOWED)
    assert service.erase(StaffSession("张华", supervisor=True), "OWN") == Refused(Refusal.NOT_ALLOWED)
    assert not _is_blank(card)
    assert _erased(service.erase(supervisor, "OWN")) is KeyStatus.BLANK
    told = bodies()[-1]
    assert isinstance(told, KeyErased)
    assert (told.account, told.token_serial, told.staff, len(told.certificate)) == (
        ACCOUNT,
        "OWN",
        "林涛",
        16,
    )
    lifted = service.lift_hold(session, staff, "111111", False)  # noqa: FBT003 - the contract
    assert lifted == TokenRefused(TokenRefusal.NO_CERTIFICATE, found="OWN")


def test_a_superseded_key_and_a_blank_one_are_erased_by_staff(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
) -> None:
    old = bound_here(ACCOUNT, "OLD")
    number = paid_order(ACCOUNT, OrderKind.REPLACEMENT)
    source.insert(blank("NEXT"))
    service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    source.swap(old)
    for _ in range(2):
        assert _erased(service.erase(staff, "OLD")) is KeyStatus.BLANK
    assert _is_blank(old)


@pytest.mark.parametrize("revoked", [True, False])
def test_an_erased_key_that_only_a_replacement_is_left_for_goes_back_into_stock(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Callable[[str], Session],
    supervisor: StaffSession,
    database: Database,
    clock: FixedClock,
    bound_here: Here,
    paid_order: Pay,
    *,
    revoked: bool,
) -> None:
    card = bound_here(ACCOUNT, "REUSED")
    with database.write() as tx:
        (certificate,) = tx.ledger.certificates(account=ACCOUNT)
        if revoked:
            tx.append(CertificateRevoked(certificate.number, "注销", "row/77"), clock)
    service.report_loss(session_of(ACCOUNT))
    source.insert(card)
    assert _erased(service.erase(supervisor, "REUSED")) is KeyStatus.BLANK
    number = paid_order("11000003", OrderKind.NEW)
    clock.advance(1)
    bound = service.bind(session_of("11000003"), number, None, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView), bound
    status = service.key_status(supervisor)
    assert isinstance(status, KeyView)
    assert (status.status, status.account) == (KeyStatus.IN_USE, "11000003")
    assert service.erase(supervisor, "REUSED") == TokenRefused(TokenRefusal.IN_USE, found="REUSED")
    found = service.key_found(supervisor)
    assert isinstance(found, FoundView)
    assert (found.held, found.key.account) == (True, "11000003")
    lifted = service.lift_hold(session_of(ACCOUNT), supervisor, "111111", False)  # noqa: FBT003 - the contract
    assert not isinstance(lifted, LiftedView)


def test_a_key_that_was_revoked_is_a_new_one_with_its_pin(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Callable[[str], Session],
    database: Database,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    paid_order: Pay,
) -> None:
    source.insert(bound_elsewhere(ACCOUNT, "REVOKED", NOW - DAY, NOW + DAY))
    number = paid_order("11000003", OrderKind.NEW)

    def bind() -> BindOutcome:
        return service.bind(session_of("11000003"), number, "654321", False, lambda _progress: None)  # noqa: FBT003

    assert bind() == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="REVOKED")
    with database.write() as tx:
        told = tx.feed.key_elsewhere(ACCOUNT)
        assert told is not None
        tx.feed.put_key_elsewhere(msgspec.structs.replace(told, lost=True, revoked=True))
    assert isinstance(bind(), BoundView)


def test_a_lost_key_that_was_not_erased_is_no_new_one(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Callable[[str], Session],
    bound_here: Here,
    paid_order: Pay,
) -> None:
    card = bound_here(ACCOUNT, "LOST")
    service.report_loss(session_of(ACCOUNT))
    source.insert(card)
    for account, trouble in ((ACCOUNT, TokenRefusal.NOT_BLANK), ("11000003", TokenRefusal.ANOTHER_MEMBERS)):
        kind = OrderKind.REPLACEMENT if account == ACCOUNT else OrderKind.NEW
        number = paid_order(account, kind)
        outcome = service.bind(session_of(account), number, "111111", False, lambda _progress: None)  # noqa: FBT003
        assert outcome == TokenRefused(trouble, found="LOST")


def test_a_token_without_the_application_is_prepared_and_bound(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    paid_order: Pay,
    bodies: Bodies,
    tmp_path: Path,
) -> None:
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    assert _erased(service.erase(staff, "RAW")) is KeyStatus.BLANK
    assert bodies()[-1] == KeyErased("", "RAW", "张华")
    number = paid_order(ACCOUNT, OrderKind.NEW)
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003
    assert isinstance(bound, BoundView)


@pytest.mark.parametrize(
    ("lost", "revoked", "told_staff"),
    [
        (False, False, TokenRefused(TokenRefusal.IN_USE, found="RAW")),
        (True, False, Refused(Refusal.NOT_ALLOWED)),
        (True, True, None),
    ],
)
def test_a_token_without_the_application_is_erased_as_the_key_that_its_serial_is_on_record_as(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    supervisor: StaffSession,
    database: Database,
    bodies: Bodies,
    tmp_path: Path,
    lost: bool,  # noqa: FBT001 - a parameter of the test
    revoked: bool,  # noqa: FBT001 - a parameter of the test
    told_staff: KeyOutcome | None,
) -> None:
    key = KeyBoundElsewhere("11000002", "0001000001000001", "RAW", NOW - DAY, NOW + DAY)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(msgspec.structs.replace(key, lost=lost, holds=int(lost), revoked=revoked))
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    count = len(bodies())
    if told_staff is not None:
        assert service.erase(staff, "RAW") == told_staff
        assert len(bodies()) == count
    if lost:
        assert _erased(service.erase(supervisor if told_staff else staff, "RAW")) is KeyStatus.BLANK
    else:
        assert service.erase(supervisor, "RAW") == told_staff


def test_a_token_without_the_application_is_kept_for_the_binding_that_is_under_way_on_it(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    tmp_path: Path,
) -> None:
    number = paid_order(ACCOUNT, OrderKind.NEW)
    source.insert(FaultyCard(blank("RAW"), Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)))
    service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    assert service.erase(supervisor, "RAW") == TokenRefused(TokenRefusal.IN_USE, found="RAW")
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003
    assert bound == TokenRefused(TokenRefusal.NOT_PREPARED, found="RAW")
    service.abandon(supervisor, number, "换一把")
    assert _erased(service.erase(supervisor, "RAW")) is KeyStatus.BLANK


def test_only_the_token_of_that_serial_is_erased(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    blank: Callable[[str], GmtCard],
    bound_here: Here,
    session: Session,
    bodies: Bodies,
) -> None:
    lost = bound_here(ACCOUNT, "LOST")
    service.report_loss(session)
    source.insert(lost)
    count = len(bodies())
    assert service.erase(supervisor, "A") == TokenRefused(TokenRefusal.SWAPPED, expected="A", found="LOST")
    assert len(bodies()) == count
    source.insert(blank("A"), "second")
    assert _erased(service.erase(supervisor, "A")) is KeyStatus.BLANK
    assert not _is_blank(lost)


def test_nobody_unknown_erases_anything(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard], bodies: Bodies
) -> None:
    source.insert(blank("A"))
    count = len(bodies())
    assert service.erase(StaffSession("无名", supervisor=True), "A") == Refused(Refusal.NOT_ALLOWED)
    assert len(bodies()) == count


@pytest.mark.parametrize("executed", [True, False])
def test_a_kill_between_the_entry_and_the_token_leaves_who_did_it_and_is_completed(
    open_desk: Callable[[], Desk],
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    bound_here: Here,
    bodies: Bodies,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    executed: bool,
) -> None:
    card = bound_here(ACCOUNT, "OWN")
    DeskService(open_desk()).report_loss(session)
    source.insert(card)
    transmit = card.transmit

    def killed(command: bytes) -> bytes:
        if command[1] == DELETE_APPLICATION:
            if executed:
                transmit(command)
            raise Killed
        return transmit(command)

    with monkeypatch.context() as patch:
        patch.setattr(card, "transmit", killed)
        with pytest.raises(Killed):
            DeskService(open_desk()).erase(supervisor, "OWN")
    told = bodies()[-1]
    assert isinstance(told, KeyErased)
    assert (told.token_serial, told.staff) == ("OWN", "林涛")
    source.swap(card)
    restarted = DeskService(open_desk())
    status = restarted.key_status(supervisor)
    assert isinstance(status, KeyView)
    assert status.status is (KeyStatus.NOT_PREPARED if executed else KeyStatus.ON_HOLD)
    assert _erased(restarted.erase(supervisor, "OWN")) is KeyStatus.BLANK
    assert verify_store(database).sound


def test_a_key_on_which_nothing_makes_sense_is_looked_at_and_erased_by_a_supervisor(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    supervisor: StaffSession,
    bodies: Bodies,
    tmp_path: Path,
) -> None:
    file = tmp_path / "odd.card"
    serial = blank_piv_key(file, "PIV-2026-0009").record.guid.hex().upper()
    packed_badly = b"\x70\x04\x1f\x8b\x08\x00\x71\x01\x01"
    write_card_file(file, read_card_file(file, PivCardRecord).with_value(CERTIFICATE_OF_9A, packed_badly))
    source.insert(PivCard(file))
    view = service.key_status(staff)
    assert isinstance(view, KeyView), view
    assert (view.status, view.token.blank, view.token.serial) == (KeyStatus.UNKNOWN, False, serial)
    assert service.erase(staff, serial) == Refused(Refusal.NOT_ALLOWED)
    erased = service.erase(supervisor, serial)
    assert isinstance(erased, KeyView), erased
    assert (erased.status, erased.token.blank) == (KeyStatus.BLANK, True)
    assert [body for body in bodies() if isinstance(body, KeyErased)] == [KeyErased("", serial, "林涛", "")]


@pytest.mark.parametrize("damage", [b"\x30\x03\x02\x01\x00", b"no certificate at all"])
def test_a_key_in_use_elsewhere_whose_certificate_is_damaged_is_erased_by_nobody(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
    damage: bytes,
) -> None:
    card = bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY)
    token = source.open(source.insert(card))
    token.verify_pin("654321")
    token.write_certificate(damage)
    token.close()
    view = service.key_status(supervisor)
    assert isinstance(view, KeyView), view
    assert (view.status, view.account) == (KeyStatus.OUT_OF_STEP, "11000002")
    assert service.erase(supervisor, "OTHER") == TokenRefused(TokenRefusal.IN_USE, found="OTHER")
    assert not _is_blank(card)


def test_a_piv_card_whose_other_slots_are_in_use_is_not_erased(
    service: DeskService, source: VirtualTokenSource, supervisor: StaffSession, tmp_path: Path
) -> None:
    card = blank_piv_key(tmp_path / "shared.card", "17345678", yubikey=True)
    card.store(card.record.with_value(CERTIFICATE_OF_9C, b"\x70\x03\x30\x01\x00\x71\x01\x00\xfe\x00"))
    before = card.record
    source.insert(card)
    refused = service.erase(supervisor, "17345678")
    assert isinstance(refused, TokenRefused)
    assert refused.reason is TokenRefusal.PIN_SHARED
    assert card.record == before
