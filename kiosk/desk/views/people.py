"""Who is at the desk: what is typed at 验证信息 and at a sign-in, and the members and staff who gave the right password."""

from __future__ import annotations

import enum

import msgspec

from kiosk.desk.views.refusals import Refused
from kiosk.domain.fees import OrderKind


class Field(enum.StrEnum):
    """The fields of 验证信息; `fields_of` says which of them a kind has."""

    LEGAL_PERSON = "legal-person"
    ENTERPRISE = "enterprise"
    ACCOUNT = "account"
    OPERATOR = "operator"
    PASSWORD = "password"  # noqa: S105 - a field's name


def fields_of(kind: OrderKind) -> tuple[Field, ...]:
    """The fields of that kind, in the guide's order."""
    if kind is OrderKind.NEW:
        return (Field.LEGAL_PERSON, Field.ENTERPRISE, Field.ACCOUNT, Field.OPERATOR, Field.PASSWORD)
    return (Field.ACCOUNT, Field.PASSWORD, Field.ENTERPRISE)


class FieldRefusal(enum.StrEnum):
    """What is wrong with one field."""

    EMPTY = "empty"
    MALFORMED = "malformed"
    ORDER_NUMBER = "order-number"
    """An order number was typed where the account belongs."""
    DOES_NOT_MATCH = "does-not-match"


class Session(msgspec.Struct, frozen=True):
    """A member who gave the right password; held by the screens only while that member is there."""

    account: str
    operator: str
    enterprise: str
    since: int


class FieldsRefused(msgspec.Struct, frozen=True, tag="field-errors"):
    """All that is wrong with what was typed, by field; `feed_as_of` when offline and what does not match is the feed's.

    `operator` is the name on record, to be picked where it alone is wrong: the password has opened the account.
    """

    reasons: dict[Field, FieldRefusal]
    feed_as_of: int | None = None
    operator: str | None = None


class WrongCredentials(msgspec.Struct, frozen=True, tag="wrong-credentials"):
    """Unknown account or wrong password: one message. `tries_left` before the lock-out, `feed_as_of` when offline."""

    tries_left: int
    feed_as_of: int | None = None


class LockedOut(msgspec.Struct, frozen=True, tag="locked-out"):
    """Too many wrong passwords for the account, until that time."""

    until: int


class SignedIn(msgspec.Struct, frozen=True, tag="signed-in"):
    """The password was right."""

    session: Session


SignInOutcome = SignedIn | WrongCredentials | LockedOut | Refused


class StaffSession(msgspec.Struct, frozen=True):
    """A staff member who gave the right password."""

    name: str
    supervisor: bool


class StaffSignedIn(msgspec.Struct, frozen=True, tag="staff-signed-in"):
    """The staff member's password was right."""

    staff: StaffSession


StaffSignInOutcome = StaffSignedIn | WrongCredentials | LockedOut | Refused


class SecondAllowed(msgspec.Struct, frozen=True):
    """A supervisor allows an order beside one that was paid elsewhere."""

    staff: StaffSession
    reason: str
