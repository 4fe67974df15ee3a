"""Whether a row of the feed takes the place of the one that is held, pure and the same whatever arrived first.

It does where what is held is not later than what the row replaces, or is earlier in the same incarnation, or in any
where nothing could be stricter. Otherwise both stay, and of the two the stricter holds: a row that a centre wrote which was put back never undoes what it forgot.
"""

from __future__ import annotations

import enum

import msgspec

from kiosk.domain.feed import (
    AnyFeedBody,
    EnterprisePublished,
    KeyBoundElsewhere,
    OperatorPublished,
    Removed,
    StaffPublished,
)
from kiosk.domain.feed_keys import RowName, name_in_key
from kiosk.domain.members import Review, Role
from kiosk.domain.versions import Version


class Held(msgspec.Struct, frozen=True):
    """What is known of the row that is held under a key."""

    version: Version
    digest: bytes
    removed: bool = False


class Merging(enum.Enum):
    """What becomes of a row."""

    REPLACES = "replaces"
    SAME = "same"  # nothing new in it; its version is taken over
    LATE = "late"  # an earlier row of the same incarnation: nothing becomes of it
    CONTRADICTS = "contradicts"  # another fact under the key of an immutable one: kept, never applied
    BESIDE = "beside"  # both stay, the stricter holds


def merge(
    held: Held | None, key: str, version: Version, base: Version, digest: bytes, *, removes: bool = False
) -> Merging:
    """What becomes of a row under this key."""
    name = name_in_key(key)
    if held is None:
        return Merging.REPLACES
    if held.digest == digest:
        return Merging.SAME
    if name is not None and name.is_immutable:
        return Merging.REPLACES if held.removed or removes else Merging.CONTRADICTS
    if held.version <= base:
        return Merging.REPLACES
    same = held.version.incarnation == version.incarnation or name in _FOLLOWED
    if same and held.version != version:
        return Merging.REPLACES if held.version < version else Merging.LATE
    return Merging.BESIDE


def is_stricter(new: AnyFeedBody, held: AnyFeedBody) -> bool:
    """Whether the new one of two rows about the same allows less than the held one."""
    return strictness(new) > strictness(held)


def strictness(body: AnyFeedBody) -> int:
    """How much a row forbids; 0 where nothing compares."""
    match body:
        case OperatorPublished():
            return _REVIEWS[body.operator.review]
        case EnterprisePublished():
            return _REVIEWS[body.enterprise.review]
        case StaffPublished():
            return 0 if body.staff.role is Role.SUPERVISOR else 1
        case KeyBoundElsewhere():
            return _REMOVAL + 2 if body.revoked else _REMOVAL + 1 if body.lost else 0
        case Removed():
            return _REMOVAL
        case _:
            return 0


_FOLLOWED = frozenset({RowName.REGISTERED, RowName.OPEN_ORDERS, RowName.AUDIENCES, RowName.MATTER})
"""What the centre alone knows and nothing is stricter than: the latest incarnation's word counts."""
_REMOVAL = 3  # more than any operator's or staff member's row, less than a key's that is out of use
_REVIEWS = {Review.APPROVED: 0, Review.UNDER_REVIEW: 1, Review.REFUSED: 2}
