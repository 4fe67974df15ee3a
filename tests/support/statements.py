"""The statements that a program can send to the kiosk's database: those sent, and those that stand in its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kiosk.store import connections, database

if TYPE_CHECKING:
    from sqlite3 import Connection, Cursor

ROOT = Path(__file__).parents[2]
_STATEMENT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s")


class WatchedConnection:
    """A connection that notes the text of what is sent."""

    def __init__(self, connection: Connection, sent: set[str]) -> None:
        self._connection = connection
        self._sent = sent

    def execute(self, statement: str, values: tuple[str | int | bytes | None, ...] = ()) -> Cursor:
        """Send a statement and note it."""
        if _STATEMENT.match(statement):
            self._sent.add(statement)
        return self._connection.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a connection has."""
        return getattr(self._connection, name)


def watch(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The statements that databases send that are opened from now on, as they are sent."""
    sent: set[str] = set()

    def connect(path: Path, key: bytes, busy_seconds: float) -> WatchedConnection:
        return WatchedConnection(connections.connect(path, key, busy_seconds), sent)

    monkeypatch.setattr(database, "connect", connect)
    return sent


def written(file: Path) -> Iterator[re.Pattern[str]]:
    """The statements in a Python file, each as a pattern where a name is filled in."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        match node:
            case ast.Constant(value=str(text)) if _STATEMENT.match(text):
                yield re.compile(re.escape(text))
            case ast.JoinedStr(values=[ast.Constant(value=str(first)), *_]) if _STATEMENT.match(first):
                yield re.compile("".join(_pattern(part) for part in node.values))
            case _:
                pass


def _pattern(part: ast.expr) -> str:
    return re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else ".+"


def senders() -> Iterator[Path]:
    """The files of the kiosk's programs that send statements."""
    for folder in ("kiosk", "sync/agent", "sync/protocol", "hardware"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            calls = (
                node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)
            )
            names = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
            if names & {"execute", "executemany", "executescript", "_one", "_all", "_each", "_number"}:
                yield file
