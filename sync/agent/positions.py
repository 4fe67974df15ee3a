"""What the centre holds of this kiosk, compared with the journal and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.entries.body import Tip
from kiosk.domain.feed import FORK_RULE, MISSING_RULE, MatterPublished
from sync.agent.alignment import Alignment, NothingMissing, align

if TYPE_CHECKING:
    from kiosk.domain.clock import Clock
    from kiosk.store.transaction import Transaction
    from sync.protocol.records import HeartbeatAnswer

_FORK_ACCOUNT = ""
_NOTHING = Tip(0, 0, b"")


def compare_with_centre(tx: Transaction, centre: Tip | None, *, known: bool = True) -> Alignment:
    """Compare this kiosk's journal with the tip of a strand of the centre's; `known` when that has our tip."""
    return align(tx.journal.tip(), centre, tx.journal.hash_at, known=known)


def record_heartbeat(tx: Transaction, answer: HeartbeatAnswer, clock: Clock) -> Alignment:
    """Record what the centre holds; a new epoch begins when the centre says so.

    The high-water mark goes back when the centre has less than was recorded; it stays where the centre tells of another
    strand than ours, and that of a revoked machine.
    """
    known = answer.strand > 0
    alignment = compare_with_centre(tx, answer.high_water, known=known)
    state = replace(
        tx.agent.get(),
        quarantined=answer.quarantined,
        retired=answer.retired,
        unconfirmed=answer.unconfirmed,
    )
    if isinstance(alignment, NothingMissing) and not answer.quarantined:
        state = replace(state, high_water=alignment.high_water)
        if known:
            state = replace(state, strand=answer.strand)
            begin_epoch_due(tx, answer.begin_epoch, clock)
    if state.lacks_until and (known or (answer.high_water or _NOTHING).sequence >= state.lacks_until):
        state = replace(state, lacks_until=0)
        tx.feed.close_missing()
    tx.agent.put(state)
    return alignment


def begin_epoch_due(tx: Transaction, epoch: int | None, clock: Clock) -> None:
    """Begin the epoch that the centre gave to this kiosk's strand, once."""
    if epoch is not None and not tx.journal.has_epoch(epoch):
        tx.begin_epoch(epoch, clock, given_by_centre=True)


def raise_missing(tx: Transaction, centre: Tip | None, until: int) -> None:
    """Note that the centre lacks entries up to that one which this machine keeps no more; staff see it as a matter."""
    after = (centre or _NOTHING).sequence
    tx.agent.put(replace(tx.agent.get(), lacks_until=until))
    tx.feed.put_matter(MatterPublished(MISSING_RULE, f"{after + 1}-{until}", _FORK_ACCOUNT, until))


def raise_alarm(tx: Transaction, sequence: int) -> None:
    """Raise a fork as a matter that staff see, once."""
    if not fork_known(tx):
        tx.feed.put_matter(MatterPublished(FORK_RULE, str(sequence), _FORK_ACCOUNT, sequence))


def fork_known(tx: Transaction) -> bool:
    """Whether a fork is recorded that no person has settled."""
    return any(matter.rule == FORK_RULE for matter in tx.feed.matters())
