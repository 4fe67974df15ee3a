"""Binding: which PIN is presented, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.virtual.gmt.card import GmtCard
from hardware.virtual.source import VirtualTokenSource
from kiosk.desk.service import DeskService
from kiosk.desk.views.people import Session
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.tokens import BindingProgress, BoundView, TokenRefusal, TokenRefused
from kiosk.domain.fees import OrderKind

NOW = 1_795_327_500
DAY = 86_400
YEAR = 365 * DAY
PIN = "654321"

Bind = Callable[..., BoundView | TokenRefused | Refused]
Pay = Callable[[str, OrderKind], str]
Elsewhere = Callable[[str, str, int, int], GmtCard]


def test_the_last_try_wants_a_confirmation_and_a_blocked_pin_is_told(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY))
    number = paid_order("11000001", OrderKind.RENEWAL)
    for left in (5, 4, 3, 2, 1):
        assert bind(service, session, number, "999999") == TokenRefused(TokenRefusal.PIN_WRONG, left)
    assert bind(service, session, number, "999999") == TokenRefused(TokenRefusal.PIN_LAST_TRY, 1)
    assert bind(service, session, number, PIN) == TokenRefused(TokenRefusal.PIN_LAST_TRY, 1)
    assert bind(service, session, number, "12") == TokenRefused(TokenRefusal.PIN_LAST_TRY, 1)
    wrong = bind(service, session, number, "999999", last=True)
    assert wrong == TokenRefused(TokenRefusal.PIN_BLOCKED, 0)
    assert bind(service, session, number, PIN, last=True) == TokenRefused(TokenRefusal.PIN_BLOCKED, 0)


def test_the_factory_pin_is_tried_once_and_never_again_by_itself(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    card = blank("CHANGED")
    token = source.open(source.insert(card))
    token.change_pin("111111", PIN)
    token.close()
    number = paid_order("11000001", OrderKind.NEW)
    first = bind(service, session, number)
    assert isinstance(first, TokenRefused)
    assert first.reason is TokenRefusal.PIN_WANTED
    left = first.tries_left
    for _ in range(3):
        assert bind(service, session, number) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=left)
    assert isinstance(bind(service, session, number, PIN), BoundView)


def test_a_wrong_pin_does_not_tie_the_order_to_the_token(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    number = paid_order("11000001", OrderKind.NEW)
    source.insert(blank("FIRST"))
    assert bind(service, session, number, "999999") == TokenRefused(TokenRefusal.PIN_WRONG, 5)
    source.swap(blank("SECOND"))
    assert isinstance(bind(service, session, number), BoundView)


def test_a_key_pair_that_belongs_to_nobody_is_replaced_but_only_with_the_pin(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    blank: Callable[[str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    token = source.open(source.insert(blank("USED")))
    token.verify_pin("111111")
    token.generate_key_pair()
    token.close()
    number = paid_order("11000001", OrderKind.NEW)
    assert bind(service, session, number) == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=6)
    assert isinstance(bind(service, session, number, "111111"), BoundView)


def test_a_blocked_pin_is_told_before_any_is_asked_for(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_elsewhere: Elsewhere,
    paid_order: Pay,
    bind: Bind,
) -> None:
    source.insert(bound_elsewhere("11000001", "A0001", NOW - YEAR, NOW + 20 * DAY))
    number = paid_order("11000001", OrderKind.RENEWAL)
    for _ in range(6):
        bind(service, session, number, "999999", last=True)
    assert bind(service, session, number) == TokenRefused(TokenRefusal.PIN_BLOCKED, 0)


def test_the_factory_pin_is_not_tried_on_a_renewal_that_goes_on(
    service: DeskService,
    session: Session,
    source: VirtualTokenSource,
    bound_here: Callable[[str, str], GmtCard],
    paid_order: Pay,
    bind: Bind,
) -> None:
    def interrupt(progress: BindingProgress) -> None:
        if progress == BindingProgress(3, done=True):
            raise KeyboardInterrupt

    source.insert(bound_here("11000001", "A0001"))
    number = paid_order("11000001", OrderKind.RENEWAL)
    with pytest.raises(KeyboardInterrupt):
        service.bind(session, number, "111111", False, interrupt)  # noqa: FBT003 - the contract
    assert bind(service, session, number) == TokenRefused(TokenRefusal.PIN_WANTED, 6)
