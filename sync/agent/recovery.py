"""Recovery after a restored copy: the missing entries are fetched from the centre, and a new epoch begins.

The fetched entries are imported in one transaction with the new epoch's first entry, so that nothing can be appended
between them. Where the desk appended meanwhile nothing is imported: its entries begin a strand of their own. What other
strands of this kiosk have is fetched as well, so that no order of its number is unknown here.

All is folded in the order in which the centre received it. A machine enters what follows from another strand's entry only once
the centre had that one: whatever an entry relies on comes before it, and the books are made in the same order. A centre that does
not tell of it has the own strand's entries come first, then the others' by number.
"""

from __future__ import annotations

import heapq
import operator
from itertools import groupby, islice, repeat
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from kiosk.domain.entries.body import Tip
from kiosk.domain.errors import ChainBroken, EntryMalformed
from kiosk.domain.journal import SealedEntry, check_link, unseal
from sync.agent.errors import AnswerUnusable
from sync.agent.feed.taking import judge_kept
from sync.protocol.records import EpochRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kiosk.store.transaction import Transaction
    from sync.agent.context import Agent
    from sync.protocol.records import JournalPage, StrandMark

REASON = "restored"
_AT_ONCE = 200
"""Entries of other strands that one transaction folds, beside the desk's."""


def recover(agent: Agent, epoch: int | None = None, strand: int = 0) -> int:
    """Fetch the missing entries of a strand and begin a new epoch; the result says how many there were.

    `epoch` is an epoch that the centre has given already; without a strand it is the one that received last. Raises
    ExchangeFailed, RequestRefused, StoreError.
    """
    with agent.database.read() as tx:
        tip = tx.journal.tip()
    missing = _Missing(tip, strand)
    missing.fetch(agent)
    if epoch is None or any(each.sealed.entry.epoch == epoch for each in missing.own):
        given = agent.centre.epoch(EpochRequest(tip, REASON, missing.strand))
        epoch = given.epoch
        end = missing.end
        if given.high_water is not None and (end is None or given.high_water.sequence > end.sequence):
            missing.fetch(agent)
    end = missing.end
    with agent.database.write() as tx:
        if tx.journal.tip() != tip:
            agent.log.warning("entries were written during the recovery")
            return 0
        missing.enter(tx)
        tx.begin_epoch(epoch, agent.clock, given_by_centre=True)
        state = replace(tx.agent.get(), high_water=0 if end is None else end.sequence, strand=missing.strand)
        tx.agent.put(state)
        judge_kept(tx, agent.clock)
    count = len(missing.own)
    agent.log.info("epoch began", epoch=epoch, entries_back=count, of_other_strands=len(missing.came) - count)
    return count


def part(agent: Agent, strand: int) -> None:
    """Leave a strand on which a copy of this store goes on: with a new epoch, by which the next upload branches.

    Two copies that took back each other's entries instead would do so for ever. Raises ExchangeFailed, RequestRefused,
    StoreError.
    """
    with agent.database.read() as tx:
        tip = tx.journal.tip()
    epoch = agent.centre.epoch(EpochRequest(tip, REASON, strand)).epoch
    with agent.database.write() as tx:
        if tx.journal.tip() == tip:
            tx.begin_epoch(epoch, agent.clock, given_by_centre=True)
    agent.log.warning("a copy of this store is at work", epoch=epoch)


class _Missing:
    """What a store lacks of its own strand after `tip`, and of the others: `came` as it arrived, `end` the strand's tip after that."""

    def __init__(self, tip: Tip | None, strand: int) -> None:
        self.end = tip
        self.strand = strand
        self.came: list[_Arrived] = []
        self._reached: dict[int, int] = {}

    @property
    def own(self) -> list[_Arrived]:
        """What came of the own strand."""
        return [each for each in self.came if not each.is_other]

    def fetch(self, agent: Agent) -> None:
        """Fetch what is there now. Raises ExchangeFailed, RequestRefused."""
        page = agent.centre.own_entries(0 if self.end is None else self.end.sequence, self.strand)
        self.strand = page.strand
        if not page.strand:
            return
        with agent.database.read() as tx:
            others = _others_wanted(tx, page.strands, page.strand)
        wanted = {number: max(past, self._reached.get(number, 0)) for number, past in others.items()}
        for each in _arrived(agent, wanted, page):
            if each.is_other:
                self._reached[each.strand] = each.sealed.entry.sequence
            else:
                self.end = _continued(self.end, each)
            self.came.append(each)

    def enter(self, tx: Transaction) -> None:
        """Enter all of it. Raises AnswerUnusable."""
        try:
            for strand, is_other, entries in _in_runs(self.came):
                if is_other:
                    tx.import_other(strand, entries)
                else:
                    tx.import_entries(entries)
        except ChainBroken as error:
            raise AnswerUnusable(f"entries of another strand came that continue nothing: {error}") from error


def _continued(end: Tip | None, each: _Arrived) -> Tip:
    try:
        return check_link(end, each.sealed)
    except ChainBroken as error:
        raise AnswerUnusable(f"entries came back that do not continue this journal: {error}") from error


def fold_other_strands(agent: Agent, marks: tuple[StrandMark, ...]) -> int:
    """Fetch the entries of other strands that are not here, and fold them; the result says how many there were.

    Nothing is fetched before the centre has said which strand is this journal's, or once that went on without it: the next
    upload makes a strand of its own. Raises ExchangeFailed, RequestRefused, ChainBroken, StoreError.
    """
    with agent.database.read() as tx:
        state = tx.agent.get()
        wanted = _others_wanted(tx, marks, state.strand) if _has_whole(tx, marks, state.strand) else {}
    if state.retired or state.unconfirmed or not wanted:
        return 0
    count, coming = 0, _arrived(agent, wanted)
    while came := list(islice(coming, _AT_ONCE)):
        with agent.database.write() as tx:
            new = sum(tx.import_other(strand, entries) for strand, _, entries in _in_runs(came))
            if new and tx.identity is not None and tx.identity.epoch:
                judge_kept(tx, agent.clock)
            count += new
    if count:
        agent.log.info("entries of other strands", entries=count)
    return count


class _Arrived(NamedTuple):
    """An entry of a strand; `arrival` rises as the centre received a kiosk's entries."""

    arrival: int
    is_other: bool
    strand: int
    sealed: SealedEntry


def _has_whole(tx: Transaction, marks: Iterable[StrandMark], own: int) -> bool:
    """Whether the journal runs along that strand to its end.

    Of one that another copy went on with, or whose number another strand has since a restore, nobody can say up to where.
    """
    ends = [mark.high_water for mark in marks if mark.strand == own]
    return any(tx.journal.tip_at(end.sequence) == end for end in ends)


def _others_wanted(tx: Transaction, marks: Iterable[StrandMark], own: int) -> dict[int, int]:
    """The strands beside the own one that have more than is here, each with the sequence after which that is.

    The own strand is here to its end, or is being fetched.
    """
    by_number = {mark.strand: mark for mark in marks}
    if own not in by_number:
        return {}
    shared = _shared(by_number, own)
    wanted = {}
    for number, mark in by_number.items():
        after = max(tx.other_strands.last_sequence(number), shared.get(number, mark.branch_sequence))
        if number != own and after < mark.high_water.sequence:
            wanted[number] = after
    return wanted


def _shared(marks: Mapping[int, StrandMark], own: int) -> dict[int, int]:
    """Up to which sequence our own line runs along each strand that it came from."""
    shared: dict[int, int] = {}
    mark = marks.get(own)
    while mark is not None and mark.parent not in shared:
        shared[mark.parent] = mark.branch_sequence
        mark = marks.get(mark.parent)
    return shared


def _arrived(agent: Agent, wanted: Mapping[int, int], own: JournalPage | None = None) -> Iterator[_Arrived]:
    """The entries of these strands' lines, each after its sequence, as they arrived; fetched page by page.

    `own` is the own line's first page, which was fetched already. Raises ExchangeFailed, RequestRefused.
    """
    lines = [_line(agent, number, after) for number, after in sorted(wanted.items())]
    if own is not None:
        lines.append(_line(agent, own.strand, 0, own))
    return heapq.merge(*lines, key=lambda each: each[:3])


def _in_runs(entries: Iterable[_Arrived]) -> Iterator[tuple[int, bool, list[SealedEntry]]]:
    """Those of one strand that follow each other together: the strand, whether it is another, the entries."""
    for (strand, is_other), run in groupby(entries, operator.attrgetter("strand", "is_other")):
        yield strand, is_other, [each.sealed for each in run]


def _line(agent: Agent, strand: int, after: int, own: JournalPage | None = None) -> Iterator[_Arrived]:
    page = own
    while True:
        page = page or agent.centre.own_entries(after, strand)
        came = _read(page)
        yield from (_Arrived(arrival, own is None, strand, sealed) for arrival, sealed in came)
        if not page.more or not came:
            return
        after, page = came[-1][1].entry.sequence, None


def _read(page: JournalPage) -> list[tuple[int, SealedEntry]]:
    """The entries of a page. Raises AnswerUnusable."""
    if page.arrivals and len(page.arrivals) != len(page.entries):
        raise AnswerUnusable("a page of entries does not tell of each when it arrived")
    try:
        return list(zip(page.arrivals or repeat(0), map(unseal, page.entries), strict=False))
    except EntryMalformed as error:
        raise AnswerUnusable(f"an entry came back malformed: {error}") from error
