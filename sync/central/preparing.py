"""Making what the centre works with, keys and tables: one process at a time, on this machine and at the database.

Commands that begin together, on a new data directory or on one of a former version, wait for the first. The locks end with
their holder, also when it is killed: flock(2) on the data directory, an advisory lock of PostgreSQL's (of the session).
"""

from __future__ import annotations

import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from hardware.disk import FolderLock
from sync.central import configuration
from sync.central.centre_keys import make_keys
from sync.central.errors import KeysUnusable, PreparedByAnother

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sync.central.centre_keys import CentreKeys

LONGEST_WAIT = 600.0  # seconds
_SILENT = 1.0  # seconds that a wait may last before it is told
_STEP = 0.05  # seconds between two looks
_ADVISORY = 0x4B65796465736B  # "Keydesk"; the lock's number is ours to choose, and of this database alone


def prepare_keys(now: int, longest: float = LONGEST_WAIT) -> CentreKeys:
    """Make the keys that are missing. Raises KeysUnusable, CryptographyUnusable, NameInvalid, PreparedByAnother."""
    loaded = configuration.load()
    with _alone_in(loaded.directory, longest):
        return make_keys(loaded.directory, loaded.organisation, now)


def migrate_when_due() -> bool:
    """Apply the migrations that are missing; the result says whether there were any. Raises PreparedByAnother."""
    with tables_alone():
        executor = MigrationExecutor(connection)
        due = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if due:
            call_command(migrate.Command(), interactive=False, verbosity=0)
    return bool(due)


@contextmanager
def tables_alone(longest: float = LONGEST_WAIT) -> Iterator[None]:
    """Be the only one who changes the tables. Raises PreparedByAnother."""
    if connection.vendor != "postgresql":
        with _alone_in(configuration.load().directory, longest):
            yield
        return
    _wait(_advisory("pg_try_advisory_lock"), "the tables of the database", longest)
    try:
        yield
    finally:
        _advisory("pg_advisory_unlock")()


@contextmanager
def _alone_in(directory: Path, longest: float) -> Iterator[None]:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FolderLock(directory)
    except OSError as error:
        raise KeysUnusable(directory, str(error)) from error
    with closing(lock):
        _wait(lock.take, f"keys or tables in {directory}", longest)
        yield


def _advisory(function: str) -> Callable[[], bool]:
    def call() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [_ADVISORY])
            return bool(cursor.fetchone()[0])

    return call


def _wait(taken: Callable[[], bool], what: str, longest: float) -> None:
    """Wait until it is taken, and say so when that takes a while. Raises PreparedByAnother after the longest time."""
    began, told = time.monotonic(), False
    while not taken():
        waited = time.monotonic() - began
        if waited >= longest:
            raise PreparedByAnother(what, longest)
        if waited >= _SILENT and not told:
            told = True
            sys.stderr.write(
                f"keydesk-central: waiting for another keydesk-central, which makes {what}; at most {longest:g} s\n"
            )
            sys.stderr.flush()
        time.sleep(_STEP)
