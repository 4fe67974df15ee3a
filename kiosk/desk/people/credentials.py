"""Passwords: Argon2id verifiers from the feed, and the lock-outs that survive a restart.

An unknown account costs the same work and gets the same answer as a wrong password. Tries on one account lock it; tries on
many make every further one slow and lock nobody out: whoever types rightly gets in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from kiosk.desk.status import feed_age
from kiosk.desk.views.people import LockedOut, WrongCredentials
from kiosk.domain.lockouts import ACCOUNT_RULE, KIOSK_RULE, LockoutState, lockout_state, pause_before
from kiosk.domain.members import Operator, StaffMember
from kiosk.domain.policy import DAY
from kiosk.pki.passwords import password_matches

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction


PersonT = TypeVar("PersonT", Operator, StaffMember)

# How long failures are stored (seconds): well past every rule that counts them. An order's are never deleted.
_FORGOTTEN_AFTER = 30 * DAY


class Scopes(msgspec.Struct, frozen=True):
    """The scopes under which failures are counted: one person's, and the whole kiosk's."""

    person: str
    kiosk: str


def member_scopes(account: str) -> Scopes:
    """The scopes of a member's sign-in."""
    return Scopes(f"account:{account}", "members")


def staff_scopes(name: str) -> Scopes:
    """The scopes of a staff member's sign-in."""
    return Scopes(f"staff:{name}", "staff")


def authenticate(
    desk: Desk, scopes: Scopes, person: PersonT | None, password: str
) -> PersonT | WrongCredentials | LockedOut:
    """The person, when the password is right; a wrong one is recorded before the answer is given.

    `person` is None for an unknown one; one without a password has an empty verifier. While locked nothing is checked.
    Slow: Argon2id, and a pause after many failures at this kiosk.
    """
    now = desk.clock.wall()
    with desk.database.read() as tx:
        locked = _locked(tx, scopes.person, now)
        pause = pause_before(KIOSK_RULE, tx.lockouts.failures(scopes.kiosk, now - KIOSK_RULE.window), now)
    if locked is not None:
        return locked
    if pause:
        desk.sleep(pause)
    verifier = person.verifier if person is not None else ""
    matches = password_matches(verifier or desk.settings.dummy_verifier, password)
    now = desk.clock.wall()
    with desk.database.write() as tx:
        tx.lockouts.prune(now - _FORGOTTEN_AFTER)
        if person is not None and person.verifier and matches:
            tx.lockouts.clear(scopes.person)
            return person
        for scope in (scopes.person, scopes.kiosk):
            tx.lockouts.record(scope, now)
        return _locked(tx, scopes.person, now) or WrongCredentials(
            _state(tx, scopes.person, now).tries_left, feed_age(tx, now)
        )


def _state(tx: Transaction, person: str, now: int) -> LockoutState:
    return lockout_state(ACCOUNT_RULE, tx.lockouts.failures(person, now - ACCOUNT_RULE.memory), now)


def _locked(tx: Transaction, person: str, now: int) -> LockedOut | None:
    until = _state(tx, person, now).until
    return None if until is None else LockedOut(until)
