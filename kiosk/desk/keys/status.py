"""状态: the inserted token and what is on record about it; and what it is without a password."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hardware.ports import NotSupported, TokenNotPrepared
from hardware.token.self_test import random_self_test
from kiosk.desk.authority import require_staff
from kiosk.desk.errors import TokenUnusable
from kiosk.desk.keys.views import KeyIntroduced, KeyView
from kiosk.desk.status import days_left, feed_age
from kiosk.desk.tokens.ownership import Owner, owner_of
from kiosk.desk.tokens.reading import TokenFacts, unprepared_view
from kiosk.desk.tokens.selection import chosen_token
from kiosk.desk.tokens.views import KeyStatus
from kiosk.desk.views.people import Session, StaffSession
from kiosk.desk.views.tokens import TokenRefusal, TokenRefused, TokenView

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
    with chosen_token(desk, serial=serial, account=account, by_staff=account is None) as chosen:
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


def introduce(desk: Desk) -> KeyIntroduced:
    """What the token that is in is, for whoever put it in: no name and no serial. Raises TokenUnusable."""
    with chosen_token(desk) as chosen:
        try:
            facts = TokenFacts.as_far_as_readable(chosen.token)
        except TokenNotPrepared:
            return KeyIntroduced(KeyStatus.NOT_PREPARED)
    with desk.database.read() as tx:
        owner = owner_of(tx, facts)
        mine = owner.status in {KeyStatus.IN_USE, KeyStatus.OUT_OF_STEP}
        end = _end(owner, owner.not_after) if mine else None
        return KeyIntroduced(
            status=owner.status,
            account=owner.account if mine else None,
            not_after=end,
            days_left=days_left(desk, tx, end),
        )


def _end(owner: Owner, on_token: int | None) -> int | None:
    """When the key's certificate ends (UTC seconds): the one on record where that is not the one on the token."""
    if owner.status is KeyStatus.OUT_OF_STEP and owner.key is not None:
        return owner.key.not_after
    return on_token


def key_view(desk: Desk, tx: Transaction, token: TokenView, owner: Owner) -> KeyView:
    """The token as the screens show it, with everything on record."""
    now = desk.clock.wall()
    end = _end(owner, token.not_after)
    operator = tx.members.operator(owner.account) if owner.account is not None else None
    enterprise = tx.members.enterprise(operator.enterprise_code) if operator else None
    return KeyView(
        token=token,
        status=owner.status,
        account=owner.account,
        enterprise=enterprise.name if enterprise else None,
        operator=operator.name if operator else None,
        order=owner.order,
        days_left=days_left(desk, tx, end),
        feed_as_of=feed_age(tx, now),
    )
