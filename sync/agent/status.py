"""What the agent knows of its dealings with the centre, from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.domain.feed import DisputeRaised
from kiosk.domain.journal import short_hash
from kiosk.store.agent_state import ContactFailure, LinkTrouble
from kiosk.store.feed import KeptItem
from sync.agent.push import backlog

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class Status(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `tip` is the journal's last sequence, `tip_hash` eight hex digits of its hash.

    `error`, `trouble`, `failure` and `refusal` are of the last try to reach the centre, as AgentState has them.
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
    trouble: LinkTrouble | None
    quarantined: bool
    feed_cursor: int
    policy: int | None
    policy_valid_until: int | None
    disputes: tuple[DisputeRaised, ...]
    kept_items: tuple[KeptItem, ...]
    receipts_waiting: int
    failure: ContactFailure | None
    refusal: str


def status(tx: Transaction) -> Status:
    """The agent's status. Raises StoreCorrupt."""
    identity, tip, state = tx.identity, tx.journal.tip(), tx.agent.get()
    signed = tx.feed.signed_policy()
    policy = None if signed is None else signed.read()
    return Status(
        kiosk=None if identity is None else identity.kiosk,
        epoch=None if identity is None else identity.epoch,
        tip=0 if tip is None else tip.sequence,
        tip_hash="" if tip is None else short_hash(tip.hash),
        high_water=state.high_water,
        backlog=backlog(tx),
        last_contact=state.last_contact,
        last_attempt=state.last_attempt,
        error=state.error,
        trouble=state.trouble,
        quarantined=state.quarantined,
        feed_cursor=tx.feed.cursor(),
        policy=None if policy is None else policy.number,
        policy_valid_until=None if policy is None else policy.valid_until,
        disputes=tuple(each.raised for each in tx.feed.disputes()),
        kept_items=tx.feed.kept(),
        receipts_waiting=len(tx.print_queue.waiting()),
        failure=state.failure,
        refusal=state.refusal,
    )


def status_document(report: Status) -> dict[str, Any]:
    """The status as programs read it."""
    fields = msgspec.structs.asdict(report)
    del fields["failure"], fields["refusal"]
    return {
        **fields,
        "disputes": [
            f"{each.sequence} {each.account} {each.reason} {each.subject}" for each in report.disputes
        ],
        "kept_items": [f"{each.number} {each.problem}" for each in report.kept_items],
    }
