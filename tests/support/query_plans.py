"""What SQLite does for a statement: its plan, held against what may be read from end to end, and its steps."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.apps import apps
from django.db import connection

STEP = 100
"""How many of SQLite's instructions are counted as one."""
_SEARCH = re.compile(r"SEARCH \S+ USING (?:COVERING )?INDEX (?P<index>\S+) \((?P<columns>[^<>]*)\)")
_WITHIN = ("CO-ROUTINE", "MATERIALIZE")
_BY_KEY = ("(rowid=?)", "USING INTEGER PRIMARY KEY", "sqlite_autoindex_")


class Statement(msgspec.Struct, frozen=True):
    """A statement as it was sent."""

    sql: str
    parameters: tuple[Any, ...]


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """The statements sent during the `with`."""
    sent: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, parameters: Any, many: Any, context: Any) -> Any:
        sent.append(Statement(sql, tuple(parameters or ())))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        yield sent


class _Node(msgspec.Struct):
    number: int
    parent: int
    detail: str


def plan(statement: Statement) -> list[_Node]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        return [_Node(row[0], row[1], row[3]) for row in cursor.fetchall()]


def faults(statement: Statement, small: Container[str]) -> list[str]:
    """What is read or sorted of a table that may grow, without end.

    A walk along an index is no fault where a limit alone ends it, nor is sorting what was found by key or by a query
    within the statement. A search for a value that very many rows have is a walk too.
    """
    nodes = plan(statement)
    inner = {node.number: node.detail.split()[1] for node in nodes if node.detail.startswith(_WITHIN)}
    partial, broad = _partial_indexes(), _broad_columns()
    found = []
    for node in nodes:
        words = node.detail.split()
        of_inner = words[1] in inner.values() and node.parent not in inner
        scan = words[0] == "SCAN" and words[1] not in small and not of_inner
        if scan and not _limit_alone_ends(statement.sql, words[1], conditions=int(words[-1] in partial)):
            found.append(node.detail)
        search = _SEARCH.fullmatch(node.detail)
        if search is not None and _table_of(search["index"]) not in small:
            table = _table_of(search["index"])
            columns = [each.split("=")[0] for each in search["columns"].split(" AND ")]
            walk = all((table, column) in broad for column in columns)
            if walk and not _limit_alone_ends(statement.sql, table, conditions=len(columns)):
                found.append(node.detail)
        if "TEMP B-TREE" in node.detail:
            sources = [each.detail for each in nodes if each.parent == node.parent and _reads(each)]
            if node.parent in inner or not all(_few(each, inner.values()) for each in sources):
                found.append(node.detail)
    return found


def _broad_columns() -> set[tuple[str, str]]:
    """The columns, with their tables, in which very many rows have the same value."""
    return {
        (model._meta.db_table, str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.choices or field.name in {"kiosk", "owner", "supervisor"}
    }


def _table_of(index: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tbl_name FROM sqlite_master WHERE name = %s", [index])
        row = cursor.fetchone()
        return "" if row is None else str(row[0])


def _reads(node: _Node) -> bool:
    return node.detail.startswith(("SCAN", "SEARCH"))


def _few(detail: str, inner: Container[str]) -> bool:
    return detail.split()[1] in inner or ("=?" in detail and any(each in detail for each in _BY_KEY))


def _partial_indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
        return {row[0] for row in cursor.fetchall()}


def _limit_alone_ends(sql: str, table: str, *, conditions: int) -> bool:
    """Whether a query over a table has a limit, and no condition but those that its index answers."""
    for after in sql.split(f'FROM "{table}"')[1:]:
        query = after[: _end(after)]
        held = query.count("WHERE") + query.count(" AND ") + query.count(" OR ")
        if " LIMIT " in query and held <= conditions:
            return True
    return False


def _end(text: str) -> int:
    """Where the bracket closes within which a text begins."""
    depth = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return place
    return len(text)


@contextmanager
def steps() -> Iterator[Callable[[], int]]:
    """How many of SQLite's instructions are run during the `with`, in hundreds; the same on every machine."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    held = connection.connection
    assert isinstance(held, sqlite3.Connection)
    held.set_progress_handler(count, STEP)
    try:
        yield lambda: counted
    finally:
        held.set_progress_handler(None, 0)
