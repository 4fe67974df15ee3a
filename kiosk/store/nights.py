"""The reports of the last nights' work, and how far the present one came; the agent writes them, the screens show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from kiosk.domain.nights import KEPT_REPORTS, Attempt, NightReport, Nights, NightState, missed
from kiosk.store.rows import Codec, Singleton, Table

if TYPE_CHECKING:
    from sqlite3 import Connection

_REPORT = Codec(NightReport)
_STATE = Codec(NightState)


class NightTable(Table):
    """The newest reports, at most KEPT_REPORTS of them."""

    def __init__(self, connection: Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._state = Singleton(connection, path, "night-state", _STATE)

    def state(self) -> NightState | None:
        """Since when nights are owed, and the run under way; None before the agent ran."""
        return self._state.get()

    def owe(self, since: int, at: int) -> None:
        """Have the nights be owed from then on (UTC seconds), at that time of day."""
        self._state.put(replace(self.state() or NightState(since), since=since, at=at))

    def put_attempt(self, attempt: Attempt | None) -> None:
        """Note how far the run under way came; None when none is."""
        state = self.state()
        if state is not None and state.attempt != attempt:
            self._state.put(replace(state, attempt=attempt))

    def forgive(self) -> None:
        """Let the run under way not have broken off in its step: somebody ended it."""
        state = self.state()
        if state is not None and state.attempt is not None:
            self.put_attempt(replace(state.attempt, step=""))

    def add(self, report: NightReport) -> None:
        """Add the newest report, and drop the oldest beyond those that are kept."""
        number = self._number("SELECT max(number) FROM nights") + 1
        self._connection.execute(
            "INSERT INTO nights (number, night, row) VALUES (?, ?, ?)",
            (number, report.night, _REPORT.encode(report)),
        )
        self._connection.execute("DELETE FROM nights WHERE number <= ?", (number - KEPT_REPORTS,))
        self.put_attempt(None)

    def newest(self) -> NightReport | None:
        """The newest report; None before the first."""
        return self._one(_REPORT, "SELECT row FROM nights ORDER BY number DESC LIMIT 1")

    def all(self) -> tuple[NightReport, ...]:
        """The reports, newest first."""
        return self._all(_REPORT, "SELECT row FROM nights ORDER BY number DESC")

    def judged_by(self) -> Nights | None:
        """What the nights are judged by; None before the agent ran."""
        state, newest = self.state(), self.newest()
        if state is None:
            return None
        rows = self._connection.execute("SELECT night FROM nights").fetchall()
        reported = frozenset(int(night) for (night,) in rows)
        return Nights(state.since, state.at, reported, None if newest is None else newest.ended)

    def missed(self, now: int) -> int:
        """How many nights in a row have no report by now (UTC seconds); one of a clock that was ahead says nothing."""
        state, newest = self.state(), self.newest()
        if state is None:
            return 0
        if newest is not None and newest.ended > now:
            newest = next((each for each in self.all() if each.ended <= now), None)
        return missed(state.since, None if newest is None else newest.ended, now, state.at)
