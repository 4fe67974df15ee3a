"""The kiosk's journal compared with the centre's (pure).

NothingMissing   the centre has everything up to `high_water`; the entries after it are to be sent
TailLost         the centre has more than this kiosk, which was restored from a copy
Forked           the strand goes another way than this journal, from that sequence number or before
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.domain.entries.body import Tip


class NothingMissing(msgspec.Struct, frozen=True):
    """The centre's journal is the beginning of this one, up to that sequence number."""

    high_water: int


class TailLost(msgspec.Struct, frozen=True):
    """Only the centre has the entries after `after`, up to `until`."""

    after: int
    until: Tip


class Forked(msgspec.Struct, frozen=True):
    """The strand has another entry than this journal at that sequence number."""

    sequence: int


Alignment = NothingMissing | TailLost | Forked


def align(
    ours: Tip | None, centre: Tip | None, hash_at: Callable[[int], bytes | None], *, known: bool
) -> Alignment:
    """Compare this journal's tip with that of one of the centre's strands; `known` when the strand has our tip.

    `hash_at` gives the hash of this kiosk's entry at a sequence number.
    """
    if centre is None:
        return NothingMissing(0)
    if known and (ours is None or centre.sequence > ours.sequence):
        return TailLost(0 if ours is None else ours.sequence, centre)
    if hash_at(centre.sequence) != centre.hash:
        return Forked(centre.sequence)
    return NothingMissing(centre.sequence)
