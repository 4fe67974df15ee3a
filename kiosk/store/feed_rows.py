"""The rows that the feed brought: those that hold, those that could not be applied, and how far each audience was read.

A cursor is the centre's present incarnation and the stamp of the last row that was read.
An audience that is read from zero is whole once its cursor has come to the head that stood when that began.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from kiosk.domain.feed import AnyFeedBody, Removed
from kiosk.domain.feed_keys import order_in_key
from kiosk.domain.feed_rows import FeedRow, UnappliedRow, kind_of
from kiosk.domain.versions import NO_VERSION, Version
from kiosk.store.errors import StoreCorrupt
from kiosk.store.rows import Table

if TYPE_CHECKING:
    from sqlite3 import Connection

_REMOVED = kind_of(Removed())
_ROW = "audience, key, incarnation, stamp, base_incarnation, base_stamp, kind, body, signature"
_PLACES = ", ".join("?" * 9)


def in_force(connection: Connection, key: str) -> bool:
    """Whether a row of that key was not told by an audience alone that is being left."""
    (found,) = connection.execute(
        "SELECT NOT EXISTS (SELECT 1 FROM left_audiences) OR EXISTS (SELECT 1 FROM feed_rows "
        "WHERE key = ? AND kind <> ? AND audience NOT IN (SELECT audience FROM left_audiences))",
        (key, _REMOVED),
    ).fetchone()
    return bool(found)


_Columns = tuple[int, str, int, int, int, int, str, bytes, bytes]


def _columns(row: FeedRow) -> _Columns:
    version, base = row.version, row.base
    return (
        row.audience, row.key, version.incarnation, version.stamp, base.incarnation, base.stamp,
        row.kind, bytes(row.body), row.signature,
    )  # fmt: skip


def _row(columns: _Columns) -> FeedRow:
    audience, key, incarnation, stamp, base_incarnation, base_stamp, kind, body, signature = columns
    version, base = Version(incarnation, stamp), Version(base_incarnation, base_stamp)
    return FeedRow(audience, key, version, base, kind, msgspec.Raw(body), signature)


class FeedRowTable(Table):
    """The feed's rows by audience and key."""

    def row(self, audience: int, key: str) -> FeedRow | None:
        """The row that holds."""
        found = self._connection.execute(
            f"SELECT {_ROW} FROM feed_rows WHERE audience = ? AND key = ?",  # noqa: S608 - names of ours
            (audience, key),
        ).fetchone()
        return None if found is None else _row(found)

    def shown(self, key: str) -> AnyFeedBody | None:
        """What the latest row of that key says, of whatever audience that is not left; None where there is none but removals."""
        found = self._connection.execute(
            f"SELECT {_ROW} FROM feed_rows WHERE key = ? AND kind <> ? "  # noqa: S608 - names of ours
            "AND audience NOT IN (SELECT audience FROM left_audiences) ORDER BY incarnation DESC, stamp DESC LIMIT 1",
            (key, _REMOVED),
        ).fetchone()
        if found is None:
            return None
        try:
            return _row(found).read()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreCorrupt(self._path, f"a row of the feed: {error}") from error

    def keys_under(self, prefix: str) -> tuple[str, ...]:
        """The keys that begin with a prefix that ends with a slash, each once."""
        rows = self._connection.execute(
            "SELECT DISTINCT key FROM feed_rows WHERE key > ? AND key < ? ORDER BY key",
            (prefix, prefix[:-1] + "0"),  # the character after the slash
        )
        return tuple(key for (key,) in rows)

    def put(self, row: FeedRow) -> None:
        """Let a row hold, in the place of the one before."""
        self._connection.execute(
            f"INSERT OR REPLACE INTO feed_rows ({_ROW}, digest) VALUES ({_PLACES}, ?)",  # noqa: S608 - names of ours
            (*_columns(row), row.digest),
        )

    def keep(self, row: FeedRow, problem: str) -> None:
        """Keep a row that could not be applied."""
        self._connection.execute(
            f"INSERT OR REPLACE INTO unapplied_rows ({_ROW}, problem, order_reference) VALUES ({_PLACES}, ?, ?)",  # noqa: S608 - names of ours
            (*_columns(row), problem, order_in_key(row.key)),
        )

    def drop_kept(self, row: FeedRow) -> None:
        """Forget a row that was kept, after it was applied or replaced."""
        self._connection.execute(
            "DELETE FROM unapplied_rows WHERE audience = ? AND key = ? AND incarnation = ? AND stamp = ?",
            (row.audience, row.key, row.version.incarnation, row.version.stamp),
        )

    def drop_repeated(self, audience: int, keys: Iterable[str]) -> None:
        """Forget rows of an audience that entries repeat which the centre has for good."""
        for key in keys:
            self._connection.execute("DELETE FROM feed_rows WHERE audience = ? AND key = ?", (audience, key))

    def drop_dismissed(self, audience: int, version: Version) -> None:
        """Forget the row of that version if it was kept, after staff have seen to it."""
        self._connection.execute(
            "DELETE FROM unapplied_rows WHERE incarnation = ? AND stamp = ? AND audience = ?",
            (version.incarnation, version.stamp, audience),
        )

    def told_past(self, audience: int, stamp: int) -> tuple[FeedRow, ...]:
        """The rows of an audience past that stamp, the earliest first; also those that could not be applied."""
        found: list[FeedRow] = []
        for table in ("feed_rows", "unapplied_rows"):
            rows = self._connection.execute(
                f"SELECT {_ROW} FROM {table} WHERE audience = ? AND stamp > ?",  # noqa: S608 - names of ours
                (audience, stamp),
            )
            found += map(_row, rows)
        return tuple(sorted(found, key=lambda row: row.version.stamp))

    def kept_beside(self, audience: int, key: str) -> tuple[UnappliedRow, ...]:
        """The rows under one key that could not be applied, the earliest first."""
        condition = "WHERE audience = ? AND key = ? ORDER BY incarnation, stamp"
        return self._kept(condition, audience, key)

    def unapplied(self) -> tuple[UnappliedRow, ...]:
        """The rows that could not be applied, the earliest first."""
        return self._kept("ORDER BY incarnation, stamp, audience, key")

    def unapplied_of_order(self, reference: str) -> tuple[UnappliedRow, ...]:
        """Those about one order."""
        condition = "WHERE order_reference = ? AND order_reference <> '' ORDER BY incarnation, stamp"
        return self._kept(condition, reference)

    def count_unapplied(self) -> int:
        """How many rows could not be applied."""
        return self._number("SELECT count(*) FROM unapplied_rows")

    def _kept(self, condition: str, *values: str | int) -> tuple[UnappliedRow, ...]:
        rows = self._connection.execute(f"SELECT {_ROW}, problem FROM unapplied_rows {condition}", values)  # noqa: S608 - names of ours
        return tuple(UnappliedRow(_row(found), problem) for *found, problem in rows)

    def cursors(self) -> dict[int, Version]:
        """How far each audience was read."""
        rows = self._connection.execute("SELECT audience, incarnation, stamp FROM cursors ORDER BY audience")
        return {audience: Version(incarnation, stamp) for audience, incarnation, stamp in rows}

    def cursor(self, audience: int) -> Version:
        """How far one audience was read."""
        return self.cursors().get(audience, NO_VERSION)

    def begin(self, audience: int, target: Version) -> None:
        """Read an audience from zero; it is whole once it was read up to `target`."""
        self._connection.execute(
            "INSERT OR REPLACE INTO cursors "
            "(audience, incarnation, stamp, target_incarnation, target_stamp) VALUES (?, ?, ?, ?, ?)",
            (audience, target.incarnation, NO_VERSION.stamp, target.incarnation, target.stamp),
        )

    def put_cursor(self, audience: int, version: Version) -> None:
        """Move an audience's cursor on; one that was not begun is whole. Raises ValueError when it would go back."""
        if version < self.cursor(audience):
            raise ValueError(f"the cursor is at {self.cursor(audience)}, past {version}")
        self._connection.execute(
            "INSERT INTO cursors (audience, incarnation, stamp, target_incarnation, target_stamp) "
            "VALUES (?, ?, ?, 0, 0) "
            "ON CONFLICT (audience) DO UPDATE SET incarnation = excluded.incarnation, stamp = excluded.stamp",
            (audience, version.incarnation, version.stamp),
        )

    def come_to_end(self, audience: int) -> None:
        """All that there was of an audience was read, also where its head lies before the one that stood at the beginning."""
        self._connection.execute(
            "UPDATE cursors SET target_incarnation = 0, target_stamp = 0 "
            "WHERE audience = ? AND (target_incarnation, target_stamp) > (incarnation, stamp)",
            (audience,),
        )

    def is_whole(self) -> bool:
        """Whether every audience was read up to the head that stood when its reading began, and one was read at all.

        It is not while rows of an audience that was left are still to be deleted.
        """
        if self.left():
            return False
        row = self._connection.execute(
            "SELECT count(*), sum((incarnation, stamp) >= (target_incarnation, target_stamp)) FROM cursors"
        ).fetchone()
        return bool(row[0]) and row[0] == row[1]

    def leave(self, stays: Iterable[int]) -> None:
        """Leave all audiences but these: what they told is not in force from now on; `drop_left` deletes it."""
        for audience in sorted(set(self.cursors()) - set(stays)):
            self._connection.execute(
                "INSERT OR IGNORE INTO left_audiences (audience) VALUES (?)", (audience,)
            )
            for table in ("unapplied_rows", "cursors"):
                self._connection.execute(f"DELETE FROM {table} WHERE audience = ?", (audience,))  # noqa: S608 - names of ours

    def left(self) -> tuple[int, ...]:
        """The audiences that were left and whose rows are not all deleted yet."""
        rows = self._connection.execute("SELECT audience FROM left_audiences ORDER BY audience")
        return tuple(audience for (audience,) in rows)

    def drop_left(self, audience: int, most: int) -> tuple[str, ...]:
        """Delete so many rows of an audience that was left; their keys. With the last of them it is done."""
        found = self._connection.execute(
            "SELECT key FROM feed_rows WHERE audience = ? ORDER BY key LIMIT ?", (audience, most)
        )
        keys = tuple(key for (key,) in found)
        for key in keys:
            self._connection.execute("DELETE FROM feed_rows WHERE audience = ? AND key = ?", (audience, key))
        if len(keys) < most:
            self._connection.execute("DELETE FROM left_audiences WHERE audience = ?", (audience,))
        return keys
