"""Recovery after a restored copy: the missing entries are fetched from the centre, and a new epoch begins.

The fetched entries are imported in one transaction with the new epoch's first entry, so that nothing can be appended
between them. Where the desk appended meanwhile nothing is imported: its entries begin a strand of their own. What other
strands of this kiosk have is fetched as well, and folded, so that no order of its number is unknown here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.entries import Tip
from kiosk.domain.errors import ChainBroken, EntryMalformed
from kiosk.domain.journal import SealedEntry, check_chain, unseal
from sync.agent.errors import AnswerUnusable
from sync.agent.feed.taking import judge_kept
from sync.protocol.records import EpochRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.agent.context import Agent
    from sync.protocol.records import StrandMark

REASON = "restored"


def recover(agent: Agent, epoch: int | None = None, strand: int = 0) -> int:
    """Fetch the missing entries of a strand and begin a new epoch; the result says how many there were.

    `epoch` is an epoch that the centre has given already; without a strand it is the one that received last. Raises
    ExchangeFailed, RequestRefused, StoreError.
    """
    with agent.database.read() as tx:
        tip = tx.journal.tip()
    entries, end, strand = _fetched(agent, tip, strand)
    if epoch is None or any(sealed.entry.epoch == epoch for sealed in entries):
        given = agent.centre.epoch(EpochRequest(tip, REASON, strand))
        epoch = given.epoch
        if given.high_water is not None and (end is None or given.high_water.sequence > end.sequence):
            more, end, strand = _fetched(agent, end, strand)
            entries += more
    with agent.database.write() as tx:
        if tx.journal.tip() != tip:
            agent.log.warning("entries were written during the recovery")
            return 0
        tx.import_entries(entries)
        tx.begin_epoch(epoch, agent.clock, given_by_centre=True)
        state = replace(tx.agent.get(), high_water=0 if end is None else end.sequence, strand=strand)
        tx.agent.put(state)
        judge_kept(tx, agent.clock)
    agent.log.info("epoch began", epoch=epoch, entries_back=len(entries))
    return len(entries)


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


def _fetched(agent: Agent, tip: Tip | None, strand: int) -> tuple[list[SealedEntry], Tip | None, int]:
    """The strand's entries beyond this kiosk's tip, the tip after them, and which strand it is."""
    entries: list[SealedEntry] = []
    end = tip
    while True:
        page = agent.centre.own_entries(0 if end is None else end.sequence, strand)
        strand = page.strand
        try:
            came = [unseal(data) for data in page.entries]
            end = check_chain(end, came)
        except EntryMalformed as error:
            raise AnswerUnusable(f"an entry came back malformed: {error}") from error
        except ChainBroken as error:
            raise AnswerUnusable(f"entries came back that do not continue this journal: {error}") from error
        entries += came
        if not page.more or not came:
            return entries, end, strand


def fold_other_strands(agent: Agent, marks: tuple[StrandMark, ...]) -> int:
    """Fetch the entries of other strands that are not here, and fold them; the result says how many there were.

    Nothing is fetched before the centre has said which strand is this journal's. Raises ExchangeFailed, RequestRefused,
    ChainBroken, StoreError.
    """
    by_number = {mark.strand: mark for mark in marks}
    with agent.database.read() as tx:
        state = tx.agent.get()
        here = {number: tx.other_strands.last_sequence(number) for number in by_number}
    if state.retired or state.unconfirmed or state.strand not in by_number:
        return 0
    shared = _shared(by_number, state.strand)
    count = 0
    for number, mark in sorted(by_number.items()):
        after = max(here[number], shared.get(number, mark.branch_sequence))
        if number != state.strand and after < mark.high_water.sequence:
            count += _fetched_other(agent, number, after)
    if count:
        agent.log.info("entries of other strands", entries=count)
    return count


def _shared(marks: Mapping[int, StrandMark], own: int) -> dict[int, int]:
    """Up to which sequence our own line runs along each strand that it came from."""
    shared: dict[int, int] = {}
    mark = marks.get(own)
    while mark is not None and mark.parent not in shared:
        shared[mark.parent] = mark.branch_sequence
        mark = marks.get(mark.parent)
    return shared


def _fetched_other(agent: Agent, strand: int, after: int) -> int:
    count = 0
    while True:
        page = agent.centre.own_entries(after, strand)
        try:
            came = [unseal(data) for data in page.entries]
        except EntryMalformed as error:
            raise AnswerUnusable(f"an entry came back malformed: {error}") from error
        with agent.database.write() as tx:
            new = tx.import_other(strand, came)
            if new and tx.identity is not None and tx.identity.epoch:
                judge_kept(tx, agent.clock)
            count += new
        if not page.more or not came:
            return count
        after = came[-1].entry.sequence
