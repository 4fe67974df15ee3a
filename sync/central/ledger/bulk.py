"""Writing many rows by one statement, with the values made before the transaction begins."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Model


class Upsert:
    """Rows to be inserted or to take the place of those with the same keys: made outside, written within."""

    def __init__(self, model: type[Model], rows: Sequence[Model]) -> None:
        fields = model._meta.local_concrete_fields  # noqa: SLF001 - Django's documented Meta API
        self._rows = [
            tuple(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields)
            for row in rows
        ]
        self._statement = _statement(model)

    def write(self) -> None:
        """Write them, in the transaction that is open."""
        if not self._rows:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._statement, [list(column) for column in zip(*self._rows, strict=True)])
            else:
                cursor.executemany(self._statement, self._rows)


def _statement(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    meta = model._meta  # noqa: SLF001 - Django's documented Meta API
    fields = meta.local_concrete_fields
    columns = [quote(field.get_attname_column()[1] or "") for field in fields]
    (key,) = (name for name, field in zip(columns, fields, strict=True) if field.primary_key)
    names = ", ".join(columns)
    others = [name for name in columns if name != key]
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - names of our own columns
    else:
        source = f"VALUES ({', '.join(['%s'] * len(fields))})"
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    return (
        f"INSERT INTO {quote(meta.db_table)} ({names}) {source} ON CONFLICT ({key}) DO UPDATE SET {changes}"
    )
