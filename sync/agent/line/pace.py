"""How long an exchange with the centre may wait: as a tank that waiting empties and moved bytes fill (pure)."""

from __future__ import annotations

LEAST_BYTES_A_SECOND = 1024
"""A line that is steadily slower than this is taken for a broken one."""
LONGEST_SECONDS = 1200.0
"""Of a whole exchange, however steady: the largest batch at the least rate takes a little less."""


class Pace:
    """What is left of one exchange that began at `now`; `patience` is how long nothing may move.

    Bytes that move give back the seconds that they need at the least rate, never more than `patience` in all: silence and
    a drip end an exchange alike, and a line that is slow and steady goes on. Only waiting counts, so that a machine that is
    too busy to read loses no answer that is already here. All in seconds; `now` is of a monotonic clock.
    """

    def __init__(self, patience: float, now: float) -> None:
        self.patience = patience
        self._left = patience
        self._end = now + patience + LONGEST_SECONDS

    def spend(self, waited: float, moved: int) -> None:
        """Take off what was waited, and give back for bytes that moved meanwhile, in either direction."""
        self._left = min(self.patience, self._left - waited + moved / LEAST_BYTES_A_SECOND)

    @property
    def left(self) -> float:
        """How long may still be waited for the next byte; 0 or less when only what is here already may be taken."""
        return self._left

    @property
    def used_up(self) -> str:
        """What is said when nothing is left."""
        return f"nothing, or less than {LEAST_BYTES_A_SECOND} bytes a second, for {self.patience:g} s"

    def over(self, now: float) -> bool:
        """Whether the whole exchange took too long, whatever still moves."""
        return now >= self._end
