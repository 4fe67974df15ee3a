"""What another machine of a kiosk did not send: uploaded from its disk, or from a backup of it, as that machine.

The entries are on the machine's own strand then, like any that it sent itself; who works now gets them back from the centre.
Nothing goes on with the copy: no epoch begins in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from kiosk.store.backups import taken
from kiosk.store.errors import CopyRefusal, CopyRefused
from kiosk.text.asking import ask_on_terminal
from sync.agent.errors import RequestRefused
from sync.agent.heartbeat import show_deed
from sync.agent.opening import AgentSettings, agent_over
from sync.agent.personal import send_personal
from sync.agent.push import push_left
from sync.protocol.errors import ProblemCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import httpx2
    from pyrage.x25519 import Identity

    from kiosk.domain.clock import Clock
    from sync.agent.context import Agent
    from sync.agent.push import PushReport


class HandedIn(msgspec.Struct, frozen=True):
    """Whose copy it was, how many entries it has, and how many were uploaded; `latest` in UTC seconds.

    `lacked` is how many of those the centre had not, except of a machine that was revoked. `quarantined` where the machine was revoked: staff of the centre decide what becomes of them.
    """

    kiosk: int
    machine: int
    entries: int
    latest: int
    sent: int
    lacked: int
    quarantined: bool


def hand_in(
    settings: AgentSettings,
    copy: Path,
    identities: Sequence[Identity],
    transport: httpx2.BaseTransport,
    clock: Clock,
    *,
    kiosk: int | None = None,
) -> HandedIn:
    """Upload what the centre lacks of a copy, or of a backup where there are `identities`; may be repeated.

    With `kiosk` a copy of another one is refused. Raises BackupError, CopyRefused, ExchangeFailed, RequestRefused,
    HistoryForked, AddressInvalid, StoreError.
    """
    with taken(copy, identities, settings.directory, ask_on_terminal) as (found, database):
        if kiosk is not None and found.kiosk != kiosk:
            raise CopyRefused(copy, CopyRefusal.ANOTHER_KIOSK, found.kiosk, kiosk)
        with agent_over(settings, database, transport, clock) as agent:
            pushed = _sent(agent)
            send_personal(agent)
        with database.read() as tx:
            quarantined = tx.agent.get().quarantined
    return HandedIn(
        found.kiosk, found.machine, found.entries, found.latest, pushed.sent, pushed.lacked, quarantined
    )


def _sent(agent: Agent) -> PushReport:
    """Upload it, the last entry in any case: a centre that was put back may have forgotten what it had.

    Then the machine may be one that it does not know, which shows its deed first.
    """
    with agent.database.write() as tx:
        last, state = tx.journal.count(), tx.agent.get()
        tx.agent.put(replace(state, high_water=min(state.high_water, last - 1)))
    try:
        return push_left(agent)
    except RequestRefused as refused:
        if refused.code is not ProblemCode.KIOSK_UNKNOWN or not show_deed(agent):
            raise
    return push_left(agent)
