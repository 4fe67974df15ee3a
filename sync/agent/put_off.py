"""Which personal records wait before they are sent again (pure)."""

from __future__ import annotations

import msgspec

RETRY_SECONDS = 600
"""After which a record that the centre did not take is sent again."""


class _Put(msgspec.Struct, frozen=True):
    """Until when a record waits (milliseconds of the monotonic clock), or until further entries are at the centre."""

    until: int
    high_water: int | None


class PutOff:
    """The records that the centre did not take, as long as the process lasts."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Put] = {}

    def put_off(self, commitment: bytes, now: int, high_water: int | None = None) -> None:
        """Have a record wait; with `high_water` also until the centre has entries beyond it. `now` is monotonic, in milliseconds."""
        self._waiting[commitment] = _Put(now + RETRY_SECONDS * 1000, high_water)

    def is_due(self, commitment: bytes, now: int, high_water: int) -> bool:
        """Whether a record is to be sent now."""
        waiting = self._waiting.get(commitment)
        if waiting is None or now >= waiting.until:
            return True
        return waiting.high_water is not None and waiting.high_water != high_water
