"""状态: the inserted token and what is on record about it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hardware.ports import NotSupported, TokenNotPrepared
from hardware.token.self_test import random_self_test
from kiosk.desk.authority import require_staff
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys.views import KeyView
from kiosk.desk.status import feed_age, is_clock_long_behind
from kiosk.desk.tokens.ownership import Owner, owner_of
from kiosk.desk.tokens.reading import TokenFacts, unprepared_view
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views import Session, StaffSession, TokenRefusal, TokenRefused, TokenView
from kiosk.domain.policy import DAY

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction

# A card needs some milliseconds for each command, and a PIV card one command for eight bytes.
_SAMPLES = 2
_SAMPLE_LENGTH = 32


def key_status(desk: Desk, who: Session | StaffSession, serial: str | None = None) -> KeyView:
    """The token and what is on record about it; of another member's key a member learns only that it is another's.

    For staff the token's random numbers are checked as well: constant or repeated ones are a FAULT. Raises TokenUnusable; DeskRefused where the record does not know the staff member any more.
    """
    account = who.account if isinstance(who, Session) else None
    with chosen_token(desk, serial=serial, account=account) as chosen:
        try:
            facts = TokenFacts.as_far_as_readable(chosen.token)
        except TokenNotPrepared:
            if account is not None:
                raise
            return KeyView(unprepared_view(chosen.token, chosen.reader), KeyStatus.NOT_PREPARED)
        token = chosen.view(facts)
        if account is None:
            with contextlib.suppress(NotSupported):
                random_self_test(chosen.token, samples=_SAMPLES, length=_SAMPLE_LENGTH)
    with desk.database.read() as tx:
        owner = owner_of(tx, facts)
        if isinstance(who, StaffSession):
            require_staff(tx, who)
        elif owner.account not in (None, who.account):
            raise TokenUnusable(TokenRefused(TokenRefusal.ANOTHER_MEMBERS, found=facts.serial))
        return key_view(desk, tx, token, owner)


def key_view(desk: Desk, tx: Transaction, token: TokenView, owner: Owner) -> KeyView:
    """The token as the screens show it, with everything on record."""
    now = desk.clock.wall()
    end = token.not_after
    if owner.status is KeyStatus.OUT_OF_STEP and owner.key is not None:
        end = owner.key.not_after
    operator = tx.members.operator(owner.account) if owner.account is not None else None
    enterprise = tx.members.enterprise(operator.enterprise_code) if operator else None
    return KeyView(
        token=token,
        status=owner.status,
        account=owner.account,
        enterprise=enterprise.name if enterprise else None,
        operator=operator.name if operator else None,
        order=owner.order,
        days_left=None if end is None or is_clock_long_behind(tx, desk.clock) else (end - now) // DAY,
        feed_as_of=feed_age(tx, now),
    )
