"""What one batch takes: of every strand that has news, its next entries, in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

PORTION = 500
"""The most entries that one batch takes of a strand."""
BATCH = 1000
"""The most entries of a batch, so that writing it holds nobody up for long."""
SUSPECTED = 2
"""Failures after which a strand goes alone and entry by entry."""
CONDEMNED = 4
"""Failures after which the one entry that was tried is set aside."""


class Progress(msgspec.Struct, frozen=True):
    """How far a strand is: the sequence of its last entry here, of the last one applied, and failures since."""

    strand: int
    head: int
    applied: int
    failures: int = 0


class Portion(msgspec.Struct, frozen=True):
    """Consecutive entries of one strand; `condemned` when they are to be set aside unread."""

    strand: int
    first: int
    last: int
    condemned: bool = False

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self.last - self.first + 1


def next_of_kiosk(strands: Sequence[Progress], arrivals: Mapping[int, Sequence[int]]) -> Progress:
    """The one of a kiosk's strands with entries to apply whose next entry came first, up to where another one goes on.

    A machine that took in what is on another strand may enter what follows from it on its own, so that a kiosk's entries
    are applied in the order in which they came. `arrivals` are those of the next entries of each strand, some at least.
    """
    first, *others = sorted(strands, key=lambda each: (arrivals[each.strand][0], each.strand))
    until = min((arrivals[each.strand][0] for each in others), default=None)
    came = [each for each in arrivals[first.strand] if until is None or each <= until]
    return replace(first, head=min(first.head, first.applied + len(came)))


def choose(
    strands: Iterable[Progress], served: int, *, suspects: bool = False, limit: int = BATCH
) -> tuple[Portion, ...]:
    """The portions of the next batch, from the strand after `served` on; empty when nothing is left.

    A strand whose entries failed goes alone, one entry at a time, when it is the `suspects`' turn or nothing else is left.
    """
    pending = [each for each in strands if each.head > each.applied]
    sound = [each for each in pending if each.failures < SUSPECTED]
    failed = [each for each in pending if each.failures >= SUSPECTED]
    if failed and (suspects or not sound):
        return (_single(min(failed, key=lambda each: (each.failures, each.strand))),)
    portions, left = [], limit
    for each in sorted(sound, key=lambda each: (each.strand <= served, each.strand)):
        size = min(each.head - each.applied, PORTION, left)
        if not size:
            break
        portions.append(Portion(each.strand, each.applied + 1, each.applied + size))
        left -= size
    return tuple(portions)


def _single(progress: Progress) -> Portion:
    place = progress.applied + 1
    return Portion(progress.strand, place, place, condemned=progress.failures >= CONDEMNED)
