"""What many tests of the centre begin with: made once, then put back into the tables row by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

from tests.support.kiosk_double import KioskDouble  # isort: split

from sync.central.examples import Examples
from tests.support.values import present

Made = TypeVar("Made")
_Row = tuple[Any, ...]  # what the columns take
_Rows = dict[type[Model], dict[object, _Row]]

_FRESH_SECONDS = 60
"""Longer than that no scene is used: what is in it was made about now, as tests expect of it."""


class _Change(msgspec.Struct, frozen=True):
    """What became of one model's rows: the keys of those that went, and the values of those that came."""

    model: type[Model]
    gone: tuple[_Row, ...]
    come: tuple[_Row, ...]


class _Made(msgspec.Struct, Generic[Made], frozen=True, eq=False):
    at: float
    upon: object
    thing: Made
    changes: tuple[_Change, ...]


class Scene(Generic[Made]):
    """Rows, and a thing beside them, of which `twin` gives each test one of its own.

    The rows are those that `make` added, changed or took away: what a test wrote before stays. A scene stands
    upon the one that was set up before it, and is made anew with it.
    """

    def __init__(self, twin: Callable[[Made], Made], upon: Scene[Any] | None = None) -> None:
        self._twin, self._upon = twin, upon
        self._made: _Made[Made] | None = None

    def set_up(self, make: Callable[[], Made]) -> Made:
        """Put the rows into the tables, made by `make` if there are none of this minute."""
        upon = None if self._upon is None else self._upon._made
        made = self._made
        if made is None or made.upon is not upon or abs(time.time() - made.at) > _FRESH_SECONDS:
            at, before = time.time(), _rows()
            thing = make()
            made = self._made = _Made(at, upon, thing, tuple(_changes(before, _rows())))
        else:
            _write(made.changes)
        return self._twin(made.thing)


def _rows() -> _Rows:
    """Every model's rows as they are written to the database."""
    models = apps.get_models(include_auto_created=True)
    return {model: {row.pk: _values(row) for row in model._base_manager.all()} for model in models}


def _values(row: Model) -> _Row:
    fields = row._meta.concrete_fields
    return tuple(field.get_db_prep_save(field.value_from_object(row), connection) for field in fields)


def _changes(before: _Rows, after: _Rows) -> Iterable[_Change]:
    for model, rows in after.items():
        old, key_field = before[model], present(model._meta.pk)
        gone = tuple(
            (key_field.get_db_prep_save(key, connection),) for key, row in old.items() if rows.get(key) != row
        )
        come = tuple(row for key, row in rows.items() if old.get(key) != row)
        if gone or come:
            yield _Change(model, gone, come)


def _write(changes: Iterable[_Change]) -> None:
    quote, numbered = connection.ops.quote_name, list[type[Model]]()
    with connection.cursor() as cursor:
        for change in changes:
            meta = change.model._meta
            table = quote(meta.db_table)
            if change.gone:
                key = quote(str(present(meta.pk).column))
                command = f"DELETE FROM {table} WHERE {key} = %s"  # noqa: S608 - the models' own names
                cursor.executemany(command, change.gone)
            if change.come:
                columns = ", ".join(quote(str(field.column)) for field in meta.concrete_fields)
                places = ", ".join(["%s"] * len(meta.concrete_fields))
                command = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - likewise
                cursor.executemany(command, change.come)
                numbered.append(change.model)
        for command in connection.ops.sequence_reset_sql(no_style(), numbered):
            cursor.execute(command)


EXAMPLES: Scene[Examples] = Scene(lambda examples: examples)
"""The example members, staff and prices."""
KIOSK: Scene[KioskDouble] = Scene(KioskDouble.twin, EXAMPLES)
"""An enrolled kiosk among them."""


class Backup:
    """The tables as they were, to be put back; the provider's own records stay as they are."""

    def __init__(self) -> None:
        self._before = _rows()

    def put_back(self) -> None:
        """Put them back."""
        now = _rows()
        provider = apps.get_model("payments", "SandboxTrade")
        before = {**self._before, provider: now[provider]}
        _write(_changes(now, before))
