"""修改PIN and 解锁PIN: each PIN is sent once, and what the journal tells happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from hardware.ports import PinState, TokenFault
from hardware.token.gmt.token import GmtToken
from hardware.virtual.card import Fault, FaultKind, FaultyCard, VirtualCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.piv.factory import blank_piv_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.pin import _may_have_written
from kiosk.desk.keys.views import KeyOutcome, KeyView
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.refusals import Refusal, Refused
from kiosk.desk.views.tokens import BoundView, TokenRefusal, TokenRefused
from kiosk.domain.entries.every import AnyBody
from kiosk.domain.entries.keys import PinChanged, PinChangeSkipped, PinUnblocked
from kiosk.domain.fees import OrderKind
from kiosk.store.database import Database
from kiosk.store.errors import DiskFull
from kiosk.store.transaction import Transaction

NOW = 1_795_327_500
DAY = 86_400
ACCOUNT, FACTORY, PIN, NEXT = "11000001", "111111", "654321", "88887777"
ADMINISTRATOR = "00000000"
CHANGE_PIN, UNBLOCK_PIN, VERIFY_PIN = 0x16, 0x1A, 0x18
PIV_VERIFY, PIV_CHANGE, COMMAND_WITHOUT_DATA = 0x20, 0x24, 5

Bodies = Callable[[], list[AnyBody]]


@pytest.fixture
def card(source: VirtualTokenSource, bound_here: Callable[[str, str], GmtCard]) -> GmtCard:
    """The member's key, bound a moment ago, in the reader."""
    card = bound_here(ACCOUNT, "OWN")
    source.insert(card)
    return card


def _change(
    service: DeskService, session: Session, old: str | None, new: str, *, last: bool = False
) -> KeyOutcome:
    return service.change_pin(session, old, new, last)


def _trouble(outcome: object) -> TokenRefusal:
    assert isinstance(outcome, TokenRefused), outcome
    return outcome.reason


def _tries(card: GmtCard) -> int:
    return card.record.applications[0].user.tries_left


def _takes(source: VirtualTokenSource, card: GmtCard, pin: str) -> bool:
    """Whether that is the key's PIN now."""
    source.swap(card)
    token = source.open(source.present()[0])
    try:
        token.verify_pin(pin)
    except Exception:  # noqa: BLE001 - any refusal is a no
        return False
    finally:
        token.close()
    return True


def test_the_factory_pin_is_changed_without_being_typed(
    service: DeskService, source: VirtualTokenSource, session: Session, card: GmtCard, bodies: Bodies
) -> None:
    view = _change(service, session, None, PIN)
    assert isinstance(view, KeyView)
    assert (view.token.factory_pin, view.token.tries_left) == (False, 6)
    assert bodies()[-1] == PinChanged(ACCOUNT, "OWN")
    assert _takes(source, card, PIN)
    again = _change(service, session, PIN, NEXT)
    assert isinstance(again, KeyView)
    assert _takes(source, card, NEXT)


def test_the_new_pin_is_neither_the_factory_pin_nor_the_old_one(
    service: DeskService, session: Session, card: GmtCard, bodies: Bodies
) -> None:
    faulty_before = _tries(card)
    assert _trouble(_change(service, session, None, FACTORY)) is TokenRefusal.PIN_UNCHANGED
    _change(service, session, None, PIN)
    count = len(bodies())
    assert _trouble(_change(service, session, PIN, PIN)) is TokenRefusal.PIN_UNCHANGED
    assert _trouble(_change(service, session, "000000", FACTORY)) is TokenRefusal.PIN_UNCHANGED
    assert (_tries(card), len(bodies())) == (faulty_before, count)


def test_the_factory_pin_is_not_tried_where_a_try_is_gone_or_the_key_says_it_was_changed(
    service: DeskService, session: Session, card: GmtCard
) -> None:
    _change(service, session, None, PIN)
    assert _trouble(_change(service, session, None, NEXT)) is TokenRefusal.PIN_WANTED
    assert _tries(card) == 6
    assert _trouble(_change(service, session, "999999", NEXT)) is TokenRefusal.PIN_WRONG
    assert _change(service, session, None, NEXT) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=5)
    assert _tries(card) == 5


def test_a_wrong_pin_costs_one_try_the_last_wants_a_confirmation_and_then_it_is_blocked(
    service: DeskService, session: Session, card: GmtCard, bodies: Bodies
) -> None:
    count = len(bodies())
    for left in (5, 4, 3, 2, 1):
        assert _change(service, session, "999999", NEXT) == TokenRefused(
            TokenRefusal.PIN_WRONG, tries_left=left
        )
    assert _change(service, session, "999999", NEXT) == TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1)
    assert _tries(card) == 1
    blocked = TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0)
    assert _change(service, session, "999999", NEXT, last=True) == blocked
    assert _change(service, session, FACTORY, NEXT, last=True) == blocked
    assert len(bodies()) == count


def test_a_pin_that_cannot_be_one_is_not_sent(service: DeskService, session: Session, card: GmtCard) -> None:
    assert _trouble(_change(service, session, None, "1")) is TokenRefusal.PIN_INVALID
    assert _tries(card) == 6


def test_nobody_changes_the_pin_of_a_key_that_is_not_their_own(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    session_of: Callable[[str], Session],
    card: GmtCard,
    blank: Callable[[str], GmtCard],
) -> None:
    assert _change(service, session_of("11000003"), FACTORY, PIN) == Refused(Refusal.NO_KEY)
    source.swap(blank("BLANK"))
    assert _change(service, session, FACTORY, PIN) == TokenRefused(
        TokenRefusal.NOT_THE_KEY_ON_RECORD, expected="OWN", found="BLANK"
    )
    assert _tries(card) == 6


def test_the_pin_of_another_members_key_is_not_changed(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    card: GmtCard,
    bound_elsewhere: Callable[[str, str, int, int], GmtCard],
) -> None:
    source.remove()
    source.insert(bound_elsewhere("11000002", "OTHER", NOW - DAY, NOW + DAY))
    assert _change(service, session, PIN, NEXT) == TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found="OTHER")
    assert _tries(card) == 6


@pytest.mark.parametrize("kind", [FaultKind.PULLED_AFTER, FaultKind.SILENT])
def test_an_answer_that_was_lost_leaves_the_new_pin_to_try(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    card: GmtCard,
    bodies: Bodies,
    kind: FaultKind,
) -> None:
    count = len(bodies())
    source.swap(FaultyCard(card, Fault(kind, 1, instruction=CHANGE_PIN)))
    lost = TokenRefused(TokenRefusal.PIN_UNCERTAIN, found="OWN")
    assert _change(service, session, None, PIN) == lost
    assert bodies()[count:] == [PinChanged(ACCOUNT, "OWN", certain=False)]
    changed = kind is FaultKind.PULLED_AFTER
    assert _takes(source, card, PIN) is changed


def test_a_journal_that_cannot_be_written_leaves_the_new_pin_and_says_so_in_the_log(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    card: GmtCard,
    bodies: Bodies,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count, transmit = len(bodies()), card.transmit

    def full(*_: object) -> None:
        raise DiskFull(service._desk.database.path)

    class Filling(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            if command[1] == CHANGE_PIN:
                monkeypatch.setattr(Database, "write", full)
                monkeypatch.setattr(Database, "read", full)
            return transmit(command)

    source.swap(Filling(card))
    with structlog.testing.capture_logs() as logs:
        assert isinstance(_change(service, session, None, PIN), KeyView)
    monkeypatch.undo()
    assert [(each["event"], each["entry"]) for each in logs] == [("done and not recorded", "PinChanged")]
    assert len(bodies()) == count
    assert _takes(source, card, PIN)


def test_that_a_member_kept_the_factory_pin_is_noted_for_the_own_key_alone(
    service: DeskService, session: Session, card: GmtCard, bodies: Bodies
) -> None:
    service.skip_pin_change(session, "OTHER")
    assert not isinstance(bodies()[-1], PinChangeSkipped)
    service.skip_pin_change(session, "OWN")
    assert bodies()[-1] == PinChangeSkipped(ACCOUNT, "OWN")
    assert _tries(card) == 6


def _block(service: DeskService, session: Session) -> None:
    while _trouble(_change(service, session, "999999", NEXT, last=True)) is not TokenRefusal.PIN_BLOCKED:
        pass


def test_a_supervisor_unblocks_a_pin(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    card: GmtCard,
    bodies: Bodies,
) -> None:
    _block(service, session)
    view = service.unblock_pin(supervisor, None, PIN)
    assert isinstance(view, KeyView)
    assert (view.account, view.token.tries_left, view.token.pin_blocked) == (ACCOUNT, 6, False)
    assert bodies()[-1] == PinUnblocked(ACCOUNT, "OWN", "林涛")
    assert _takes(source, card, PIN)
    assert isinstance(service.unblock_pin(supervisor, ADMINISTRATOR, NEXT), KeyView)
    assert _takes(source, card, NEXT)


def test_nobody_else_unblocks_a_pin(
    service: DeskService, session: Session, staff: StaffSession, card: GmtCard, bodies: Bodies
) -> None:
    _block(service, session)
    count = len(bodies())
    for who in (staff, StaffSession("张华", supervisor=True), StaffSession("无名", supervisor=True)):
        assert service.unblock_pin(who, ADMINISTRATOR, PIN) == Refused(Refusal.NOT_ALLOWED)
    assert (_tries(card), len(bodies())) == (0, count)


def test_a_wrong_unblocking_pin_is_told_and_the_factory_pin_is_not_given_back(
    service: DeskService, supervisor: StaffSession, card: GmtCard
) -> None:
    refused = service.unblock_pin(supervisor, "99999999", PIN)
    assert _trouble(refused) is TokenRefusal.UNBLOCKING_PIN_WRONG
    assert isinstance(refused, TokenRefused)
    assert refused.tries_left == card.record.applications[0].administrator.tries_left
    assert _trouble(service.unblock_pin(supervisor, ADMINISTRATOR, FACTORY)) is TokenRefusal.PIN_UNCHANGED
    while _trouble(refused) is TokenRefusal.UNBLOCKING_PIN_WRONG:
        refused = service.unblock_pin(supervisor, "99999999", PIN)
    assert _trouble(refused) is TokenRefusal.UNBLOCKING_PIN_BLOCKED
    assert (
        _trouble(service.unblock_pin(supervisor, ADMINISTRATOR, PIN)) is TokenRefusal.UNBLOCKING_PIN_BLOCKED
    )


def test_an_unblocking_whose_answer_was_lost_leaves_the_new_pin_to_try(
    service: DeskService, source: VirtualTokenSource, supervisor: StaffSession, card: GmtCard, bodies: Bodies
) -> None:
    count = len(bodies())
    source.swap(FaultyCard(card, Fault(FaultKind.PULLED_AFTER, 1, instruction=UNBLOCK_PIN)))
    lost = TokenRefused(TokenRefusal.PIN_UNCERTAIN, found="OWN")
    assert service.unblock_pin(supervisor, None, PIN) == lost
    assert bodies()[count:] == [PinUnblocked(ACCOUNT, "OWN", "林涛", certain=False)]
    assert _takes(source, card, PIN)


def test_no_pin_is_sent_twice_by_one_call(
    service: DeskService, source: VirtualTokenSource, session: Session, card: GmtCard
) -> None:
    sent: list[int] = []
    transmit = card.transmit

    class Counting(FaultyCard):
        def transmit(self, command: bytes) -> bytes:
            sent.append(command[1])
            return transmit(command)

    source.swap(Counting(card))
    _change(service, session, "999999", NEXT)
    _change(service, session, None, NEXT)
    _change(service, session, FACTORY, PIN)
    assert sent.count(CHANGE_PIN) == 2
    assert VERIFY_PIN not in sent


def test_no_pin_gets_into_a_log_or_a_message(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    supervisor: StaffSession,
    card: GmtCard,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = ("24681357", "97531864", "86420975")
    told: list[Any] = []
    with structlog.testing.capture_logs() as logs:
        told.append(_change(service, session, secrets[0], secrets[1]))
        told.append(service.unblock_pin(supervisor, secrets[2], secrets[1]))
        source.swap(FaultyCard(card, Fault(FaultKind.RUBBISH, 1, instruction=CHANGE_PIN)))
        told.append(_change(service, session, secrets[0], secrets[1]))
        source.swap(card)
        told.append(service.login_check(session, secrets[0], False))  # noqa: FBT003 - the contract
        told.append(service.bind(session, "3-0001-9", secrets[0], False, lambda _: None))  # noqa: FBT003

        def full(*_: object) -> None:
            raise DiskFull(service._desk.database.path)

        monkeypatch.setattr(Transaction, "append", full)
        told.append(_change(service, session, FACTORY, secrets[1]))
    nonce = "." + "0" * 12  # of every order here, and longer than the administrator's PIN
    text = repr((logs, told, caplog.text)).replace(nonce, "")
    assert logs
    assert not [secret for secret in (*secrets, ADMINISTRATOR) if secret in text]


@pytest.mark.parametrize(
    ("status_word", "may"),
    [
        (0x6100, True),
        (0x6200, False),
        (0x63C2, False),
        (0x64FF, False),
        (0x6500, True),
        (0x6581, True),
        (0x6600, False),
        (0x6E00, False),
        (0x6F00, True),
        (0x9001, True),
    ],
)
def test_a_card_may_have_changed_its_memory_unless_its_answer_says_precisely_what_is_wrong(
    status_word: int,
    may: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert _may_have_written(TokenFault(0x5E, status_word)) is may


def test_a_card_that_says_precisely_why_it_kept_the_old_pin_leaves_nothing_to_note(
    service: DeskService, source: VirtualTokenSource, session: Session, card: GmtCard, bodies: Bodies
) -> None:
    count = len(bodies())
    kept = Fault(FaultKind.RUBBISH, 1, instruction=CHANGE_PIN, rubbish=b"\x6a\x80")
    source.swap(FaultyCard(card, kept))
    assert _trouble(_change(service, session, None, PIN)) is TokenRefusal.FAULT
    assert bodies()[count:] == []


def test_nothing_is_noted_of_a_pin_that_was_kept_on_a_key_that_is_not_the_members_own(
    service: DeskService, session: Session, bound_here: Callable[[str, str], GmtCard], bodies: Bodies
) -> None:
    before = bodies()
    service.skip_pin_change(session, "OWN")
    assert bodies() == before
    bound_here(ACCOUNT, "OWN")
    before = bodies()
    service.skip_pin_change(session, "ANOTHER")
    assert bodies() == before
    service.skip_pin_change(session, "OWN")
    assert bodies() == [*before, PinChangeSkipped(ACCOUNT, "OWN")]


def _own_piv_key(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    file: Path,
) -> VirtualCard:
    """The member's key, bound a moment ago: a card that does not say whether it still has the factory PIN."""
    card = blank_piv_key(file, "17345678")
    source.insert(card)
    number = paid_order(ACCOUNT, OrderKind.NEW)
    bound = service.bind(session, number, None, False, lambda _progress: None)  # noqa: FBT003 - the contract
    assert isinstance(bound, BoundView), bound
    return card


def test_a_member_who_did_not_type_the_factory_pin_is_asked_and_not_told_of_a_mistake(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
) -> None:
    _own_piv_key(service, source, session, paid_order, tmp_path / "piv.card")
    for _ in range(2):
        assert _change(service, session, None, PIN) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=3)
    assert isinstance(_change(service, session, "123456", PIN), KeyView)
    assert _change(service, session, None, NEXT) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=3)
    assert _change(service, session, "999999", NEXT) == TokenRefused(TokenRefusal.PIN_WRONG, tries_left=2)


def test_a_key_that_says_wrongly_that_it_has_the_factory_pin_is_no_mistake_of_the_members(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    card: GmtCard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(_change(service, session, None, PIN), KeyView)
    monkeypatch.setattr(GmtToken, "pin_state", lambda _: PinState(6, 6, factory=True))
    assert _change(service, session, None, NEXT) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=5)
    assert _takes(source, card, PIN)


_USES: dict[str, Callable[[DeskService, Session, str], object]] = {
    "renewal": lambda service, session, number: service.bind(session, number, None, False, lambda _: None),  # noqa: FBT003 - the contract
    "change": lambda service, session, _: service.change_pin(session, None, NEXT, False),  # noqa: FBT003 - likewise
    "login": lambda service, session, _: service.login_check(session, "", False),  # noqa: FBT003 - likewise
}


@pytest.mark.parametrize("use", _USES)
def test_a_key_in_use_is_given_no_pin_that_nobody_typed(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    paid_order: Callable[[str, OrderKind], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: str,
) -> None:
    card = _own_piv_key(service, source, session, paid_order, tmp_path / "piv.card")
    number = paid_order(ACCOUNT, OrderKind.RENEWAL) if use == "renewal" else ""
    transmit, pins = card.transmit, list[bytes]()

    def watched(command: bytes) -> bytes:
        if command[1] in {PIV_VERIFY, PIV_CHANGE} and len(command) > COMMAND_WITHOUT_DATA:
            pins.append(command)
        return transmit(command)

    monkeypatch.setattr(card, "transmit", watched)
    assert _trouble(_USES[use](service, session, number)) is TokenRefusal.PIN_WANTED
    assert pins == []
