"""Passwords: Argon2id verifiers from the feed, and the lock-outs that survive a restart.

An unknown account costs the same work and gets the same answer as a wrong password.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kiosk.desk.status import feed_age
from kiosk.desk.views import LockedOut, WrongCredentials
from kiosk.domain.members import Operator, StaffMember
from kiosk.domain.policy import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction


PersonT = TypeVar("PersonT", Operator, StaffMember)

MINUTE = 60


class LockoutRule(msgspec.Struct, frozen=True):
    """So many wrong passwords within `window` seconds lock for `duration` seconds."""

    failures: int
    window: int
    duration: int

    @property
    def memory(self) -> int:
        """How far back (seconds) failures still matter."""
        return self.window + self.duration


ACCOUNT_RULE = LockoutRule(failures=5, window=15 * MINUTE, duration=15 * MINUTE)
KIOSK_RULE = LockoutRule(failures=20, window=15 * MINUTE, duration=5 * MINUTE)


class LockoutState(msgspec.Struct, frozen=True):
    """One scope's lock-out: `until` when locked, else None; `tries_left` before the next one."""

    until: int | None
    tries_left: int


def lockout_state(rule: LockoutRule, failures: Sequence[int], now: int) -> LockoutState:
    """Judge by the times of the failures; no failure is recorded while locked.

    Those later than now were recorded before the clock was set back, and count for nothing.
    """
    ordered = sorted(moment for moment in failures if moment <= now)
    locked_at = [
        moment
        for place, moment in enumerate(ordered)
        if place + 1 >= rule.failures and ordered[place + 1 - rule.failures] > moment - rule.window
    ]
    until = locked_at[-1] + rule.duration if locked_at else None
    recent = [moment for moment in ordered if moment > now - rule.window]
    if until is not None and now < until:
        return LockoutState(until, 0)
    return LockoutState(None, max(1, rule.failures - len(recent)))


_HASHER = PasswordHasher()

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
    Slow: Argon2id.
    """
    with desk.database.read() as tx:
        locked = _locked(tx, scopes, desk.clock.wall())
    if locked is not None:
        return locked
    verifier = person.verifier if person is not None else ""
    matches = _verify(verifier or desk.settings.dummy_verifier, password)
    now = desk.clock.wall()
    with desk.database.write() as tx:
        tx.lockouts.prune(now - _FORGOTTEN_AFTER)
        if person is not None and person.verifier and matches:
            tx.lockouts.clear(scopes.person)
            return person
        for scope in (scopes.person, scopes.kiosk):
            tx.lockouts.record(scope, now)
        locked = _locked(tx, scopes, now)
        if locked is not None:
            return locked
        left = min(
            lockout_state(rule, _failures(tx, rule, scope, now), now).tries_left
            for rule, scope in _rules(scopes)
        )
        return WrongCredentials(left, feed_age(tx, now))


def _rules(scopes: Scopes) -> tuple[tuple[LockoutRule, str], ...]:
    return (ACCOUNT_RULE, scopes.person), (KIOSK_RULE, scopes.kiosk)


def _failures(tx: Transaction, rule: LockoutRule, scope: str, now: int) -> list[int]:
    return tx.lockouts.failures(scope, now - rule.memory)


def _locked(tx: Transaction, scopes: Scopes, now: int) -> LockedOut | None:
    for rule, scope in _rules(scopes):
        until = lockout_state(rule, _failures(tx, rule, scope, now), now).until
        if until is not None:
            return LockedOut(until, whole_kiosk=scope == scopes.kiosk)
    return None


def _verify(verifier: str, password: str) -> bool:
    try:
        return _HASHER.verify(verifier, unicodedata.normalize("NFC", password))
    except (VerificationError, InvalidHashError):
        return False
