"""Where this kiosk's journal stands against the centre's: pure.

NothingMissing   the centre has everything up to `high_water`; what follows is to be sent
TailLost         the centre has more than this kiosk: it was restored from a copy
Forked           the centre has another entry under a sequence that this kiosk wrote
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.domain.entries import Tip


class NothingMissing(msgspec.Struct, frozen=True):
    """The centre's journal is a beginning of this one, up to that sequence."""

    high_water: int


class TailLost(msgspec.Struct, frozen=True):
    """The entries after `after`, up to `until`, are only at the centre."""

    after: int
    until: Tip


class Forked(msgspec.Struct, frozen=True):
    """Two entries have that sequence."""

    sequence: int


Alignment = NothingMissing | TailLost | Forked


def align(ours: Tip | None, centre: Tip | None, hash_at: Callable[[int], bytes | None]) -> Alignment:
    """Compare the two tips; `hash_at` gives the hash of this kiosk's entry of a sequence."""
    if centre is None:
        return NothingMissing(0)
    if ours is None or centre.sequence > ours.sequence:
        return TailLost(0 if ours is None else ours.sequence, centre)
    if hash_at(centre.sequence) != centre.hash:
        return Forked(centre.sequence)
    return NothingMissing(centre.sequence)
