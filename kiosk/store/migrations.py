"""The tables, step by step; each step is applied once, in order, and recorded in the database.

`user_version` holds the number of steps, so that a database that is up to date is opened without sqlite-utils.
Rows are MessagePack of the domain's records (`row`), with separate columns for the fields that are searched. A step that
fills such a column reads the rows as plain maps, since the records may look different by then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kiosk.domain.errors import EntryMalformed
from kiosk.domain.journal import unseal
from kiosk.domain.ledger_fold import fold_entry, judged_by_the_issuer

if TYPE_CHECKING:
    from sqlite3 import Connection

    from sqlite_utils import Database as Tables

LATEST = 14
_NO_VACUUM = 0  # https://www.sqlite.org/pragma.html#pragma_auto_vacuum
_FOLDED_OTHERWISE = 5  # before this step the folded tables were made by other rules


def migrate(connection: Connection) -> None:
    """Bring the tables up to date in one transaction; a second process at the same time finds it done."""
    from sqlite_utils import Database as Tables  # noqa: PLC0415 - takes a tenth of a second and is seldom needed
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415 - for the same reason

    steps = Migrations("keydesk")
    steps(name="0001_foundation")(_foundation)
    steps(name="0002_token_serials")(_token_serials)
    steps(name="0003_large_stores")(_large_stores)
    steps(name="0004_folds")(_nothing)
    steps(name="0005_order_references")(_order_references)
    steps(name="0006_other_strands")(_other_strands)
    steps(name="0007_feed_rows")(_feed_rows)
    steps(name="0008_rows_beside")(_rows_beside)
    steps(name="0009_left_audiences")(_left_audiences)
    steps(name="0010_nights")(_nights)
    steps(name="0011_snapshots")(_snapshots)
    steps(name="0012_shrinking")(_nothing)
    steps(name="0013_unconfirmed_receipts")(_unconfirmed_receipts)
    steps(name="0014_requests")(_requests)
    connection.execute("BEGIN IMMEDIATE")
    try:
        (before,) = connection.execute("PRAGMA user_version").fetchone()
        steps.apply(Tables(connection, execute_plugins=False))
        if before < _FOLDED_OTHERWISE:
            fold_anew(connection)
        connection.execute(f"PRAGMA user_version = {LATEST}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def let_shrink(connection: Connection) -> None:
    """Let free pages be given back (`Database.give_back`); a database that has tables is written anew for it, by one alone."""
    if is_rigid(connection):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")


def is_rigid(connection: Connection) -> bool:
    """Whether the file keeps its free pages for ever."""
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    return int(mode) == _NO_VACUUM


def _nothing(_tables: Tables) -> None:
    """The tables stay as they are: their rows, or the file, are made anew."""


def fold_anew(connection: Connection) -> None:
    """Make the folded tables from the journal, from its snapshot on; within a transaction.

    What cannot be read, `journal verify` names.
    """
    from kiosk.domain.snapshots import EchoedRow, read_row  # noqa: PLC0415 - seldom needed
    from kiosk.store.ledger import COLUMNS, LedgerTables  # noqa: PLC0415 - seldom needed
    from kiosk.store.snapshots import SnapshotTables  # noqa: PLC0415 - seldom needed

    for table in COLUMNS:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand in COLUMNS
    ledger, snapshots = LedgerTables(connection, Path()), SnapshotTables(connection, Path())
    kept = snapshots.in_force()
    for data in () if kept is None else snapshots.rows(kept.sequence):
        row = read_row(data)
        ledger.put(() if isinstance(row, EchoedRow) else (row,))
    after = 0 if kept is None else kept.sequence
    for (data,) in connection.execute(
        "SELECT data FROM journal WHERE sequence > ? ORDER BY sequence", (after,)
    ):
        try:
            entry = unseal(data).entry
        except EntryMalformed:
            continue
        ledger.put(fold_entry(ledger, entry, judged_by_the_issuer).rows)


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
    for name, serial_of in _SERIALS.items():
        unread = f"SELECT rowid, row FROM {name} WHERE token_serial = ?"  # noqa: S608 - names of ours
        for rowid, row in connection.execute(unread, (_NOT_READ,)).fetchall():
            serial = serial_of(msgspec.msgpack.decode(row))
            connection.execute(f"UPDATE {name} SET token_serial = ? WHERE rowid = ?", (serial, rowid))  # noqa: S608 - names of ours


def _serial_in(record: _Record | None) -> str:
    return "" if record is None else str(record["token_serial"])


def _serial_of_attempt(bindings: list[_Record]) -> str:
    """Of the last attempt, unless it was abandoned."""
    return "" if not bindings or bindings[-1]["step"] == "abandoned" else _serial_in(bindings[-1])


_SERIALS: dict[str, Callable[[_Record], str]] = {
    "accounts": lambda account: _serial_in(account["key"]),
    "orders": lambda order: _serial_of_attempt(order["bindings"]),
    "keys_elsewhere": _serial_in,
}
"""The tables with such a column, and where a row has the serial."""


def _large_stores(tables: Tables) -> None:
    """What each question to a table that grows needs in order to read no more than its answer."""
    _index(tables, "journal", "wall")
    _index(tables, "orders", "sequence")
    _index(tables, "orders", "token_serial, status, sequence")
    tables.execute("DROP INDEX idx_orders_token_serial")
    _index(tables, "payments", "sequence", where="how <> 'feed'")
    _index(tables, "failures", "time", where="scope NOT GLOB 'confirmation:*'")
    _index(tables, "print_queue", "order_number")
    tables.table("print_queue").enable_counts()
    _column(tables, "orders", "code_identity BLOB NOT NULL DEFAULT x''")
    _column(tables, "disputes", "settled INTEGER NOT NULL DEFAULT 0")
    _column(tables, "journal", "hold_account TEXT NOT NULL DEFAULT ''")
    for fill in (_fill_code_identities, _fill_settled, _fill_hold_accounts):
        fill(tables.conn)
    _index(tables, "orders", "code_identity", where="code_identity <> x''")
    _index(tables, "disputes", "settled, sequence, account")
    _index(tables, "journal", "hold_account, sequence", where="hold_account <> ''")


def _other_strands(tables: Tables) -> None:
    """The entries of this kiosk that are not in its own journal."""
    columns = {
        "position": int, "strand": int, "sequence": int, "epoch": int, "after_own": int, "hash": bytes, "data": bytes,
    }  # fmt: skip
    _create(tables, "other_entries", columns)
    tables.table("other_entries").create_index(["strand", "sequence"], unique=True)
    tables.table("other_entries").create_index(["sequence"])
    tables.table("other_entries").create_index(["epoch"])


def _feed_rows(tables: Tables) -> None:
    """Rows in place of numbered items: the feed is read from zero, and an entry that repeats a row names its key."""
    row = {
        "audience": int, "key": str, "incarnation": int, "stamp": int, "base_incarnation": int, "base_stamp": int,
        "kind": str, "body": bytes, "signature": bytes,
    }  # fmt: skip
    _keyed(tables, "feed_rows", {**row, "digest": bytes})
    _index(tables, "feed_rows", "key, incarnation, stamp")
    _keyed(tables, "unapplied_rows", {**row, "problem": str, "order_reference": str})
    _index(tables, "unapplied_rows", "incarnation, stamp, audience, key")
    _index(tables, "unapplied_rows", "order_reference, incarnation, stamp", where="order_reference <> ''")
    _create(
        tables,
        "cursors",
        {"audience": int, "incarnation": int, "stamp": int, "target_incarnation": int, "target_stamp": int},
    )
    matters = {"rule": str, "subject": str, "sequence": int, "settled": int, "row": bytes}
    tables.table("matters").create(matters, pk=("rule", "subject"), not_null=set(matters), strict=True)
    _index(tables, "matters", "settled, sequence, rule, subject")
    for name in ("kept_items", "disputes", "schedules"):
        tables.execute(f"DROP TABLE {name}")
    schedules = {"number": int, "digest": bytes, "row": bytes}
    tables.table("schedules").create(schedules, pk=("number", "digest"), not_null=set(schedules), strict=True)
    tables.execute("DELETE FROM singletons WHERE name = 'feed-cursor'")
    for name in ("journal", "other_entries"):
        _column(tables, name, "feed_key TEXT NOT NULL DEFAULT ''")
        _index(tables, name, "feed_key", where="feed_key <> ''")


def _rows_beside(tables: Tables) -> None:
    """Several rows of one key are kept, where none of their writers knew of the others."""
    table = tables.table("unapplied_rows")
    columns = {each.name: _TYPES[each.type] for each in table.columns}
    kept = tables.execute("SELECT * FROM unapplied_rows").fetchall()
    tables.execute("DROP TABLE unapplied_rows")
    table = tables.table("unapplied_rows")
    table.create(columns, pk=("audience", "key", "incarnation", "stamp"), not_null=set(columns), strict=True)
    _index(tables, "unapplied_rows", "incarnation, stamp, audience, key")
    _index(tables, "unapplied_rows", "order_reference, incarnation, stamp", where="order_reference <> ''")
    places = ", ".join("?" * len(columns))
    tables.conn.executemany(f"INSERT INTO unapplied_rows VALUES ({places})", kept)  # noqa: S608 - places alone


def _left_audiences(tables: Tables) -> None:
    """An audience is left at once, and its rows are deleted by and by."""
    _create(tables, "left_audiences", {"audience": int})


def _nights(tables: Tables) -> None:
    """The last reports of the nightly run."""
    _create(tables, "nights", {"number": int, "night": int, "row": bytes})


def _snapshots(tables: Tables) -> None:
    """The fold up to an entry, its rows in portions; and what stays of the entries that are deleted behind it."""
    acknowledged = {"acknowledgement": bytes, "acknowledged_by": bytes}
    _create(tables, "snapshots", {"sequence": int, "snapshot": bytes, "signature": bytes, **acknowledged})
    rows = {"sequence": int, "position": int, "data": bytes}
    tables.table("snapshot_rows").create(rows, pk=("sequence", "position"), not_null=set(rows), strict=True)
    _create(tables, "pruned_links", {"first": int, "hashes": bytes})
    _create(tables, "pruned_epochs", {"epoch": int, "first": int})
    _index(tables, "pruned_epochs", "first")
    _create(tables, "pruned_echoes", {"key": str, "sequence": int, "said": bytes})


def _keyed(tables: Tables, name: str, columns: dict[str, type]) -> None:
    tables.table(name).create(columns, pk=("audience", "key"), not_null=set(columns), strict=True)


def _index(tables: Tables, table: str, columns: str, *, where: str = "") -> None:
    name = "_".join(["idx", table, *columns.split(", ")])
    condition = f" WHERE {where}" if where else ""
    tables.execute(f"CREATE INDEX {name} ON {table} ({columns}){condition}")


def _column(tables: Tables, table: str, definition: str) -> None:
    tables.execute(f"ALTER TABLE {table} ADD COLUMN {definition}")


_TYPES: dict[str, type] = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
_HOLDS = frozenset({"loss-reported", "hold-lifted", "key-found"})


def _fill_code_identities(connection: Connection) -> None:
    for number, row in connection.execute("SELECT number, row FROM orders"):
        identity = _code_identity(msgspec.msgpack.decode(row)["token"])
        connection.execute("UPDATE orders SET code_identity = ? WHERE number = ?", (identity, number))


def _fill_settled(connection: Connection) -> None:
    for account, sequence, row in connection.execute("SELECT account, sequence, row FROM disputes"):
        settled = msgspec.msgpack.decode(row)["outcome"] is not None
        values = (settled, account, sequence)
        connection.execute("UPDATE disputes SET settled = ? WHERE account = ? AND sequence = ?", values)


def _fill_hold_accounts(connection: Connection) -> None:
    for sequence, data in connection.execute("SELECT sequence, data FROM journal"):
        account = _hold_account(data)
        if account:
            values = (account, sequence)
            connection.execute("UPDATE journal SET hold_account = ? WHERE sequence = ?", values)


def _hold_account(data: bytes) -> str:
    """Whose hold the entry is about; empty for others, and where it is damaged, which checking the journal finds."""
    try:
        body = msgspec.msgpack.decode(data, type=_Holds).body
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return body.account if body.kind in _HOLDS else ""


class _HoldBody(msgspec.Struct):
    kind: str
    account: str = ""


class _Holds(msgspec.Struct, array_like=True):
    """An entry, as far as it is read here."""

    form: int
    kiosk: int
    epoch: int
    sequence: int
    wall: int
    monotonic: int
    boot: str
    previous: bytes
    body: _HoldBody


def _code_identity(order_code: bytes) -> bytes:
    return hashlib.sha256(order_code).digest()[:8] if order_code else b""


def _order_references(tables: Tables) -> None:
    """An order's key is its reference; its number is beside it, where several orders may have the same."""
    tables.execute("ALTER TABLE orders RENAME COLUMN number TO reference")
    for name in ("payments", "print_queue"):
        tables.execute(f"ALTER TABLE {name} RENAME COLUMN order_number TO order_reference")
    tables.execute("DROP INDEX idx_print_queue_order_number")
    _index(tables, "print_queue", "order_reference")
    _column(tables, "orders", "order_number TEXT NOT NULL DEFAULT ''")
    _index(tables, "orders", "order_number, sequence")


def _unconfirmed_receipts(tables: Tables) -> None:
    """A receipt that a printer was given, and that may be out."""
    _column(tables, "print_queue", "unconfirmed INTEGER NOT NULL DEFAULT 0")


def _requests(tables: Tables) -> None:
    """What members ask for after paying; and the personal records beside the journal, apart from the key of each."""
    _create(tables, "requests", {"order_reference": str, "account": str, "row": bytes})
    _index(tables, "requests", "account, order_reference")
    _create(tables, "proposals", {"proposal": str, "account": str, "row": bytes})
    _index(tables, "proposals", "account, proposal")
    record = {
        "commitment": bytes,
        "kind": str,
        "account": str,
        "made_at": int,
        "sent_at": int,
        "sealed": bytes,
    }
    _create(tables, "personal_records", record)
    _index(tables, "personal_records", "account, made_at")
    _index(tables, "personal_records", "kind, sent_at")
    _index(tables, "personal_records", "sent_at, made_at")
    _create(tables, "personal_keys", {"commitment": bytes, "key": bytes})
