"""Walks along the indexes of a table of any size: what an index serves, windows of a walk, searches by keys.

Nothing here reads a table from end to end. A walk is a query in an order that an index has; a page of it skips the
rows before it in the index alone. What no index serves is judged within a window of a walk, a fixed number of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, Model, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.datastructures import BaseTable

Row = TypeVar("Row", bound=Model)

SEARCHED = 1000
"""The most rows that one word finds in one column."""
_HIGHEST = "\U0010ffff"


class Found(NamedTuple):
    """The keys of the rows that a search found; not `complete` when a word fits more rows than are searched."""

    keys: list[object]
    complete: bool


def columns_of(model: type[Model], ordering: Sequence[str]) -> tuple[str, ...]:
    """The columns of an order in one direction; empty when its directions differ, which no index here has."""
    if len({each.startswith("-") for each in ordering}) != 1:
        return ()
    primary = _primary_key(model)
    return tuple(primary if each.lstrip("-") == "pk" else each.lstrip("-") for each in ordering)


def backwards(ordering: Sequence[str]) -> list[str]:
    """The same order from its other end."""
    return [each.removeprefix("-") if each.startswith("-") else f"-{each}" for each in ordering]


def serves(
    model: type[Model], ordering: Sequence[str], field: str = "", *, empty: bool | None = None
) -> bool:
    """Whether an index has rows in this order: all, those of one value of a field, or those where it is (not) empty."""
    columns = columns_of(model, ordering)
    if not columns:
        return False
    if not field and columns[0] == _primary_key(model):
        return True
    wanted = columns if empty is not None or not field else (field, *columns)
    condition = None if empty is None else Q(**{f"{field}__isnull": empty})
    return any(
        tuple(index.fields[: len(wanted)]) == wanted and index.condition == condition
        for index in model._meta.indexes  # noqa: SLF001 - Django's documented Model._meta API
    )


def within(rows: QuerySet[Row], outer: QuerySet[Row]) -> QuerySet[Row]:
    """A query (for keys) over some limited rows of its table, in place of the table itself.

    The limit keeps the database from looking for the outer conditions in the whole table.
    """
    fields = rows.model._meta.concrete_fields  # noqa: SLF001 - Django's documented Model._meta API
    names = [each.attname for each in fields if not isinstance(each, BinaryField)]
    made = outer.all()
    alias = made.query.get_initial_alias()
    table = made.query.alias_map[alias].table_name
    made.query.alias_map[alias] = _Rows(table, alias, rows.values(*names))
    return made


class _Rows(BaseTable):
    """The rows of a query where a table's name stands in another one."""

    def __init__(self, table_name: str, alias: str, rows: QuerySet[Any, dict[str, Any]]) -> None:
        super().__init__(table_name, alias)
        self._rows = rows

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """The query in brackets, under the table's name."""
        del connection
        sql, parameters = self._rows.query.get_compiler(connection=compiler.connection).as_sql()
        return f"({sql}) {compiler.quote_name_unless_alias(self.table_name)}", list(parameters)


def up_to(rows: QuerySet[Row], most: int) -> int:
    """How many rows there are, counted up to `most`."""
    return rows.values("pk")[:most].count()


def search(rows: QuerySet[Row], fields: Iterable[str], text: str, ordering: Sequence[str]) -> Found:
    """Search for rows in which each word is (`=field`) or begins (`^field`) one of the fields, through their indexes."""
    words, names = text.replace("\x00", "").split(), list(fields)
    if not words:
        return Found([], complete=True)
    keys: dict[object, None] = {}
    complete = True
    for name in names:
        found = list(_fitting(rows, name, words[0], ordering).values_list("pk", flat=True)[: SEARCHED + 1])
        complete = complete and len(found) <= SEARCHED
        keys.update(dict.fromkeys(found[:SEARCHED]))
    if keys and len(words) > 1:
        some = rows.order_by().filter(pk__in=list(keys))[: len(keys)]
        both = within(some, rows.order_by())
        for word in words[1:]:
            both = both.filter(Q.create([_condition(name, word) for name in names], connector=Q.OR))
        keys = dict.fromkeys(both.values_list("pk", flat=True))
    return Found(list(keys), complete)


def _fitting(rows: QuerySet[Row], name: str, word: str, ordering: Sequence[str]) -> QuerySet[Row]:
    """The rows that one word fits in one field, the first of the order where an index has them so."""
    fitting = rows.order_by().filter(_condition(name, word))
    one_value = name.startswith("=") and word == word.upper()
    return fitting.order_by(*ordering) if one_value and serves(rows.model, ordering, name[1:]) else fitting


def _condition(name: str, word: str) -> Q:
    how, field = name[0], name[1:]
    typed = list(dict.fromkeys((word, word.upper())))  # what is stored in capitals may be typed without
    if how == "=":
        return Q(**{field: word}) if len(typed) == 1 else Q(**{f"{field}__in": typed})
    if how != "^":
        raise ImproperlyConfigured(f"{name}: no index serves such a search; say =field or ^field")
    return Q.create([_begins(field, each) for each in typed], connector=Q.OR)


def _begins(field: str, text: str) -> Q:
    if connection.vendor == "sqlite":  # whose LIKE takes no index
        return Q(**{f"{field}__gte": text, f"{field}__lt": text + _HIGHEST})
    return Q(**{f"{field}__startswith": text})


def _primary_key(model: type[Model]) -> str:
    return model._meta.pk.name  # noqa: SLF001 - Django's documented Model._meta API
