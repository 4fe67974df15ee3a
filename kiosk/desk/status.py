"""The status row and the notice's fee table: cheap, read every second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import current_clock_fault, policy_of
from kiosk.desk.errors import DeskRefused
from kiosk.desk.tokens.reading import token_status
from kiosk.desk.views import ClockFault, Contact, DeskStatus, FeeTable, Network
from kiosk.domain.fees import OrderKind, schedule_at
from kiosk.store.status import read_status

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.domain.clock import Clock
    from kiosk.store.agent_state import AgentState
    from kiosk.store.transaction import Identity, Transaction


# The agent speaks to the centre at least this often (seconds) while it can.
_SILENCE = 90


def network(tx: Transaction, now: int) -> Network:
    """ONLINE while the last attempt succeeded and was lately; `now` in UTC seconds."""
    return network_of(tx.identity, tx.agent.get(), now)


def network_of(identity: Identity | None, state: AgentState, now: int) -> Network:
    """The same of an identity and a state that were read already."""
    if identity is None:
        return Network.NOT_ENROLLED
    if state.last_contact is None or state.error or now - state.last_contact > _SILENCE:
        return Network.OFFLINE
    return Network.ONLINE


def feed_age(tx: Transaction, now: int) -> int | None:
    """While offline, until when the feed was current (UTC seconds); None while online, and before any contact."""
    return None if network(tx, now) is Network.ONLINE else tx.agent.get().last_contact


def status(desk: Desk) -> DeskStatus:
    """Driver, key, printer, network, backlog and clock."""
    token, printer = token_status(desk), desk.printer.state()
    with desk.database.read() as tx:
        now, store = desk.clock.wall(), read_status(tx)
        return DeskStatus(
            token=token,
            printer=printer,
            network=network_of(store.identity, store.agent, now),
            backlog=store.backlog,
            now=now,
            feed_as_of=store.agent.last_contact,
            clock=clock_status(tx, desk.clock),
            receipts_waiting=store.receipts_waiting,
            matters=store.matters,
            unapplied_rows=store.unapplied_rows,
            contact=_contact(store.agent),
        )


def _contact(state: AgentState) -> Contact:
    if not state.error:
        return Contact()
    return Contact(state.error, state.failure, state.trouble, state.retry_at)


def ask_centre_now(desk: Desk) -> None:
    """Have the agent try the centre at once, whatever the centre asked for. Raises StoreError."""
    with desk.database.write() as tx:
        tx.agent.forget_retry()


def fees(desk: Desk) -> FeeTable | None:
    """The price lines of every kind, in fen, from the schedule in force; None without one."""
    with desk.database.read() as tx:
        schedule = schedule_at(tx.feed.schedules(), desk.clock.wall())
    return None if schedule is None else tuple((kind, schedule.lines(kind)) for kind in OrderKind)


def clock_status(tx: Transaction, clock: Clock) -> ClockFault | None:
    """What is wrong with the clock; None when nothing is, and without a policy to judge it by."""
    try:
        return current_clock_fault(tx, clock, policy_of(tx))
    except DeskRefused:
        return None  # without a policy nothing is issued, and the status says 未登记
