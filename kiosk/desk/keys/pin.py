"""修改PIN and 解锁PIN: every PIN is presented once, and the change is recorded after the token made it.

Where the token's answer was lost, the possible change is recorded too, so that every new PIN has an author.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from hardware.ports import (
    HardwareError,
    MalformedAnswer,
    PinState,
    ReaderUnavailable,
    TokenFault,
    TokenRemoved,
    TokenSwapped,
    VendorLibraryFailed,
    WrongPin,
)
from kiosk.desk.authority import identity_of, require_supervisor
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys.status import key_view
from kiosk.desk.tokens.own_key import require_own_key
from kiosk.desk.tokens.ownership import owner_of
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.entries.keys import PinChanged, PinChangeSkipped, PinUnblocked
from kiosk.domain.errors import EntryRefused
from kiosk.store.errors import StoreError
from kiosk.store.keys_on_record import key_on_record

if TYPE_CHECKING:
    from hardware.ports import Token
    from kiosk.desk.context import Desk
    from kiosk.desk.keys.views import KeyView
    from kiosk.desk.views.people import Session, StaffSession
    from kiosk.domain.entries.every import AnyBody


_LOG = structlog.get_logger()


def record_done(desk: Desk, body: AnyBody) -> None:
    """Append the entry of what the token did already; where that fails the log tells it."""
    try:
        with desk.database.write() as tx:
            tx.append(body, desk.clock)
    except (EntryRefused, StoreError) as error:
        _LOG.error("done and not recorded", entry=type(body).__name__, problem=str(error))


_FIRST_ERROR, _MEMORY_CHANGED, _LAST_PRECISE_ERROR = 0x62, 0x65, 0x6E

# After these the token may have taken the new PIN, or not.
_UNANSWERED = (TokenRemoved, TokenSwapped, MalformedAnswer, VendorLibraryFailed, ReaderUnavailable)


def change_pin(
    desk: Desk,
    session: Session,
    old: str | None,
    new: str,
    *,
    last_try_confirmed: bool = False,
    serial: str | None = None,
) -> KeyView:
    """Give the member's own key a PIN of the member's, once; a key that says it still has the factory PIN needs no old one.

    Raises TokenUnusable, PIN_UNCERTAIN where the answer was lost; DeskRefused.
    """
    with chosen_token(desk, serial=serial, account=session.account) as chosen:
        token = chosen.token
        facts = chosen.facts()
        before = chosen.view(facts)
        with desk.database.read() as tx:
            identity_of(tx)
            require_own_key(tx, session.account, facts)
            view = key_view(desk, tx, before, owner_of(tx, facts))
        current = _current(token, token.pin_state(), old, last_try_confirmed=last_try_confirmed)
        if new in (current, token.factory_pin):
            raise _trouble(TokenRefusal.PIN_UNCHANGED, facts.serial)
        try:
            token.change_pin(current, new)
        except WrongPin as error:
            if old:
                raise
            # the member did not type it: ask for the PIN instead of reporting a wrong one
            wanted = TokenRefused(TokenRefusal.PIN_WANTED, tries_left=error.tries_left)
            raise TokenUnusable(wanted) from error
        except HardwareError as error:
            if _may_have_taken(error):
                record_done(desk, PinChanged(session.account, facts.serial, certain=False))
                raise _trouble(TokenRefusal.PIN_UNCERTAIN, facts.serial) from error
            raise
    record_done(desk, PinChanged(session.account, facts.serial))
    return _with_new_pin(view)


def skip_pin_change(desk: Desk, session: Session, serial: str) -> None:
    """Record that the member did not change the factory PIN of the new key. Raises DeskRefused."""
    with desk.database.write() as tx:
        key = key_on_record(tx, session.account)
        if key is not None and key.token_serial == serial:
            tx.append(PinChangeSkipped(session.account, serial), desk.clock)


def unblock_pin(
    desk: Desk, staff: StaffSession, unblocking_pin: str | None, new: str, serial: str | None = None
) -> KeyView:
    """A supervisor gives the token a new PIN in place of a blocked or forgotten one, once.

    Raises TokenUnusable, PIN_UNCERTAIN where the answer was lost; DeskRefused NOT_ALLOWED.
    """
    with desk.database.read() as tx:
        identity_of(tx)
        require_supervisor(tx, staff)
    with chosen_token(desk, serial=serial, by_staff=True) as chosen:
        token = chosen.token
        facts = chosen.facts()
        before = chosen.view(facts)
        with desk.database.read() as tx:
            view = key_view(desk, tx, before, owner_of(tx, facts))
        unblocked = PinUnblocked(view.account or "", facts.serial, staff.name)
        if new == token.factory_pin:
            raise _trouble(TokenRefusal.PIN_UNCHANGED, facts.serial)
        try:
            token.unblock_pin(unblocking_pin or None, new)
        except HardwareError as error:
            if _may_have_taken(error):
                record_done(desk, replace(unblocked, certain=False))
                raise _trouble(TokenRefusal.PIN_UNCERTAIN, facts.serial) from error
            raise
    record_done(desk, unblocked)
    return _with_new_pin(view)


def _current(token: Token, state: PinState, old: str | None, *, last_try_confirmed: bool) -> str:
    """The PIN to present as the old one. Raises TokenUnusable where none may be presented."""
    if state.blocked:
        raise TokenUnusable(TokenRefused(TokenRefusal.PIN_BLOCKED, tries_left=0))
    if old:
        if state.tries_left == 1 and not last_try_confirmed:
            raise TokenUnusable(TokenRefused(TokenRefusal.PIN_LAST_TRY, tries_left=1))
        return old
    if not state.untouched or not state.factory:
        # to guess the PIN of a key in use would cost its owner a try
        raise TokenUnusable(TokenRefused(TokenRefusal.PIN_WANTED, tries_left=state.tries_left))
    return token.factory_pin


def _may_have_taken(error: HardwareError) -> bool:
    """Whether the token may have taken the new PIN all the same."""
    return isinstance(error, _UNANSWERED) or (isinstance(error, TokenFault) and _may_have_written(error))


def _may_have_written(fault: TokenFault) -> bool:
    """Whether the card may have changed its memory (ISO/IEC 7816-4, 5.6): 65xx, 6Fxx, and what is no status word."""
    first = fault.status_word >> 8
    return first == _MEMORY_CHANGED or not _FIRST_ERROR <= first <= _LAST_PRECISE_ERROR


def _with_new_pin(view: KeyView) -> KeyView:
    """The key after it took a new PIN, all tries there again. Nothing is read: nothing may fail any more."""
    token = view.token
    taken = replace(token, tries_left=token.tries_allowed, pin_blocked=False, factory_pin=False)
    return replace(view, token=taken)


def _trouble(trouble: TokenRefusal, serial: str) -> TokenUnusable:
    return TokenUnusable(TokenRefused(trouble, found=serial))
