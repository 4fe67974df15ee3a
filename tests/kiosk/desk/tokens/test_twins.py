"""Two tokens of one serial number, as vendors ship them: told apart by their key pairs, and each of use to its member."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.virtual.card import Fault, FaultKind, FaultyCard
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.gmt.factory import blank_key
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import Check, CheckResult, KeyView, LoginCheckView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import (
    SAME_SERIAL,
    BindingProgress,
    BoundView,
    TokenRefusal,
    TokenRefused,
    TokenView,
)
from kiosk.domain.fees import OrderKind

NOW = 1_795_327_500
DAY = 86_400
SERIAL = "E8AD652202221F03"
ONE, OTHER = "11000001", "11000003"
FACTORY, PIN = "111111", "654321"

Elsewhere = Callable[[str, str, int, int], GmtCard]
Pay = Callable[[str, OrderKind], str]
Sessions = Callable[[str], Session]


class Nameless:
    """A key whose serial number's field is empty."""

    def __init__(self, card: GmtCard) -> None:
        self._card = card
        self.atr = card.atr

    def power_on(self) -> None:
        self._card.power_on()

    def transmit(self, command: bytes) -> bytes:
        serial = SERIAL.encode()
        return self._card.transmit(command).replace(serial, bytes(len(serial)))


def _quietly(_progress: BindingProgress) -> None:
    """Nobody watches."""


def _refused(outcome: object) -> TokenRefused:
    assert isinstance(outcome, TokenRefused), outcome
    return outcome


def _bind(
    service: DeskService, session: Session, number: str, pin: str | None = None
) -> BoundView | TokenRefused:
    outcome = service.bind(session, number, pin, False, _quietly)  # noqa: FBT003 - the contract
    assert isinstance(outcome, BoundView | TokenRefused), outcome
    return outcome


@pytest.fixture
def one(bound_elsewhere: Elsewhere) -> GmtCard:
    return bound_elsewhere(ONE, SERIAL, NOW - 300 * DAY, NOW + 65 * DAY)


@pytest.fixture
def other(bound_elsewhere: Elsewhere, one: GmtCard) -> GmtCard:
    """The other one, of another member."""
    made = bound_elsewhere(OTHER, SERIAL, NOW - 200 * DAY, NOW + 165 * DAY)
    assert made.serial == one.serial
    return made


@pytest.fixture
def blank_twin(tmp_path: Path) -> GmtCard:
    return blank_key(tmp_path / "twin.card", SERIAL, pin_tries=6)


def test_each_member_gets_the_own_key_of_two_that_are_in(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Sessions,
    paid_order: Pay,
    one: GmtCard,
    other: GmtCard,
) -> None:
    source.insert(one, "first")
    source.insert(other, "second")
    numbers = {}
    for account in (ONE, OTHER, ONE, OTHER):
        session = session_of(account)
        checked = service.login_check(session, PIN, False)  # noqa: FBT003 - the contract
        assert isinstance(checked, LoginCheckView), checked
        assert dict(checked.results)[Check.CHAIN] is CheckResult.PASSED
        status = service.key_status(session)
        assert isinstance(status, KeyView), status
        assert (status.status, status.account) == (KeyStatus.IN_USE, account)
        numbers[account] = status.token.certificate
        renewed = _bind(service, session, paid_order(account, OrderKind.RENEWAL), PIN)
        assert isinstance(renewed, BoundView), renewed
        assert renewed.serial == SERIAL
    assert numbers[ONE] != numbers[OTHER]


def test_the_serial_that_was_chosen_does_not_choose_the_others(
    service: DeskService, source: VirtualTokenSource, session_of: Sessions, one: GmtCard, other: GmtCard
) -> None:
    source.insert(other, "first")
    source.insert(one, "second")
    changed = service.change_pin(session_of(ONE), PIN, "112233", False, SERIAL)  # noqa: FBT003 - the contract
    assert isinstance(changed, KeyView), changed
    assert changed.account == ONE


def test_the_others_key_alone_is_said_to_be_another_of_that_serial_and_loses_no_try(
    service: DeskService, source: VirtualTokenSource, session_of: Sessions, one: GmtCard, other: GmtCard
) -> None:
    before = other.record
    source.insert(other)
    session = session_of(ONE)
    for outcome in (
        service.change_pin(session, "000000", "112233", False),  # noqa: FBT003 - the contract
        service.change_pin(session, None, "112233", False),  # noqa: FBT003 - the contract
        service.login_check(session, "000000", False),  # noqa: FBT003 - the contract
    ):
        refused = _refused(outcome)
        assert (refused.reason, refused.detail) == (TokenRefusal.NOT_THE_KEY_ON_RECORD, SAME_SERIAL)
    assert other.record == before
    source.swap(one)
    assert isinstance(service.login_check(session, PIN, False), LoginCheckView)  # noqa: FBT003 - the contract


def test_a_blank_one_alone_may_be_the_one_on_record_and_beside_it_is_not(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Sessions,
    paid_order: Pay,
    one: GmtCard,
    blank_twin: GmtCard,
) -> None:
    number, session = paid_order(OTHER, OrderKind.NEW), session_of(OTHER)
    before = one.record
    source.insert(blank_twin, "second")
    refused = _refused(_bind(service, session, number))
    assert (refused.reason, refused.detail) == (TokenRefusal.ANOTHER_MEMBERS, SAME_SERIAL)
    source.insert(one, "first")
    read = service.read_token(number)
    assert isinstance(read, TokenView), read
    assert (read.blank, read.reader) == (True, "second")
    bound = _bind(service, session, number)
    assert isinstance(bound, BoundView), bound
    assert bound.serial == SERIAL
    assert one.record == before
    source.remove("first")
    status = service.key_status(session)
    assert isinstance(status, KeyView), status
    assert (status.status, status.token.certificate) == (KeyStatus.IN_USE, bound.certificate)


def test_two_blank_ones_serve_one_member_after_the_other(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Sessions,
    paid_order: Pay,
    blank: Callable[[str], GmtCard],
    blank_twin: GmtCard,
) -> None:
    source.insert(blank(SERIAL), "first")
    source.insert(blank_twin, "second")
    certificates = set()
    for account in (ONE, OTHER):
        bound = _bind(service, session_of(account), paid_order(account, OrderKind.NEW))
        assert isinstance(bound, BoundView), bound
        certificates.add(bound.certificate)
    assert len(certificates) == 2
    for account in (ONE, OTHER):
        assert isinstance(service.login_check(session_of(account), FACTORY, False), LoginCheckView)  # noqa: FBT003 - the contract


def test_a_binding_goes_on_with_the_one_that_it_began_on(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Sessions,
    paid_order: Pay,
    one: GmtCard,
    blank_twin: GmtCard,
) -> None:
    number, session = paid_order(OTHER, OrderKind.NEW), session_of(OTHER)
    source.insert(one, "first")
    source.insert(FaultyCard(blank_twin, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)), "second")
    assert _refused(_bind(service, session, number)).reason is TokenRefusal.REMOVED
    assert isinstance(service.login_check(session_of(ONE), PIN, False), LoginCheckView)  # noqa: FBT003 - the contract
    source.insert(blank_twin, "second")
    assert isinstance(_bind(service, session, number, FACTORY), BoundView)


def test_a_binding_under_way_on_one_does_not_take_the_other(
    service: DeskService,
    source: VirtualTokenSource,
    session_of: Sessions,
    paid_order: Pay,
    blank: Callable[[str], GmtCard],
    blank_twin: GmtCard,
) -> None:
    first, number = blank(SERIAL), paid_order(ONE, OrderKind.NEW)
    source.insert(FaultyCard(first, Fault(FaultKind.PULLED_BEFORE, 1, instruction=0x4C)), "first")
    assert _refused(_bind(service, session_of(ONE), number)).reason is TokenRefusal.REMOVED
    others = paid_order(OTHER, OrderKind.NEW)
    source.insert(blank_twin, "second")
    alone = _refused(_bind(service, session_of(OTHER), others))
    assert alone.reason is TokenRefusal.ANOTHER_MEMBERS
    source.insert(first, "first")
    assert isinstance(_bind(service, session_of(OTHER), others), BoundView)
    assert isinstance(_bind(service, session_of(ONE), number, FACTORY), BoundView)


def test_a_key_with_a_blank_serial_number_is_named_as_that(
    service: DeskService, source: VirtualTokenSource, session: Session, paid_order: Pay, blank_twin: GmtCard
) -> None:
    card = Nameless(blank_twin)
    source.insert(card)
    number = paid_order(ONE, OrderKind.NEW)
    for outcome in (service.read_token(), service.read_token(number), _bind(service, session, number)):
        assert _refused(outcome).reason is TokenRefusal.NO_SERIAL


def test_staff_are_asked_to_leave_one_where_nothing_tells_which_is_meant(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    one: GmtCard,
    blank_twin: GmtCard,
) -> None:
    before = one.record, blank_twin.record
    source.insert(one, "first")
    source.insert(blank_twin, "second")
    for outcome in (
        service.erase(supervisor, SERIAL),
        service.key_status(supervisor),
        service.unblock_pin(supervisor, "12345678", "777888", SERIAL),
        service.read_token(),
    ):
        assert _refused(outcome) == TokenRefused(TokenRefusal.TWINS, found=SERIAL)
    assert (one.record, blank_twin.record) == before
