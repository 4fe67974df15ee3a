"""Whether a row of the feed takes the place of those that stand under its key, pure and the same whatever arrived first.

Each centre that was put back goes on from what it had, so that a key may have a row of each branch. A row takes the place
of those that its writer knew of: the earlier ones of its own incarnation, and of the one that its `base` is of those up to
the base. The others stay beside it, and of all that stand the strictest holds: a centre that was put back never undoes what
it forgot, however often it writes.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from kiosk.domain.feed import (
    AnyFeedBody,
    EnterprisePublished,
    ErasureTold,
    KeyBoundElsewhere,
    OperatorPublished,
    Removed,
    StaffPublished,
)
from kiosk.domain.feed_keys import RowName, name_in_key
from kiosk.domain.members import Review, Role
from kiosk.domain.versions import Version


class Told(msgspec.Struct, frozen=True):
    """What is known of one row under a key; `strictness` is how much it forbids."""

    version: Version
    base: Version
    digest: bytes
    removed: bool = False
    strictness: int = 0


class Merging(enum.Enum):
    """What becomes of a row beside one that stands under its key."""

    REPLACES = "replaces"
    SAME = "same"  # nothing new in it; its version is taken over
    LATE = "late"  # the other one's writer knew of it: nothing becomes of it
    CONTRADICTS = "contradicts"  # another fact under the key of an immutable one: kept, never applied
    BESIDE = "beside"  # both stay, the stricter holds


def merge(stands: Told | None, key: str, told: Told) -> Merging:
    """What becomes of a row under this key."""
    name = name_in_key(key)
    if stands is None:
        return Merging.REPLACES
    if stands.digest == told.digest:
        return Merging.SAME
    if name is not None and name.is_immutable:
        return Merging.REPLACES if stands.removed or told.removed else Merging.CONTRADICTS
    if name in _FOLLOWED and stands.version != told.version:
        return Merging.REPLACES if stands.version < told.version else Merging.LATE
    if _knew(told, stands.version):
        return Merging.REPLACES
    return Merging.LATE if _knew(stands, told.version) else Merging.BESIDE


def settle(stand: Sequence[Told], key: str, told: Told) -> tuple[Told, ...]:
    """Which rows stand under a replaceable key once this one came, the one that holds first.

    Of those that are equally strict the later holds.
    """
    if any(merge(each, key, told) is Merging.LATE for each in stand):
        return tuple(stand)
    beside = [each for each in stand if merge(each, key, told) is Merging.BESIDE]
    return tuple(sorted([told, *beside], key=lambda each: (each.strictness, each.version), reverse=True))


def _knew(told: Told, other: Version) -> bool:
    """Whether a row's writer knew of another row under its key."""
    if other.incarnation == told.version.incarnation:
        return other.stamp < told.version.stamp
    return other.incarnation == told.base.incarnation and other.stamp <= told.base.stamp


def strictness(body: AnyFeedBody) -> int:  # noqa: PLR0911 - one case a kind
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
        case ErasureTold():
            return body.until
        case Removed():
            return _REMOVAL
        case _:
            return 0


_FOLLOWED = frozenset(
    {
        RowName.REGISTERED,
        RowName.OPEN_ORDERS,
        RowName.AUDIENCES,
        RowName.MATTER,
        RowName.DELIVERY,
        RowName.INVOICE,
        RowName.PROPOSAL,
    }
)
"""What the centre alone knows and nothing is stricter than: the latest incarnation's word counts."""
_REMOVAL = 3  # more than any operator's or staff member's row, less than a key's that is out of use
_REVIEWS = {Review.APPROVED: 0, Review.UNDER_REVIEW: 1, Review.REFUSED: 2}
