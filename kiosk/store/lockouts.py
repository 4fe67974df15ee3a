"""Failed attempts by scope (an account, an order, the kiosk), for the rules that slow down guessing."""

from __future__ import annotations

from kiosk.store.rows import Table

KEPT = "confirmation:"
"""Failures of scopes that begin like this are never deleted by their age; an index names it too."""


class Lockouts(Table):
    """The times (UTC seconds) of failed attempts."""

    def failures(self, scope: str, since: int = 0) -> list[int]:
        """The times of a scope's failures at or after `since`, in order."""
        rows = self._connection.execute(
            "SELECT time FROM failures WHERE scope = ? AND time >= ? ORDER BY time", (scope, since)
        )
        return [int(time) for (time,) in rows]

    def record(self, scope: str, time: int) -> None:
        """Record a failure."""
        self._connection.execute("INSERT INTO failures (scope, time) VALUES (?, ?)", (scope, time))

    def clear(self, scope: str) -> None:
        """Delete a scope's failures, after a success."""
        self._connection.execute("DELETE FROM failures WHERE scope = ?", (scope,))

    def prune(self, before: int) -> None:
        """Delete all failures before that time, except those of KEPT scopes."""
        self._connection.execute(
            "DELETE FROM failures WHERE time < ? AND scope NOT GLOB 'confirmation:*'", (before,)
        )
