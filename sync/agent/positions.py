"""What the centre holds of this kiosk, compared with the journal and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.feed import FORK_REASON, DisputeRaised
from sync.agent.alignment import Alignment, Forked, NothingMissing, align

if TYPE_CHECKING:
    from kiosk.domain.entries import Tip
    from kiosk.store.transaction import Transaction

_FORK_ACCOUNT = ""


def compare_with_centre(tx: Transaction, centre: Tip | None) -> Alignment:
    """Compare this kiosk's journal with the centre's tip."""

    def hash_at(sequence: int) -> bytes | None:
        sealed = tx.journal.entry(sequence)
        return None if sealed is None else sealed.hash

    return align(tx.journal.tip(), centre, hash_at)


def record_position(tx: Transaction, centre: Tip | None, *, quarantined: bool) -> Alignment:
    """Record what the centre holds; the high-water mark goes back when that is less than was recorded.

    The mark of a forked or revoked kiosk stays, since the centre keeps its entries beside the journal.
    """
    alignment = compare_with_centre(tx, centre)
    state = replace(tx.agent.get(), quarantined=quarantined)
    match alignment:
        case NothingMissing(high_water=high_water) if not (quarantined or fork_known(tx)):
            state = replace(state, high_water=high_water)
        case Forked(sequence=sequence):
            raise_alarm(tx, sequence)
        case _:
            pass
    tx.agent.put(state)
    return alignment


def raise_alarm(tx: Transaction, sequence: int) -> None:
    """Raise a fork as a dispute that staff see, once."""
    if not fork_known(tx):
        tx.feed.put_dispute(DisputeRaised(_FORK_ACCOUNT, sequence, FORK_REASON, str(sequence)))


def fork_known(tx: Transaction) -> bool:
    """Whether a fork is recorded that no person has settled."""
    return any(dispute.raised.reason == FORK_REASON for dispute in tx.feed.disputes())
