"""Requests from the app to the agent while a person waits; no history, never synchronised."""

from __future__ import annotations

import msgspec

from kiosk.store.rows import Table


class Question(msgspec.Struct, frozen=True):
    """A request by the app; past `deadline` (UTC seconds) nobody waits for the answer."""

    id: int
    kind: str
    body: bytes
    deadline: int


class Mailbox(Table):
    """The rows that the app writes and the agent answers."""

    def submit(self, kind: str, body: bytes, deadline: int) -> int:
        """Submit a request; the result is its identifier."""
        cursor = self._connection.execute(
            "INSERT INTO mailbox (kind, body, deadline) VALUES (?, ?, ?)", (kind, body, deadline)
        )
        return int(cursor.lastrowid or 0)

    def waiting(self, now: int = 0) -> tuple[Question, ...]:
        """The questions without an answer whose deadline has not passed at `now`, oldest first."""
        rows = self._connection.execute(
            "SELECT id, kind, body, deadline FROM mailbox WHERE answer IS NULL AND deadline >= ? ORDER BY id",
            (now,),
        )
        return tuple(Question(*row) for row in rows)

    def answer(self, question: int, body: bytes) -> bool:
        """Answer a question; False when it is gone or was answered before."""
        cursor = self._connection.execute(
            "UPDATE mailbox SET answer = ? WHERE id = ? AND answer IS NULL", (body, question)
        )
        return cursor.rowcount == 1

    def answer_of(self, question: int) -> bytes | None:
        """The answer, once there is one."""
        row = self._connection.execute("SELECT answer FROM mailbox WHERE id = ?", (question,)).fetchone()
        return None if row is None or row[0] is None else bytes(row[0])

    def prune(self, before: int) -> None:
        """Delete the requests with a deadline before that time."""
        self._connection.execute("DELETE FROM mailbox WHERE deadline < ?", (before,))
