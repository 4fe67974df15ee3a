"""The agent's status, from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.domain.feed import DisputeRaised
from kiosk.domain.journal import short_hash
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.store.feed import UnappliedItem
from kiosk.store.status import read_status

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class Status(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `tip` is the journal's last sequence, `tip_hash` eight hex digits of its hash.

    `error`, `trouble`, `failure` and `refusal` describe the last attempt to reach the centre, as in AgentState.
    """

    kiosk: int | None
    epoch: int | None
    tip: int
    tip_hash: str
    high_water: int
    backlog: int
    last_contact: int | None
    last_attempt: int | None
    error: str
    trouble: LinkFault | None
    quarantined: bool
    feed_cursor: int
    policy: int | None
    policy_valid_until: int | None
    disputes: tuple[DisputeRaised, ...]
    kept_items: tuple[UnappliedItem, ...]
    receipts_waiting: int
    failure: ContactFault | None
    refusal: str


def status(tx: Transaction) -> Status:
    """The agent's status. Raises StoreCorrupt."""
    store = read_status(tx)
    state, signed = store.agent, tx.feed.signed_policy()
    policy = None if signed is None else signed.read()
    return Status(
        kiosk=store.kiosk,
        epoch=store.epoch,
        tip=store.sequence,
        tip_hash="" if store.tip is None else short_hash(store.tip.hash),
        high_water=state.high_water,
        backlog=store.backlog,
        last_contact=state.last_contact,
        last_attempt=state.last_attempt,
        error=state.error,
        trouble=state.trouble,
        quarantined=state.quarantined,
        feed_cursor=store.feed_cursor,
        policy=None if policy is None else policy.number,
        policy_valid_until=None if policy is None else policy.valid_until,
        disputes=tuple(each.raised for each in tx.feed.disputes()),
        kept_items=tx.feed.unapplied(),
        receipts_waiting=store.receipts_waiting,
        failure=state.failure,
        refusal=state.refusal,
    )


def status_document(report: Status) -> dict[str, Any]:
    """The status for programs."""
    fields = msgspec.structs.asdict(report)
    del fields["failure"], fields["refusal"]
    return {
        **fields,
        "disputes": [
            f"{each.sequence} {each.account} {each.reason} {each.subject}" for each in report.disputes
        ],
        "kept_items": [f"{each.number} {each.problem}" for each in report.kept_items],
    }
