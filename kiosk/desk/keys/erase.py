"""清空: making a token blank, or preparing one that lacks the desk's application; and who may do so to which token.

The entry is written before the token is touched. A kill, a pulled token or a card that refuses then leaves a token
that is as it was, or half erased, beside an entry that says who began; erasing again completes it under an
entry of its own. If it were written afterwards, a kill would leave a blank token without an explanation.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from hardware.ports import TokenNotPrepared
from kiosk.desk.authority import require_staff
from kiosk.desk.errors import DeskRefused, TokenUnusable
from kiosk.desk.keys.status import key_view
from kiosk.desk.tokens.ownership import owner_of, owner_of_unprepared
from kiosk.desk.tokens.reading import TokenFacts
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.refusals import Refusal
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused
from kiosk.domain.entries.keys import KeyErased
from kiosk.domain.members import Role

if TYPE_CHECKING:
    from hardware.ports import Token
    from kiosk.desk.context import Desk
    from kiosk.desk.keys.views import KeyView
    from kiosk.desk.views.people import StaffSession


class Eraser(enum.StrEnum):
    """Who may erase a token."""

    STAFF = "staff"
    SUPERVISOR = "supervisor"
    NOBODY = "nobody"


_ERASERS: dict[KeyStatus, Eraser] = {
    # its owner logs in with it: a loss has to be reported first
    KeyStatus.IN_USE: Eraser.NOBODY,
    KeyStatus.OUT_OF_STEP: Eraser.NOBODY,
    # the binding continues with what is on it: a supervisor has to abandon it first
    KeyStatus.UNDER_WAY: Eraser.NOBODY,
    # its owner may still come for it and have the hold lifted; erased, only a replacement is left
    KeyStatus.ON_HOLD: Eraser.SUPERVISOR,
    # another authority's certificate, an unknown key pair, or unreadable contents: somebody may still need it
    KeyStatus.UNKNOWN: Eraser.SUPERVISOR,
    # nothing on it allows a login
    KeyStatus.REVOKED: Eraser.STAFF,
    KeyStatus.BLANK: Eraser.STAFF,
    # a token that came without the desk's application is prepared by this, unless its serial is that of a key
    KeyStatus.NOT_PREPARED: Eraser.STAFF,
}


def may_erase(status: KeyStatus, *, unexpired_member: bool) -> Eraser:
    """Who may erase a token of that status.

    `unexpired_member` when a member's certificate that has not ended is on it: where this kiosk does not know it, it
    is taken for a key in use at another one.
    """
    if status is KeyStatus.UNKNOWN and unexpired_member:
        return Eraser.NOBODY
    return _ERASERS[status]


def erase(desk: Desk, staff: StaffSession, serial: str) -> KeyView:
    """Make the token of that very serial blank. Raises TokenUnusable (IN_USE), DeskRefused (NOT_ALLOWED)."""
    with desk.database.read() as tx:
        require_staff(tx, staff)
    with chosen_token(desk, serial=serial, by_staff=True) as chosen:
        _set_about(desk, staff, _facts(chosen.token))
        chosen.token.erase()
        facts = chosen.facts()
        view = chosen.view(facts)
    with desk.database.read() as tx:
        return key_view(desk, tx, view, owner_of(tx, facts))


def _facts(token: Token) -> TokenFacts | str:
    """What is on the token; its serial alone where it lacks the application. Raises TokenError."""
    try:
        return TokenFacts.as_far_as_readable(token)
    except TokenNotPrepared:
        return token.serial


def _set_about(desk: Desk, staff: StaffSession, found: TokenFacts | str) -> None:
    """Record who erases what, after checking that it may be erased. Raises TokenUnusable, DeskRefused."""
    with desk.database.write() as tx:
        member = require_staff(tx, staff)
        if isinstance(found, str):
            owner, serial = owner_of_unprepared(tx, found), found
        else:
            owner, serial = owner_of(tx, found), found.serial
        unexpired = owner.not_after is not None and owner.not_after >= desk.clock.wall()
        match may_erase(owner.status, unexpired_member=unexpired):
            case Eraser.NOBODY:
                raise TokenUnusable(TokenRefused(TokenRefusal.IN_USE, found=serial))
            case Eraser.SUPERVISOR if not staff.supervisor or member.role is not Role.SUPERVISOR:
                raise DeskRefused(Refusal.NOT_ALLOWED)
            case Eraser.SUPERVISOR | Eraser.STAFF:
                body = KeyErased(owner.account or "", serial, staff.name, owner.certificate)
                tx.append(body, desk.clock)
