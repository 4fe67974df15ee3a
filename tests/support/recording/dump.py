"""The centre on PostgreSQL: its tables filled from those of a file, dumped, and put into a database again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from sync.central.preparing import apply_migrations
from tests.support.django_setup import ORGANISATION  # noqa: F401 # isort: split - Django is set up by it
from tests.support.histories.centre import Centre, ServerTables
from tests.support.postgresql import program

Rows = list[tuple[type[Model], list[Model]]]


def rows() -> Rows:
    """Every row of the centre that is at work."""
    models = apps.get_models(include_auto_created=True)
    return [(model, list(model._base_manager.all())) for model in models]


def fill(centre: Centre, kept: Rows) -> None:
    """Fill new tables of a server with these rows."""
    with centre.at_work():
        apply_migrations()
        with transaction.atomic(), connection.cursor() as cursor:
            for model, _ in reversed(kept):
                cursor.execute(f'TRUNCATE "{model._meta.db_table}" CASCADE')
            for model, found in kept:
                model._base_manager.bulk_create(found)
            for command in connection.ops.sequence_reset_sql(no_style(), [model for model, _ in kept]):
                cursor.execute(command)


def dumped(address: str, name: str) -> bytes:
    """The SQL of a database of that server, without what only says where it was made."""
    command = [program("pg_dump"), "--no-owner", "--no-privileges", _address(address, name)]
    text = subprocess.run(command, check=True, capture_output=True).stdout
    return b"".join(
        line for line in text.splitlines(keepends=True) if not line.startswith((b"--", b"\\r", b"\\u"))
    )


def load(address: str, folder: Path, sql: bytes) -> ServerTables:
    """A database of that SQL, named for the folder."""
    tables = ServerTables(address, folder)
    command = [
        program("psql"),
        "--quiet",
        "--no-psqlrc",
        "--set=ON_ERROR_STOP=1",
        "--dbname",
        _address(address, folder.name),
    ]
    subprocess.run(command, check=True, input=sql, stdout=subprocess.DEVNULL)
    return tables


def _address(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()
