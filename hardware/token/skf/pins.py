"""The PIN functions (GM/T 0016-2012, 7.2.4 to 7.2.7): each PIN is presented once and never again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from hardware.ports import (
    MalformedAnswer,
    NotSupported,
    PinInvalid,
    PinState,
    TokenError,
    TokenFault,
)
from hardware.token.skf.codes import SarCode
from hardware.token.skf.errors import WRONG, pin_error_of, unblocking_error_of
from hardware.token.skf.session import number_of

if TYPE_CHECKING:
    from hardware.token.skf.session import SkfSession

ADMINISTRATOR: Final = 0
USER: Final = 1
"""The kinds of PIN (GM/T 0016-2012, 6.3)."""

_OF_THE_PIN: Final = WRONG | {SarCode.PIN_LOCKED}
"""The answers that say of themselves what is with the PIN."""

_MOST_TRIES: Final = 255


def pin_state(session: SkfSession, application: int, kind: int = USER) -> PinState:
    """Ask for a PIN's tries and whether it is the factory's; all None where the library cannot say."""
    code, answer = session.call("SKF_GetPINInfo", application, kind)
    if code == SarCode.NOT_SUPPORTED_YET:
        return PinState(None, None)
    if code != SarCode.OK:
        raise session.failure("SKF_GetPINInfo", answer, code)
    allowed, left, factory = (number_of(answer, index) for index in range(3))
    if not left <= allowed <= _MOST_TRIES:
        raise MalformedAnswer("the tries of the PIN cannot be")
    return PinState(left, allowed, bool(factory))


def verify_pin(session: SkfSession, application: int, pin: bytes, before: int | None) -> None:
    """Present the user PIN, which has `before` tries. Raises WrongPin, PinBlocked."""
    code, answer = session.call("SKF_VerifyPIN", application, USER, pin)
    if code != SarCode.OK:
        session.require_presence("SKF_VerifyPIN", answer, code)
        code, left = _judged(session, application, USER, code, number_of(answer, -1), before)
        raise pin_error_of("SKF_VerifyPIN", answer.code, code, left)


def change_pin(session: SkfSession, application: int, old: bytes, new: bytes, before: int | None) -> None:
    """Give the user PIN, which has `before` tries, another value. Raises WrongPin, PinBlocked."""
    code, answer = session.call("SKF_ChangePIN", application, USER, old, new)
    if code != SarCode.OK:
        session.require_presence("SKF_ChangePIN", answer, code)
        code, left = _judged(session, application, USER, code, number_of(answer, -1), before)
        raise pin_error_of("SKF_ChangePIN", answer.code, code, left)


def unblock_pin(session: SkfSession, application: int, administrator: bytes, new: bytes) -> None:
    """Give the user PIN a new value with the administrator PIN. Raises UnblockingPinRefused, UnblockingPinBlocked."""
    before = _counted(session, application, ADMINISTRATOR)
    code, answer = session.call("SKF_UnblockPIN", application, administrator, new)
    if code != SarCode.OK:
        session.require_presence("SKF_UnblockPIN", answer, code)
        code, left = _judged(session, application, ADMINISTRATOR, code, number_of(answer, -1), before)
        raise unblocking_error_of("SKF_UnblockPIN", answer.code, code, left)


def user_pin(session: SkfSession, pin: str) -> bytes:
    """Return a user PIN's bytes. Raises PinInvalid where the text can be none of such a key's."""
    profile = session.profile
    if not profile.pin_possible(pin):
        raise PinInvalid(
            f"a PIN has {profile.shortest_pin} to {profile.longest_pin} printable ASCII characters"
        )
    return pin.encode()


def _judged(
    session: SkfSession, application: int, kind: int, code: SarCode | None, reported: int, before: int | None
) -> tuple[SarCode | None, int | None]:
    """Tell what a refusal means, and how many tries are left.

    Vendors refuse a wrong PIN by numbers that are in no table; where the key counted a try it was one.
    """
    if code not in _OF_THE_PIN and before is not None:
        # Whatever comes of this question, the refusal stands.
        with contextlib.suppress(TokenError):
            left = _counted(session, application, kind)
            if left is not None and left < before:
                return SarCode.PIN_INCORRECT, left
    return code, _tries_left(session, application, kind, code, reported)


def _counted(session: SkfSession, application: int, kind: int) -> int | None:
    """Ask for a PIN's tries; None where the library does not say."""
    with contextlib.suppress(MalformedAnswer, TokenFault, NotSupported):
        return pin_state(session, application, kind).tries_left
    return None


def _tries_left(
    session: SkfSession, application: int, kind: int, code: SarCode | None, reported: int
) -> int | None:
    """Tell how many tries are left after a refused PIN.

    A library need not fill the number that the refusal comes with: nought is asked again.
    """
    if code in WRONG and not reported:
        # Whatever comes of this question, the PIN was refused.
        with contextlib.suppress(TokenError):
            return pin_state(session, application, kind).tries_left
        return None
    return reported if reported <= _MOST_TRIES else None
