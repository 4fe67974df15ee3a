"""The tables, step by step; each step is applied once, in order, and recorded in the database.

`user_version` holds the number of steps, so that a database that is up to date is opened without sqlite-utils.
Rows are MessagePack of the domain's records (`row`), with separate columns for the fields that are searched. A step that
fills such a column reads the rows as plain maps, since the records may look different by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from sqlite3 import Connection

    from sqlite_utils import Database as Tables

LATEST = 2


def migrate(connection: Connection) -> None:
    """Bring the tables up to date in one transaction; a second process at the same time finds it done."""
    from sqlite_utils import Database as Tables  # noqa: PLC0415 - takes a tenth of a second and is seldom needed
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415 - for the same reason

    steps = Migrations("keydesk")
    steps(name="0001_foundation")(_foundation)
    steps(name="0002_token_serials")(_token_serials)
    connection.execute("BEGIN IMMEDIATE")
    try:
        steps.apply(Tables(connection, execute_plugins=False))
        connection.execute(f"PRAGMA user_version = {LATEST}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _foundation(tables: Tables) -> None:
    _history(tables)
    _folded_state(tables)
    _fed_by_the_centre(tables)
    _local(tables)


def _history(tables: Tables) -> None:
    _create(tables, "journal", {"sequence": int, "epoch": int, "wall": int, "hash": bytes, "data": bytes})
    tables.table("journal").create_index(["epoch"])


def _folded_state(tables: Tables) -> None:
    _create(
        tables,
        "orders",
        {"number": str, "account": str, "status": str, "sequence": int, "deadline": int, "row": bytes},
    )
    tables.table("orders").create_index(["status", "sequence"])
    tables.table("orders").create_index(["account", "sequence"])
    payments = {"order_number": str, "sequence": int, "how": str, "amount": int}
    tables.table("payments").create(
        payments, pk=("order_number", "sequence"), not_null=set(payments), strict=True
    )
    _create(
        tables,
        "certificates",
        {"number": str, "account": str, "status": str, "sequence": int, "row": bytes},
    )
    tables.table("certificates").create_index(["account", "sequence"])
    tables.table("certificates").create_index(["sequence"])
    _create(tables, "accounts", {"account": str, "row": bytes})


def _fed_by_the_centre(tables: Tables) -> None:
    _create(tables, "enterprises", {"code": str, "row": bytes})
    _create(tables, "operators", {"account": str, "enterprise_code": str, "row": bytes})
    tables.table("operators").create_index(["enterprise_code"])
    _create(tables, "staff", {"name": str, "row": bytes})
    _create(tables, "schedules", {"number": int, "row": bytes})
    _create(tables, "keys_elsewhere", {"account": str, "row": bytes})
    _create(tables, "kept_items", {"number": int, "problem": str, "body": bytes})
    disputes = {"account": str, "sequence": int, "row": bytes}
    tables.table("disputes").create(disputes, pk=("account", "sequence"), not_null=set(disputes), strict=True)


def _local(tables: Tables) -> None:
    _create(tables, "singletons", {"name": str, "row": bytes})
    _create(tables, "vault", {"name": str, "sealed": bytes})
    failures = {"id": int, "scope": str, "time": int}
    _create(tables, "failures", failures)
    tables.table("failures").create_index(["scope", "time"])
    mailbox = {"id": int, "kind": str, "body": bytes, "deadline": int, "answer": bytes}
    tables.table("mailbox").create(mailbox, pk="id", not_null=set(mailbox) - {"answer"}, strict=True)
    _create(tables, "print_queue", {"id": int, "order_number": str, "receipt": bytes})


def _create(tables: Tables, name: str, columns: dict[str, type]) -> None:
    """A table whose first column is the key and where no column may be empty."""
    tables.table(name).create(columns, pk=next(iter(columns)), not_null=set(columns), strict=True)


_Record = dict[str, Any]  # a record of the domain as the map that its MessagePack is


# What a row has where a program of the former version wrote it, which knows no such column. A serial is printable.
_NOT_READ = "\t"


def _token_serials(tables: Tables) -> None:
    """The serial of the token that a key or an attempt is on, so that its owner is found by it; empty for none."""
    for name in _SERIALS:
        tables.table(name).add_column("token_serial", str, not_null_default=_NOT_READ)
        tables.table(name).create_index(["token_serial"])
    read_serials(tables.conn)


def has_unread_serials(connection: Connection) -> bool:
    """Whether a program of the former version wrote rows after another process had brought the tables up to date."""
    questions = (f"SELECT 1 FROM {name} WHERE token_serial = ? LIMIT 1" for name in _SERIALS)  # noqa: S608 - names of ours
    return any(connection.execute(question, (_NOT_READ,)).fetchone() for question in questions)


def read_serials(connection: Connection) -> None:
    """Fill the serials of such rows; within a transaction."""
    for name, (key, serial_of) in _SERIALS.items():
        unread = f"SELECT {key}, row FROM {name} WHERE token_serial = ?"  # noqa: S608 - names of ours
        for number, row in connection.execute(unread, (_NOT_READ,)).fetchall():
            serial = serial_of(msgspec.msgpack.decode(row))
            connection.execute(f"UPDATE {name} SET token_serial = ? WHERE {key} = ?", (serial, number))  # noqa: S608 - names of ours


def _serial_in(record: _Record | None) -> str:
    return "" if record is None else str(record["token_serial"])


def _serial_of_attempt(bindings: list[_Record]) -> str:
    """Of the last attempt, unless it was abandoned."""
    return "" if not bindings or bindings[-1]["step"] == "abandoned" else _serial_in(bindings[-1])


_SERIALS: dict[str, tuple[str, Callable[[_Record], str]]] = {
    "accounts": ("account", lambda account: _serial_in(account["key"])),
    "orders": ("number", lambda order: _serial_of_attempt(order["bindings"])),
    "keys_elsewhere": ("account", _serial_in),
}
"""The tables with such a column: their key, and where a row has the serial."""
