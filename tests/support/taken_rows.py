"""What a kiosk in memory has taken of its feed."""

from __future__ import annotations

from kiosk.domain.members import Operator, Review
from kiosk.domain.versions import audience_of_kiosk
from tests.support.memory_desk import Desk

OWN = audience_of_kiosk(3)
OPERATOR = Operator("11000001", "9111", "李晓梅", Review.APPROVED, "$argon2id$1")


def problems(desk: Desk) -> list[str]:
    """Why rows are not applied."""
    with desk.database.read() as tx:
        return [each.problem for each in tx.feed.rows.unapplied()]


def operator(desk: Desk) -> Operator | None:
    """What is held under the account of OPERATOR."""
    with desk.database.read() as tx:
        return tx.members.operator("11000001")


def is_whole(desk: Desk) -> bool:
    """Whether every audience was read to its head."""
    with desk.database.read() as tx:
        return tx.feed.rows.is_whole()


def known(desk: Desk) -> int:
    """How many operators are held."""
    with desk.database.read() as tx:
        return tx.members.counts().operators
