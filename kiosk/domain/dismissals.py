"""A row that a kiosk could not apply and that staff at the centre have seen to: the kiosk forgets that row and no other."""

from __future__ import annotations

from kiosk.domain.feed import MatterPublished
from kiosk.domain.versions import Version, parse_version

KEPT_RULE = "row-kept"
"""The rule of the matter that a row which was kept is."""
KEPT_DISMISSED = "kept-dismissed"
"""The outcome of the matter of that rule by which staff close it."""


def dismissal(audience: int, version: Version) -> MatterPublished:
    """What tells a kiosk to forget the row of that audience and version, if it keeps it."""
    return MatterPublished(KEPT_RULE, f"{audience}/{version}", "", 0, KEPT_DISMISSED)


def dismissed_row(matter: MatterPublished) -> tuple[int, Version] | None:
    """The audience and version of the row to forget; None where the matter is another one. Raises ValueError."""
    if matter.rule != KEPT_RULE or matter.outcome != KEPT_DISMISSED:
        return None
    audience, _, version = matter.subject.partition("/")
    return int(audience), parse_version(version)
