"""How many losses, and how many lifts of holds, a kiosk told of within a day, over all its strands.

Of the other strands counts what was applied before the entry that is judged, so that a replay counts the same.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Q

from kiosk.domain.entries import HoldLifted, KeyFound, LossReported
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.policy import DAY
from sync.central.journal.models import Fact, FactKind, Source, Strand
from sync.central.ledger.models import AppliedPortion
from sync.central.ledger.readings import Told
from sync.central.tables import strand_number

_MUCH = 2000
"""The newest facts of a strand that are looked at: more than a policy allows in a day, and a batch besides."""
_LOSS = Q(kind=FactKind.REVOCATION) & ~Q(certificate_number="")
_LIFT = Q(kind=FactKind.LIFT)


class Place(NamedTuple):
    """Where an entry of the batch stands on its strand, and in the order of all."""

    kiosk: int
    strand: int
    sequence: int
    position: int


class _Line(NamedTuple):
    """The facts of one strand, and how far it was applied: by which position which sequence, in rising order."""

    sequences: list[int]
    times: list[int]
    positions: list[int]
    applied: list[int]

    def received(self, until: int, since: int) -> int:
        """How many up to that sequence were received from that moment on."""
        end = bisect.bisect_right(self.sequences, until)
        return end - min(end, bisect.bisect_left(self.times, since))

    def applied_at(self, position: int) -> int:
        """The sequence up to which the strand was applied before that position."""
        found = bisect.bisect_left(self.positions, position)
        return self.applied[found - 1] if found else 0


class Daily:
    """The counts that the entries of a batch need."""

    def __init__(self, batch: Sequence[Told], places: Sequence[Place]) -> None:
        """`places` are those of all entries of the batch, also of what cannot be read."""
        self._losses = _lines(batch, places, (LossReported, KeyFound), _LOSS)
        self._lifts = _lines(batch, places, (HoldLifted,), _LIFT)

    def losses(self, told: Told) -> int:
        """The losses up to this one within a day."""
        return _count(self._losses, told)

    def lifts(self, told: Told) -> int:
        """The lifts up to this one within a day."""
        return _count(self._lifts, told)


def _count(lines: dict[int, dict[int, _Line]], told: Told) -> int:
    found = 0
    for strand, line in lines.get(told.entry.kiosk, {}).items():
        until = told.entry.sequence if strand == told.strand else line.applied_at(told.position)
        found += line.received(until, told.received_at - DAY)
    return found


def _lines(
    batch: Iterable[Told], places: Sequence[Place], bodies: tuple[type, ...], which: Q
) -> dict[int, dict[int, _Line]]:
    """The lines of each kiosk that has such an entry in the batch."""
    since: dict[int, int] = {}
    for told in batch:
        kiosk = told.entry.kiosk
        if isinstance(told.entry.body, bodies) and kiosk != EXCHANGE_KIOSK:
            begin = told.received_at - DAY
            since[kiosk] = min(since.get(kiosk, begin), begin)
    own: dict[tuple[int, int], list[Place]] = defaultdict(list)
    for place in places:
        own[place.kiosk, place.strand].append(place)
    return {kiosk: _of_kiosk(kiosk, begin, own, which, places[0].position) for kiosk, begin in since.items()}


def _of_kiosk(
    kiosk: int, since: int, own: dict[tuple[int, int], list[Place]], which: Q, start: int
) -> dict[int, _Line]:
    recent = Strand.objects.filter(kiosk=kiosk, received_at__gte=since).order_by()
    strands = {*recent.values_list("number", flat=True), *(strand for owner, strand in own if owner == kiosk)}
    found = {}
    for strand in sorted(strands):
        placed = own.get((kiosk, strand), [])
        before = _applied_before(kiosk, strand, start)
        last = placed[-1].sequence if placed else before
        rows = (
            Fact.objects.filter(which, kiosk=kiosk, strand=strand, source=Source.CHAIN)
            .filter(sequence__lte=last, received_at__gte=since)
            .order_by("-sequence")
            .values_list("sequence", "received_at")[:_MUCH]
        )
        facts = list(reversed(rows))
        found[strand] = _Line(
            [sequence for sequence, _ in facts],
            list(itertools.accumulate((received for _, received in facts), max)),
            [0, *(each.position for each in placed)],
            [before, *(each.sequence for each in placed)],
        )
    return found


def _applied_before(kiosk: int, strand: int, position: int) -> int:
    """The last sequence of a strand that was applied before that position; 0 for none."""
    portions = AppliedPortion.objects.filter(strand=strand_number(kiosk, strand), position__lt=position)
    return portions.order_by("-first").values_list("last", flat=True).first() or 0
