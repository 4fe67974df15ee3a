"""The tables: their primary keys and texts, and writing many rows by one statement.

Keys begin with the kiosk, so that a fleet's data can be split by it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from operator import attrgetter

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model, Value
from django.db.models.functions import Coalesce

_SEQUENCE_BITS = 32
_STRAND_BITS = 16
LAST = (1 << _SEQUENCE_BITS) - 1
LAST_STRAND = (1 << _STRAND_BITS) - 1


def row_key(kiosk: int, number: int) -> int:
    """The key of a numbered row of a kiosk: kiosk (15 bits) ‖ number (32 bits)."""
    return kiosk << _SEQUENCE_BITS | number


def strand_number(kiosk: int, strand: int) -> int:
    """What begins the keys of a strand's entries: kiosk (15 bits) ‖ strand (16 bits)."""
    return kiosk << _STRAND_BITS | strand


def kiosk_of_strand(strand: int) -> int:
    """The kiosk in a strand's number."""
    return strand >> _STRAND_BITS


def entry_key(kiosk: int, strand: int, sequence: int) -> int:
    """The key of an entry: kiosk (15 bits) ‖ strand (16 bits) ‖ sequence (32 bits)."""
    return row_key(strand_number(kiosk, strand), sequence)


def fact_key(kiosk: int, sequence: int, digest: bytes) -> str:
    """The key of an entry's fact, on a strand or in quarantine: kiosk, sequence and 16 hex digits of the entry's hash."""
    return f"{kiosk:05d}-{sequence:010d}-{digest[:8].hex()}"


_TIMES = ("code_expires", "expires", "not_after", "not_before", "wall")
_AMOUNTS = ("amount", "received", "total")


def holds_time(column: str) -> bool:
    """Whether a column of this name holds a time in UTC seconds."""
    return column.endswith("_at") or column in _TIMES


def holds_amount(column: str) -> bool:
    """Whether a column of this name holds an amount in fen."""
    return column in _AMOUNTS


def beside_keys(column: str) -> Coalesce:
    """A text column as a condition beside a list of keys, so that no index of its own is searched.

    SQLite, which has no statistics here, takes a few values of a column for rarer than many keys.
    """
    return Coalesce(column, Value(""))


def column_text(text: str, length: int) -> str:
    """The first `length` characters, without NUL, which PostgreSQL does not store."""
    return text.replace("\x00", "")[:length]


class OnConflict(enum.Enum):
    """What becomes of a row whose key is taken."""

    FAIL = "the statement fails"
    KEEP = "the one that is there stays"
    REPLACE = "it takes that one's place"


class Insert:
    """Rows to be inserted: made outside the transaction, written within."""

    def __init__(
        self, model: type[Model], rows: Sequence[Model], on_conflict: OnConflict = OnConflict.FAIL
    ) -> None:
        fields = model._meta.local_concrete_fields  # noqa: SLF001 - Django's documented Meta API
        # Django's `connection` is a proxy that costs more for each value than the value's preparation.
        database = connections[DEFAULT_DB_ALIAS]
        columns = [
            [field.get_db_prep_save(value, database) for value in map(attrgetter(field.attname), rows)]
            for field in fields
        ]
        self._rows = list(zip(*columns, strict=True))
        self._statement = _statement(model, on_conflict)

    def write(self) -> None:
        """Write them, in the transaction that is open."""
        if not self._rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._statement, [list(column) for column in zip(*self._rows, strict=True)])
            else:
                cursor.executemany(self._statement, self._rows)


class Upsert(Insert):
    """Rows that take the place of those with the same keys."""

    def __init__(self, model: type[Model], rows: Sequence[Model]) -> None:
        super().__init__(model, rows, OnConflict.REPLACE)


def _statement(model: type[Model], on_conflict: OnConflict) -> str:
    quote = connection.ops.quote_name
    meta = model._meta  # noqa: SLF001 - Django's documented Meta API
    fields = meta.local_concrete_fields
    columns = [quote(field.get_attname_column()[1] or "") for field in fields]
    (key,) = (name for name, field in zip(columns, fields, strict=True) if field.primary_key)
    names = ", ".join(columns)
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - names of our own columns
    else:
        source = f"VALUES ({', '.join(['%s'] * len(fields))})"
    return f"INSERT INTO {quote(meta.db_table)} ({names}) {source}{_conflict(key, columns, on_conflict)}"


def _conflict(key: str, columns: Sequence[str], on_conflict: OnConflict) -> str:
    match on_conflict:
        case OnConflict.FAIL:
            return ""
        case OnConflict.KEEP:
            return " ON CONFLICT DO NOTHING"
        case OnConflict.REPLACE:
            changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != key)
            return f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
