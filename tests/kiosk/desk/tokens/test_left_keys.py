"""A key that a visit left in the reader is nobody's but the staff's until it is pulled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.ports import ReaderUnavailable, TokenRemoved
from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.keys.views import KeyIntroduced, KeyView
from kiosk.desk.service import DeskService
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.status import KeyAnswer, TokenStatus
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView
from kiosk.domain.fees import OrderKind
from tests.support.desk import PIN, answered

Here = Callable[[str, str], GmtCard]
LEFT = TokenRefused(TokenRefusal.LEFT_BEHIND)


def leave(service: DeskService) -> None:
    """The screen looks at the readers every second; then it gives the key up."""
    answered(service.status())
    service.leave_keys()


def test_no_member_is_told_anything_of_it_nor_uses_it(
    service: DeskService,
    source: VirtualTokenSource,
    session: Session,
    bound_here: Here,
    paid_order: Callable[[str, OrderKind], str],
) -> None:
    source.insert(bound_here("11000001", "LAST"))
    number = paid_order("11000001", OrderKind.RENEWAL)
    leave(service)
    assert service.introduce() == LEFT
    assert service.read_token() == service.read_token(number) == service.read_token(serial="LAST") == LEFT
    assert service.key_status(session) == LEFT
    assert service.login_check(session, PIN, last_try_confirmed=False) == LEFT
    assert service.change_pin(session, PIN, "234567", last_try_confirmed=False) == LEFT
    assert service.bind(session, number, PIN, False, lambda _: None) == LEFT  # noqa: FBT003 - the verb's own signature


def test_staff_reach_it(
    service: DeskService,
    source: VirtualTokenSource,
    supervisor: StaffSession,
    bound_here: Here,
) -> None:
    source.insert(bound_here("11000001", "LAST"))
    leave(service)
    view = service.key_status(supervisor)
    assert isinstance(view, KeyView)
    assert view.token.serial == "LAST"
    assert isinstance(service.read_token(by_staff=True), TokenView)
    assert not isinstance(service.key_found(supervisor), TokenRefused)


def test_it_is_asked_for_until_it_is_pulled_or_staff_have_seen_to_it(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    card = blank("LAST")

    def asked() -> tuple[TokenStatus, bool, bool]:
        status = answered(service.status())
        return status.token, status.key_to_take, status.key_left

    assert asked() == (TokenStatus.ABSENT, False, False)
    source.insert(card)
    assert asked() == (TokenStatus.PRESENT, True, False)
    leave(service)
    assert asked() == (TokenStatus.PRESENT, False, True)
    service.see_to_left_keys()
    assert asked() == (TokenStatus.PRESENT, False, False)
    source.remove()
    source.insert(card)
    assert asked() == (TokenStatus.PRESENT, True, False)
    assert service.introduce() == KeyIntroduced(KeyStatus.BLANK)


def test_another_key_beside_it_is_used_as_if_it_were_alone(
    service: DeskService, source: VirtualTokenSource, blank: Callable[[str], GmtCard]
) -> None:
    source.insert(blank("LAST"), "first")
    leave(service)
    source.insert(blank("NEXT"), "second")
    read = service.read_token()
    assert isinstance(read, TokenView)
    assert read.serial == "NEXT"
    assert answered(service.status()).key_to_take


def test_whether_one_is_still_in_is_asked_of_the_key_itself(
    service: DeskService,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert service.key_answer() is KeyAnswer.GONE
    presence = source.insert(blank("LAST"))
    assert service.key_answer() is KeyAnswer.IN
    held = source.open(presence)
    assert service.key_answer() is KeyAnswer.IN, "another program has it"
    held.close()

    def gone(_: object) -> None:
        raise TokenRemoved("the service did not notice")

    with monkeypatch.context() as patch:
        patch.setattr(source, "open", gone)
        assert service.key_answer() is KeyAnswer.UNKNOWN
    leave(service)
    assert service.key_answer() is KeyAnswer.GONE

    def away() -> None:
        raise ReaderUnavailable("the reader hangs")

    monkeypatch.setattr(source, "present", away)
    assert service.key_answer() is KeyAnswer.UNKNOWN
    assert not answered(service.status()).key_left
