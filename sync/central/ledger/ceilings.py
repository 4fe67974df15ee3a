"""What a kiosk told of that its policy limits, counted over all its strands: a copy that is put back begins no count anew.

Losses, and lifts of holds, within a day; certificates, and money on its own word, that the centre had not received when an entry
was written. Of the other strands counts what was applied before the entry that is judged, so that a replay counts the same.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db.models import Q

from kiosk.domain.entries.bindings import CertificateIssued
from kiosk.domain.entries.keys import HoldLifted, KeyFound, LossReported
from kiosk.domain.entries.orders import OrderPaid
from kiosk.domain.exchange import EXCHANGE_KIOSK
from kiosk.domain.policy import DAY
from sync.central.journal.models import Fact, FactKind, Source, Strand
from sync.central.ledger.models import AppliedPortion
from sync.central.ledger.money import UNPROVED
from sync.central.ledger.readings import Told
from sync.central.tables import strand_number

_MUCH = 5000
"""The newest facts of a strand that are looked at: more than a policy allows, and a batch besides."""


class Place(NamedTuple):
    """Where an entry of the batch stands on its strand, and in the order of all."""

    kiosk: int
    strand: int
    sequence: int
    position: int


class _Limited(NamedTuple):
    """What is counted: the entries that are judged by it, the facts, and from which moment on for an entry."""

    bodies: tuple[type, ...]
    facts: Q
    since: Callable[[Told], int]


def _a_day_before(told: Told) -> int:
    return told.received_at - DAY


def _written(told: Told) -> int:
    return min(told.entry.wall, told.received_at)


_LOSSES = _Limited(
    (LossReported, KeyFound), Q(kind=FactKind.REVOCATION) & ~Q(certificate_number=""), _a_day_before
)
_LIFTS = _Limited((HoldLifted,), Q(kind=FactKind.LIFT), _a_day_before)
_CERTIFICATES = _Limited((CertificateIssued,), Q(kind=FactKind.CERTIFICATE), _written)
_PAYMENTS = _Limited((OrderPaid,), Q(kind=FactKind.MONEY, how__in=UNPROVED), _written)


class _Line(NamedTuple):
    """The facts of one strand, and how far it was applied: by which position which sequence, in rising order."""

    sequences: list[int]
    times: list[int]
    amounts: list[int]
    positions: list[int]
    applied: list[int]

    def received(self, until: int, since: int) -> tuple[int, int]:
        """How many up to that sequence were received from that moment on, and their amount in fen."""
        end = bisect.bisect_right(self.sequences, until)
        begin = min(end, bisect.bisect_left(self.times, since))
        return end - begin, self.amounts[end] - self.amounts[begin]

    def applied_at(self, position: int) -> int:
        """The sequence up to which the strand was applied before that position."""
        found = bisect.bisect_left(self.positions, position)
        return self.applied[found - 1] if found else 0


class Ceilings:
    """The counts that the entries of a batch need."""

    def __init__(self, batch: Sequence[Told], places: Sequence[Place]) -> None:
        """`places` are those of all entries of the batch, also of what cannot be read."""
        placed: dict[tuple[int, int], list[Place]] = defaultdict(list)
        for place in places:
            placed[place.kiosk, place.strand].append(place)
        self._losses = _Counted(batch, placed, _LOSSES)
        self._lifts = _Counted(batch, placed, _LIFTS)
        self._certificates = _Counted(batch, placed, _CERTIFICATES)
        self._payments = _Counted(batch, placed, _PAYMENTS)

    def losses(self, told: Told) -> int:
        """The losses up to this one within a day."""
        return self._losses.until(told)[0]

    def lifts(self, told: Told) -> int:
        """The lifts up to this one within a day."""
        return self._lifts.until(told)[0]

    def certificates(self, told: Told) -> int:
        """How many certificates up to this one had not been received when it was issued."""
        return self._certificates.until(told)[0]

    def payments(self, told: Told) -> int:
        """What had been taken on the kiosk's own word up to this entry and not been received, in fen."""
        return self._payments.until(told)[1]


class _Counted:
    """The facts of one kind that the kiosks of a batch told of, by kiosk and strand."""

    def __init__(
        self, batch: Iterable[Told], placed: Mapping[tuple[int, int], list[Place]], limited: _Limited
    ) -> None:
        self._limited = limited
        since: dict[int, int] = {}
        for told in batch:
            kiosk = told.entry.kiosk
            if isinstance(told.entry.body, limited.bodies) and kiosk != EXCHANGE_KIOSK:
                begin = limited.since(told)
                since[kiosk] = min(since.get(kiosk, begin), begin)
        strands = _strands(since, placed)
        start = min((each[0].position for each in placed.values()), default=0)
        self._lines = {
            kiosk: {
                each: self._line(kiosk, each, strands[kiosk], begin, placed, start) for each in strands[kiosk]
            }
            for kiosk, begin in since.items()
        }

    def until(self, told: Told) -> tuple[int, int]:
        """How many there were up to this entry since its moment, and their amount in fen."""
        count = amount = 0
        since = self._limited.since(told)
        for strand, line in self._lines.get(told.entry.kiosk, {}).items():
            until = told.entry.sequence if strand == told.strand else line.applied_at(told.position)
            more, worth = line.received(until, since)
            count, amount = count + more, amount + worth
        return count, amount

    def _line(
        self,
        kiosk: int,
        strand: int,
        strands: Sequence[int],
        since: int,
        placed: Mapping[tuple[int, int], list[Place]],
        start: int,
    ) -> _Line:
        own = placed.get((kiosk, strand), [])
        # Of an only strand nobody asks how far it was applied.
        before = 0 if own and len(strands) == 1 else _applied_before(kiosk, strand, start)
        last = own[-1].sequence if own else before
        rows = (
            Fact.objects.filter(self._limited.facts, kiosk=kiosk, strand=strand, source=Source.CHAIN)
            .filter(sequence__lte=last, received_at__gte=since)
            .order_by("-sequence")
            .values_list("sequence", "received_at", "amount")[:_MUCH]
        )
        facts = list(reversed(rows))
        return _Line(
            [sequence for sequence, _, _ in facts],
            list(itertools.accumulate((received for _, received, _ in facts), max)),
            [0, *itertools.accumulate(amount for _, _, amount in facts)],
            [0, *(each.position for each in own)],
            [before, *(each.sequence for each in own)],
        )


def _strands(since: Mapping[int, int], placed: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """The strands of each kiosk that received anything from its moment on, or have entries in the batch."""
    found = {kiosk: {strand for owner, strand in placed if owner == kiosk} for kiosk in since}
    if since:
        recent = Strand.objects.filter(kiosk__in=since, received_at__gte=min(since.values())).order_by()
        for kiosk, strand, received in recent.values_list("kiosk", "number", "received_at"):
            if received >= since[kiosk]:
                found[kiosk].add(strand)
    return {kiosk: sorted(strands) for kiosk, strands in found.items()}


def _applied_before(kiosk: int, strand: int, position: int) -> int:
    """The last sequence of a strand that was applied before that position; 0 for none."""
    portions = AppliedPortion.objects.filter(strand=strand_number(kiosk, strand), position__lt=position)
    return portions.order_by("-first").values_list("last", flat=True).first() or 0
