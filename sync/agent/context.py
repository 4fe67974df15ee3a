"""What the agent's functions work with, and their records of contact with the centre: its time, its receipts, what failed."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.clock import Clock
from kiosk.domain.policy import SignedTime
from kiosk.domain.retention import PersonalRetention
from kiosk.store.database import Database
from kiosk.store.vault import VaultItem
from sync.agent.backoff import asked_pause, held
from sync.agent.centre_client import CentreClient
from sync.agent.errors import AgentError, CentreUntrusted, ExchangeFailed, RequestRefused
from sync.agent.put_off import PutOff
from sync.agent.upload_size import UploadSize
from sync.protocol.receipts import CentreReceipt, believed, tells_more
from sync.protocol.times import time_holds

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from kiosk.store.agent_state import AgentState
    from kiosk.store.transaction import Transaction


KEEP_DAYS = 400
"""How many days entries are kept that a snapshot stands for, unless the configuration says otherwise."""


@dataclasses.dataclass(frozen=True, slots=True)
class Agent:
    """One kiosk's agent: its database, its clock, its client of the centre and its log; `keep_days` is 0 for ever."""

    database: Database
    clock: Clock
    centre: CentreClient
    log: FilteringBoundLogger
    kiosk: int
    device_key: bytes = dataclasses.field(repr=False)
    program: str = ""
    keep_days: int = KEEP_DAYS
    retention: PersonalRetention = dataclasses.field(default_factory=PersonalRetention)
    upload_size: UploadSize = dataclasses.field(default_factory=UploadSize)
    put_off: PutOff = dataclasses.field(default_factory=PutOff)


class CentreTime:
    """The centre's clock as this kiosk knows it: the last signed time plus the monotonic time since."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> int:
        """The centre's clock (UTC seconds) as far as it is known; the machine's own clock after a reboot."""
        with self._database.read() as tx:
            state = tx.agent.get()
        if state.signed_time is None or state.signed_time_boot != self._clock.boot():
            return self._clock.wall()
        elapsed = self._clock.monotonic() - state.signed_time_monotonic
        return state.signed_time.time + max(0, elapsed) // 1000

    def learn(self, signed: SignedTime) -> bool:
        """Store a time that the centre signed for this kiosk; False when its signature is invalid."""
        with self._database.write() as tx:
            if not signature_holds(tx, signed):
                return False
            tx.agent.put(with_time(tx.agent.get(), signed, self._clock))
        return True


def signature_holds(tx: Transaction, signed: SignedTime) -> bool:
    """Whether the centre signed this time for this kiosk."""
    identity, centre_key = tx.identity, tx.vault.get(VaultItem.CENTRE_KEY)
    return identity is not None and centre_key is not None and time_holds(signed, identity.kiosk, centre_key)


def with_time(state: AgentState, signed: SignedTime, clock: Clock) -> AgentState:
    """The state after a signed time arrived just now."""
    return replace(
        state,
        signed_time=signed,
        signed_time_monotonic=clock.monotonic(),
        signed_time_boot=clock.boot(),
    )


def record_contact(tx: Transaction, clock: Clock, signed: SignedTime | None = None) -> AgentState:
    """Record in this transaction that the centre answered now; a signed time is stored only if it is valid."""
    now = clock.wall()
    state = replace(
        tx.agent.get(),
        last_contact=now,
        last_attempt=now,
        error="",
        trouble=None,
        failure=None,
        refusal="",
    )
    if signed is not None and signature_holds(tx, signed):
        state = with_time(state, signed, clock)
    tx.agent.put(state)
    return state


def record_failed_contact(agent: Agent, error: AgentError, chance: float = 0.0) -> None:
    """Record that an attempt to reach the centre failed now, and how; `chance` as in `sync.agent.backoff`."""
    now = agent.clock.wall()
    with agent.database.write() as tx:
        before = tx.agent.get()
        retry_at = before.retry_at if held(before.retry_at, now) else None
        if isinstance(error, ExchangeFailed) and error.retry_after is not None:
            retry_at = max(retry_at or 0, now + math.ceil(asked_pause(error.retry_after, chance)))
        state = replace(
            before,
            last_attempt=now,
            retry_at=retry_at,
            error=str(error) or "failed",
            trouble=error.trouble if isinstance(error, CentreUntrusted) else None,
            failure=error.failure,
            refusal=error.code.value if isinstance(error, RequestRefused) else "",
        )
        tx.agent.put(state)


def forget_retry(agent: Agent) -> None:
    """Forget until when the centre wants to be left alone, for somebody who asks now. Raises StoreError."""
    with agent.database.write() as tx:
        tx.agent.forget_retry()


class StoredReceipts:
    """The receipts of an enrolled machine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> str:
        """The newest one's text; empty before the first. Raises StoreError."""
        with self._database.read() as tx:
            return tx.agent.receipt()

    def keep(self, text: str) -> None:
        """Keep one that the centre signed for this kiosk and that tells more than the one here. Raises StoreError."""
        with self._database.read() as tx:
            wanted = _is_wanted(tx, text)
        if wanted:
            with self._database.write() as tx:
                keep_receipt(tx, text)


def keep_receipt(tx: Transaction, text: str) -> None:
    """Keep a receipt in this transaction, as `StoredReceipts.keep` does."""
    if _is_wanted(tx, text):
        tx.agent.put_receipt(text)


def incarnation_of(tx: Transaction) -> int:
    """The incarnation of the newest receipt; 0 before the first."""
    held = _believed(tx, tx.agent.receipt())
    return 0 if held is None else held.incarnation


def _is_wanted(tx: Transaction, text: str) -> bool:
    came = _believed(tx, text)
    if came is None:
        return False
    held = _believed(tx, tx.agent.receipt())
    return held is None or tells_more(came, held)


def _believed(tx: Transaction, text: str) -> CentreReceipt | None:
    identity, centre_key = tx.identity, tx.vault.get(VaultItem.CENTRE_KEY)
    if identity is None or centre_key is None:
        return None
    return believed(text, identity.kiosk, centre_key)
