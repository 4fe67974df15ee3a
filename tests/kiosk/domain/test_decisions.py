from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.decisions import (
    EXPIRING_WITHIN,
    ContinueOrder,
    Decision,
    KeyOnRecord,
    KeyState,
    OfferKind,
    Proceed,
    decide,
    key_state,
)
from kiosk.domain.fees import OrderKind

NEW, REPLACEMENT, RENEWAL = OrderKind.NEW, OrderKind.REPLACEMENT, OrderKind.RENEWAL
TIMES = st.integers(0, 2**40)


@pytest.mark.parametrize(("kind", "state"), list(itertools.product(OrderKind, KeyState)))
def test_every_kind_in_every_state_has_an_answer(kind: OrderKind, state: KeyState) -> None:
    decision = decide(kind, state, None)
    if isinstance(decision, OfferKind):
        assert decision.because is state
        assert isinstance(decide(decision.kind, state, None), Proceed), "what is offered must go through"
    else:
        assert isinstance(decision, Proceed)


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        (NEW, KeyState.NEVER_BOUND, Proceed()),
        (NEW, KeyState.VALID, OfferKind(RENEWAL, KeyState.VALID)),
        (NEW, KeyState.LOST, OfferKind(REPLACEMENT, KeyState.LOST)),
        (REPLACEMENT, KeyState.NEVER_BOUND, OfferKind(NEW, KeyState.NEVER_BOUND)),
        (REPLACEMENT, KeyState.VALID, Proceed(declares_loss=True)),
        (REPLACEMENT, KeyState.EXPIRED, Proceed(declares_loss=True)),
        (REPLACEMENT, KeyState.LOST, Proceed()),
        (RENEWAL, KeyState.EXPIRED, Proceed()),
        (RENEWAL, KeyState.LOST, OfferKind(REPLACEMENT, KeyState.LOST)),
    ],
)
def test_the_right_service_is_offered(kind: OrderKind, state: KeyState, expected: Decision) -> None:
    assert decide(kind, state, None) == expected


@pytest.mark.parametrize(("kind", "state"), list(itertools.product(OrderKind, KeyState)))
def test_an_open_order_goes_first(kind: OrderKind, state: KeyState) -> None:
    assert decide(kind, state, "3-0147-6") == ContinueOrder("3-0147-6")


@given(begin=TIMES, end=TIMES, now=TIMES)
def test_lost_wins_over_everything(begin: int, end: int, now: int) -> None:
    assert key_state(KeyOnRecord("1", "S", begin, end, lost=True), now) is KeyState.LOST


@given(end=TIMES, now=TIMES)
def test_a_key_expires_after_its_last_second(end: int, now: int) -> None:
    state = key_state(KeyOnRecord("1", "S", 0, end), now)
    assert (state is KeyState.EXPIRED) == (now > end)
    assert (state is KeyState.EXPIRING) == (end - EXPIRING_WITHIN < now <= end)


def test_a_key_expires_soon_in_its_last_thirty_days() -> None:
    key, last_days = KeyOnRecord("1", "S", 0, 100 * 86_400), 70 * 86_400
    assert key_state(key, last_days) is KeyState.VALID
    assert key_state(key, last_days + 1) is KeyState.EXPIRING


def test_no_key_is_never_bound() -> None:
    assert key_state(None, 0) is KeyState.NEVER_BOUND


@pytest.mark.parametrize("state", [KeyState.VALID, KeyState.EXPIRING, KeyState.EXPIRED])
def test_a_replacement_reports_the_loss_of_a_key_that_nobody_reported_yet(state: KeyState) -> None:
    assert decide(OrderKind.REPLACEMENT, state, None) == Proceed(declares_loss=True)
    assert decide(OrderKind.REPLACEMENT, KeyState.LOST, None) == Proceed(declares_loss=False)


def test_a_loss_reported_by_who_knows_of_a_later_lift_counts_past_it() -> None:
    key = KeyOnRecord("0003000000000001", "T1", 1, 2)
    lost = key.on_hold()
    again = lost.reported(lost.lifted())
    assert (again.lost, again.holds) == (True, lost.lifted().holds + 1)
