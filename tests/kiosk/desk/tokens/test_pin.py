"""When the factory PIN may be presented without anybody typing it."""

from __future__ import annotations

from typing import cast

import pytest

from hardware.ports import PinState, Token, WrongPin
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.tokens.pin import may_try_factory_pin, unlock
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused


@pytest.mark.parametrize(
    ("state", "may"),
    [
        (PinState(6, 6), True),
        (PinState(3, 3), True),
        (PinState(2, 2), False),
        (PinState(1, 1), False),
        (PinState(1, 1, factory=True), True),
        (PinState(5, 6, factory=True), False),
        (PinState(6, 6, factory=False), False),
        (PinState(None, None), False),
        (PinState(0, 0), False),
    ],
)
def test_the_factory_pin_takes_none_of_the_tries_that_a_member_with_another_pin_needs(
    state: PinState, *, may: bool
) -> None:
    assert may_try_factory_pin(state) is may


class NotFactoryFresh:
    """A token whose owner changed its PIN, which it does not tell."""

    tries_left = 6

    def pin_state(self) -> PinState:
        return PinState(self.tries_left, 6)

    def verify_pin(self, _pin: str) -> None:
        self.tries_left -= 1
        raise WrongPin(self.tries_left)


def test_a_factory_pin_that_is_wrong_asks_for_the_members_own_and_is_not_tried_again() -> None:
    token = NotFactoryFresh()
    for _ in range(2):
        with pytest.raises(TokenUnusable) as caught:
            unlock(cast("Token", token), None, factory_pin="111111", last_try_confirmed=False)
        assert caught.value.refused == TokenRefused(TokenRefusal.PIN_WANTED, tries_left=5)
