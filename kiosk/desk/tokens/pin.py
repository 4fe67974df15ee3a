"""Presenting the PIN: at most once a call, never again by the program itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.ports import WrongPin
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused

if TYPE_CHECKING:
    from hardware.ports import PinState, Token

_LEFT_TO_THE_MEMBER = 2


def unlock(token: Token, pin: str | None, *, factory_pin: str | None, last_try_confirmed: bool) -> None:
    """Verify the member's PIN or, when none was given, the factory PIN on a token with all its tries.

    `factory_pin` is None where it may not be tried. Raises TokenUnusable (PIN_WANTED, PIN_LAST_TRY, PIN_BLOCKED),
    TokenError.
    """
    state = token.pin_state()
    if state.blocked:
        raise TokenUnusable(TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0))
    if not pin:
        if factory_pin is None or not may_try_factory_pin(state):
            raise TokenUnusable(TokenRefused(TokenRefusal.PIN_WANTED, tries_left=state.tries_left))
        _try_factory_pin(token, factory_pin)
        return
    if state.tries_left == 1 and not last_try_confirmed:
        raise TokenUnusable(TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1))
    token.verify_pin(pin)


def may_try_factory_pin(state: PinState) -> bool:
    """Whether the factory PIN may be presented once, unasked: where that takes none of the last two tries.

    A member who changed the PIN needs those; a token that says that it still has the factory PIN loses none.
    """
    if not state.untouched or state.factory is False:
        return False
    return state.factory is True or (state.tries_left or 0) > _LEFT_TO_THE_MEMBER


def _try_factory_pin(token: Token, factory_pin: str) -> None:
    try:
        token.verify_pin(factory_pin)
    except WrongPin as error:
        # nobody typed it, so the member is asked for the PIN and not told of a mistake
        raise TokenUnusable(TokenRefused(TokenRefusal.PIN_WANTED, tries_left=error.tries_left)) from error
