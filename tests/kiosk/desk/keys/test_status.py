"""状态: what a member and what staff are shown of the token that is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.ports import MalformedAnswer
from hardware.token.gmt.token import GmtToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key, unprepared_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import FoundView, KeyOutcome, KeyView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.clock import FixedClock
from kiosk.domain.feed import KeyBoundElsewhere
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database

NOW = 1_795_327_500
DAY = 86_400

Here = Callable[[str, str], GmtCard]
Elsewhere = Callable[[str, str, int, int], GmtCard]


def _view(outcome: KeyOutcome) -> KeyView:
    assert isinstance(outcome, KeyView), outcome
    return outcome


def test_a_member_sees_the_own_key_with_its_days_and_tries(
    service: DeskService, source: VirtualTokenSource, session: Session, bound_here: Here, clock: FixedClock
) -> None:
    source.insert(bound_here("11000001", "E8AD652202221F03"))
    view = _view(service.key_status(session))
    assert (view.status, view.account, view.operator) == (KeyStatus.IN_USE, "11000001", "李晓梅")
    assert (view.enterprise, view.days_left) == ("北京示例粮油贸易有限公司", 365)
    token = view.token
    assert (token.serial, token.tries_left, token.tries_allowed) == ("E8AD652202221F03", 6, 6)
    assert (token.driver, token.application, token.factory_pin) == ("gmt", "KEYDESK", True)
    clock.advance(365 * DAY + 1)
    assert _view(service.key_status(session)).days_left == -1


def test_a_member_is_told_of_another_members_key_only_that_it_is_not_theirs(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_elsewhere: Elsewhere,
) -> None:
    source.insert(bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY))
    assert service.key_status(session) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHER")
    view = _view(service.key_status(staff))
    assert (view.status, view.account, view.operator) == (KeyStatus.IN_USE, "11000002", "陈静")


def test_the_own_key_is_chosen_out_of_several(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    blank: Callable[[str], GmtCard],
    bound_here: Here,
) -> None:
    source.insert(bound_here("11000001", "OWN"), "second")
    source.insert(blank("BLANK"), "first")
    assert _view(service.key_status(session)).token.serial == "OWN"
    several = service.key_status(staff)
    assert isinstance(several, TokenRefused)
    assert several.reason is TokenRefusal.SEVERAL
    assert _view(service.key_status(staff, "BLANK")).status is KeyStatus.BLANK


def test_a_binding_under_way_shows_its_order_to_its_member_alone(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    session_of: Callable[[str], Session],
    staff: StaffSession,
    blank: Callable[[str], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    number, card = paid_order("11000001", OrderKind.NEW), blank("A")
    source.insert(FaultyCard(card, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x70)))
    service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    source.insert(card)
    for who in (session, staff):
        view = _view(service.key_status(who))
        assert (view.status, view.order) == (KeyStatus.UNDER_WAY, number)
    other = service.key_status(session_of("11000003"))
    assert other == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="A")


def test_a_lost_key_and_a_superseded_one_are_told_apart(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_here: Here,
    blank: Callable[[str], GmtCard],
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    old = bound_here("11000001", "OLD")
    service.report_loss(session)
    source.insert(old)
    assert _view(service.key_status(session)).status is KeyStatus.ON_HOLD
    number = paid_order("11000001", OrderKind.REPLACEMENT)
    source.swap(blank("NEXT"))
    service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert _view(service.key_status(session)).status is KeyStatus.IN_USE
    source.swap(old)
    view = _view(service.key_status(session))
    assert (view.status, view.account) == (KeyStatus.REVOKED, "11000001")


def test_a_key_pair_that_nobody_knows_is_unknown(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    blank: Callable[[str], GmtCard],
) -> None:
    card = blank("STRANGE")
    token = source.open(source.insert(card))
    token.verify_pin("111111")
    token.generate_key_pair()
    token.close()
    assert _view(service.key_status(session)).status is KeyStatus.UNKNOWN


def test_only_staff_see_a_token_that_is_not_prepared(
    service: DeskService, source: VirtualTokenSource, session: Session, staff: StaffSession, tmp_path: Path
) -> None:
    source.insert(unprepared_key(tmp_path / "raw", "RAW"))
    assert service.key_status(session) == TokenRefused(TokenRefusal.NOT_PREPARED, found="RAW")
    view = _view(service.key_status(staff))
    assert (view.status, view.token.serial, view.token.prepared) == (
        KeyStatus.NOT_PREPARED,
        "RAW",
        False,
    )


def test_staff_that_the_record_does_not_know_see_nothing(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    source.insert(blank("A"))
    gone = StaffSession("走了", supervisor=True)
    assert service.key_status(gone) == Refused(Refusal.NOT_ALLOWED)


def test_a_token_whose_random_numbers_stand_still_is_reported_to_staff(
    service: DeskService, source: VirtualTokenSource, session: Session, staff: StaffSession, tmp_path: Path
) -> None:
    blank_key(tmp_path / "still", "STILL")
    source.insert(GmtCard(tmp_path / "still", random=bytes))
    assert isinstance(service.key_status(session), KeyView)
    assert service.key_status(staff) == TokenRefused(TokenRefusal.FAULT, detail="SelfTestFailed")


def test_reading_the_status_writes_nothing(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    database: Database,
    bound_here: Here,
) -> None:
    source.insert(bound_here("11000001", "A"))
    with database.read() as tx:
        before = tx.journal.count()
    service.key_status(staff)
    with database.read() as tx:
        assert tx.journal.count() == before


def test_a_key_bound_here_that_was_replaced_elsewhere_is_superseded_and_may_be_erased(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    staff: StaffSession,
    bound_here: Here,
    database: Database,
) -> None:
    source.insert(bound_here("11000001", "OLD"))
    later = KeyBoundElsewhere("11000001", "4000000000000001", "NEW", NOW + 1, NOW + 366 * DAY)
    with database.write() as tx:
        tx.feed.put_key_elsewhere(later)
    assert _view(service.key_status(session)).status is KeyStatus.REVOKED
    found = service.key_found(staff)
    assert isinstance(found, FoundView)
    assert (found.held, found.key.status, found.key.account) == (False, KeyStatus.REVOKED, "11000001")
    assert _view(service.erase(staff, "OLD")).status is KeyStatus.BLANK


def test_an_answer_that_is_spoilt_once_on_its_way_is_read_again(
    service: DeskService,
    source: VirtualTokenSource,
    staff: StaffSession,
    bound_here: Here,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source.insert(bound_here("11000001", "A"))
    read, spoilt = GmtToken.certificate, [True]

    def once(token: GmtToken) -> bytes | None:
        if spoilt:
            spoilt.clear()
            raise MalformedAnswer
        return read(token)

    monkeypatch.setattr(GmtToken, "certificate", once)
    assert _view(service.key_status(staff)).status is KeyStatus.IN_USE
