"""The status row and the notice's fee table: cheap, read every second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import current_clock_fault, policy_of, require_clock
from kiosk.desk.errors import DeskRefused
from kiosk.desk.tokens.reading import readers_now
from kiosk.desk.views.orders import FeeTable
from kiosk.desk.views.status import ClockFault, Contact, DeskStatus, Network, TokenStatus
from kiosk.domain.fees import OrderKind, schedule_at
from kiosk.domain.policy import DAY
from kiosk.pki.issuing import private_key_fingerprint
from kiosk.store.agent_state import ContactFault
from kiosk.store.status import issuing_key, nights_missed, read_status

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.clock import Clock
    from kiosk.store.agent_state import AgentState
    from kiosk.store.transaction import Identity, Transaction


# The agent speaks to the centre at least this often (seconds) while it can.
_SILENCE = 90
_REFUSALS = {ContactFault.REFUSED, ContactFault.FORKED}


def network(desk: Desk, tx: Transaction, now: int) -> Network:
    """ONLINE while the agent runs, and its last attempt succeeded and was lately, REFUSED after one that the centre refused.

    `now` in UTC seconds.
    """
    return network_of(tx.identity, tx.agent.get(), now, agent_runs=desk.agent_runs())


def network_of(identity: Identity | None, state: AgentState, now: int, *, agent_runs: bool) -> Network:
    """The same of what was read already."""
    if identity is None:
        return Network.AWAITING_ROOT if state.awaiting_root else Network.NOT_ENROLLED
    if agent_runs and state.failure in _REFUSALS:
        return Network.REFUSED
    return Network.ONLINE if agent_runs and _heard_lately(state, now) else Network.OFFLINE


def _heard_lately(state: AgentState, now: int) -> bool:
    """Whether the last attempt succeeded, and near `now`: a contact in the future tells that the clock was set back."""
    return state.last_contact is not None and not state.error and abs(now - state.last_contact) <= _SILENCE


def feed_age(tx: Transaction, now: int) -> int | None:
    """Until when the feed was current (UTC seconds); None where that is now, and before any contact."""
    state = tx.agent.get()
    return None if _heard_lately(state, now) else state.last_contact


def status(desk: Desk) -> DeskStatus:
    """Driver, key, printer, network, backlog and clock."""
    readers, printer, runs = readers_now(desk), desk.printer.state(), desk.agent_runs()
    version = desk.database.data_version()  # before the rows, which are never older than it
    with desk.database.read() as tx:
        now, store = desk.clock.wall(), read_status(tx)
        return DeskStatus(
            token=readers.status,
            printer=printer,
            network=network_of(store.identity, store.agent, now, agent_runs=runs),
            backlog=store.backlog,
            now=now,
            feed_as_of=store.agent.last_contact,
            clock=clock_status(tx, desk.clock),
            receipts_waiting=store.receipts_waiting,
            matters=store.matters,
            unapplied_rows=store.unapplied_rows,
            contact=_contact(store.agent),
            agent_runs=runs,
            nights_missed=nights_missed(tx, now),
            fingerprint=fingerprint(tx) if store.agent.awaiting_root or store.agent.unconfirmed else "",
            out_of_use=store.agent.is_out_of_use,
            key_to_take=readers.to_take,
            key_left=readers.status is not TokenStatus.NO_DRIVER and desk.left_keys.are_missed,
            version=version,
        )


def fingerprint(tx: Transaction) -> str:
    """By what people know this machine's issuing key, or its request's; empty before there is one."""
    key = issuing_key(tx)
    return "" if key is None else private_key_fingerprint(key)


def _contact(state: AgentState) -> Contact:
    if not state.error:
        return Contact()
    return Contact(state.error, state.failure, state.trouble, state.retry_at, state.refusal)


def ask_centre_now(desk: Desk) -> None:
    """Have the agent try the centre at once, whatever the centre asked for. Raises StoreError."""
    with desk.database.write() as tx:
        tx.agent.forget_retry()


def fees(desk: Desk) -> FeeTable | None:
    """The price lines of every kind, in fen, from the schedule in force; None without one.

    Raises DeskRefused where there is none because the clock is wrong.
    """
    with desk.database.read() as tx:
        schedule = schedule_at(tx.feed.schedules(), desk.clock.wall())
        if schedule is None and clock_status(tx, desk.clock) is not None:
            require_clock(tx, desk.clock, policy_of(tx))
    return None if schedule is None else tuple((kind, schedule.lines(kind)) for kind in OrderKind)


def clock_status(tx: Transaction, clock: Clock) -> ClockFault | None:
    """What is wrong with the clock; None when nothing is, and without a policy to judge it by."""
    try:
        return current_clock_fault(tx, clock, policy_of(tx))
    except DeskRefused:
        return None  # without a policy nothing is issued, and the status says 未登记


def is_clock_long_behind(tx: Transaction, clock: Clock) -> bool:
    """Whether it is more than a day behind what was written or heard here: what is judged by it says nothing."""
    state = tx.agent.get()
    heard = 0 if state.signed_time is None else state.signed_time.time
    known = max(tx.journal.latest_wall(state.high_water) or 0, heard)
    return known - clock.wall() > DAY and clock_status(tx, clock) is not None


def days_left(desk: Desk, tx: Transaction, end: int | None) -> int | None:
    """How many days are left until then (UTC seconds); None where the clock says nothing."""
    now = desk.clock.wall()
    return None if end is None or is_clock_long_behind(tx, desk.clock) else (end - now) // DAY
