"""When the factory PIN may be presented without anybody typing it."""

from __future__ import annotations

import pytest

from hardware.ports import PinState
from kiosk.desk.tokens.pin import may_try_factory_pin


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
