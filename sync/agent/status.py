"""The agent's status, from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.domain.feed import MatterPublished
from kiosk.domain.feed_rows import UnappliedRow
from kiosk.domain.journal import short_hash
from kiosk.domain.versions import Version, write_cursors
from kiosk.pki.issuing import private_key_fingerprint
from kiosk.store.agent_state import ContactFault, LinkFault
from kiosk.store.status import issuing_key, read_status

if TYPE_CHECKING:
    from kiosk.store.transaction import Transaction


class Status(msgspec.Struct, frozen=True):
    """Times in UTC seconds; `tip` is the journal's last sequence, `tip_hash` eight hex digits of its hash.

    `error`, `trouble`, `failure`, `refusal` and `retry_at` describe the last attempt to reach the centre, as in AgentState.
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
    retired: bool
    unconfirmed: bool
    cursors: dict[int, Version]
    feed_whole: bool
    policy: int | None
    policy_valid_until: int | None
    matters: tuple[MatterPublished, ...]
    unapplied: tuple[UnappliedRow, ...]
    receipts_waiting: int
    failure: ContactFault | None
    refusal: str
    retry_at: int | None
    agent_runs: bool
    fingerprint: str


def status(tx: Transaction, *, agent_runs: bool = True) -> Status:
    """The agent's status; `agent_runs` says whether one runs all the time. Raises StoreCorrupt."""
    store = read_status(tx)
    state, signed, key = store.agent, tx.feed.signed_policy(), issuing_key(tx)
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
        retired=state.retired,
        unconfirmed=state.unconfirmed,
        cursors=store.cursors,
        feed_whole=store.feed_whole,
        policy=None if policy is None else policy.number,
        policy_valid_until=None if policy is None else policy.valid_until,
        matters=tx.feed.matters(),
        unapplied=tx.feed.rows.unapplied(),
        receipts_waiting=store.receipts_waiting,
        failure=state.failure,
        refusal=state.refusal,
        retry_at=state.retry_at,
        agent_runs=agent_runs,
        fingerprint="" if key is None else private_key_fingerprint(key),
    )


def status_document(report: Status) -> dict[str, Any]:
    """The status for programs."""
    fields = msgspec.structs.asdict(report)
    del fields["failure"], fields["refusal"]
    return {
        **fields,
        "cursors": write_cursors(report.cursors),
        "matters": [f"{each.sequence} {each.account} {each.rule} {each.subject}" for each in report.matters],
        "unapplied": [f"{each.row.key} {each.problem}" for each in report.unapplied],
    }
