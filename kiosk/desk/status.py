"""The status row and the notice's fee table: cheap, asked again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.authority import policy_of, trouble_with_clock
from kiosk.desk.errors import DeskRefused
from kiosk.desk.tokens.reading import token_status
from kiosk.desk.views import ClockTrouble, DeskStatus, Network
from kiosk.domain.fees import OrderKind, PriceLine, schedule_at

if TYPE_CHECKING:
    from kiosk.desk.context import Desk
    from kiosk.store.transaction import Transaction


# The agent speaks to the centre at least this often (seconds) while it can.
_SILENCE = 90


def network(tx: Transaction, now: int) -> Network:
    """ONLINE while the last attempt succeeded and was lately; `now` in UTC seconds."""
    if tx.identity is None:
        return Network.NOT_ENROLLED
    state = tx.agent.get()
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
        now, state, tip = desk.clock.wall(), tx.agent.get(), tx.journal.tip()
        return DeskStatus(
            token=token,
            printer=printer,
            network=network(tx, now),
            backlog=max(0, (tip.sequence if tip else 0) - state.high_water),
            now=now,
            feed_as_of=state.last_contact,
            clock=_clock(desk, tx),
            receipts_waiting=len(tx.print_queue.waiting()),
            disputes=len(tx.feed.disputes()),
            feed_items_kept=len(tx.feed.kept()),
        )


def fees(desk: Desk) -> tuple[tuple[OrderKind, tuple[PriceLine, ...]], ...] | None:
    """The price lines of every kind, in fen, from the schedule in force; None without one."""
    with desk.database.read() as tx:
        schedule = schedule_at(tx.feed.schedules(), desk.clock.wall())
    return None if schedule is None else tuple((kind, schedule.lines(kind)) for kind in OrderKind)


def _clock(desk: Desk, tx: Transaction) -> ClockTrouble | None:
    try:
        return trouble_with_clock(tx, desk.clock, policy_of(tx))
    except DeskRefused:
        return None  # without a policy nothing is issued anyhow, and the row says 未登记
