"""Whether the agent reaches the centre, told from what it wrote down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.desk.views import Network

if TYPE_CHECKING:
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
