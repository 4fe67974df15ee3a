"""Recovery after a restored copy: the missing entries are fetched from the centre, and a new epoch begins.

The fetched entries are imported in one transaction with the new epoch's first entry, so that nothing can be appended
between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.entries import Tip
from kiosk.domain.errors import ChainBroken, EntryMalformed
from kiosk.domain.journal import SealedEntry, check_chain, unseal
from sync.agent.errors import AnswerUnusable, HistoryForked
from sync.agent.positions import raise_alarm
from sync.protocol.records import EpochRequest

if TYPE_CHECKING:
    from sync.agent.context import Agent

REASON = "restored"


def recover(agent: Agent, epoch: int | None = None) -> int:
    """Fetch the missing entries and begin a new epoch; the result says how many there were.

    `epoch` is an epoch that the centre has given already. Raises ExchangeFailed, RequestRefused, HistoryForked, StoreError.
    """
    with agent.database.read() as tx:
        tip = tx.journal.tip()
    entries, end = _fetched(agent, tip)
    if epoch is None or any(sealed.entry.epoch == epoch for sealed in entries):
        given = agent.centre.epoch(EpochRequest(tip, REASON))
        epoch = given.epoch
        if given.high_water is not None and (end is None or given.high_water.sequence > end.sequence):
            more, end = _fetched(agent, end)
            entries += more
    with agent.database.write() as tx:
        if tx.journal.tip() != tip:
            # The desk appended entries meanwhile: there are two histories.
            raise_alarm(tx, 1 if tip is None else tip.sequence + 1)
            raised = True
        else:
            raised = False
            tx.import_entries(entries)
            tx.begin_epoch(epoch, agent.clock, given_by_centre=True)
            tx.agent.put(replace(tx.agent.get(), high_water=0 if end is None else end.sequence))
    if raised:
        raise HistoryForked(1 if tip is None else tip.sequence + 1)
    agent.log.info("epoch began", epoch=epoch, entries_back=len(entries))
    return len(entries)


def _fetched(agent: Agent, tip: Tip | None) -> tuple[list[SealedEntry], Tip | None]:
    """The centre's entries beyond this kiosk's tip, and the tip after them."""
    entries: list[SealedEntry] = []
    end = tip
    while True:
        page = agent.centre.own_entries(0 if end is None else end.sequence)
        try:
            came = [unseal(data) for data in page.entries]
        except EntryMalformed as error:
            raise AnswerUnusable(f"an entry came back malformed: {error}") from error
        try:
            end = check_chain(end, came)
        except ChainBroken as error:
            with agent.database.write() as tx:
                raise_alarm(tx, error.sequence)
            raise HistoryForked(error.sequence) from error
        entries += came
        if not page.more or not came:
            return entries, end
