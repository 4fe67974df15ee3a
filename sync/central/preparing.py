"""Making what the centre works with, keys and tables, while nobody works with them; and the place of each who does.

Every command holds a place as long as it runs, beside the others, or alone while it makes something. Whoever finds that keys or
tables are due waits until nobody else is there: the former version's server may still be at work. The places end with their
holder, also when it is killed: flock(2) on the data directory, with PostgreSQL an advisory lock that every connection shares.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.migrations.executor import MigrationExecutor

from hardware.disk import FileLock, FolderLock
from kiosk.text.command_line import spoken
from sync.central import configuration, replacement
from sync.central.centre_keys import DJANGO_KEY, KEY_FILES, keys_missing, make_keys
from sync.central.errors import (
    KeysUnusable,
    NoCentre,
    OthersAtWork,
    PreparedByAnother,
    ServedAlready,
    TablesNewer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.db.backends.base.base import BaseDatabaseWrapper

    from sync.central.errors import CentreError

LONGEST_WAIT = 600.0
"""Seconds: bringing large tables up to date takes minutes, and so may stopping a server of a former version, by hand."""
SERVING = "serving.lock"
_SILENT = 1.0  # seconds that a wait may last before it is told
_STEP = 0.05  # seconds between two looks
_ADVISORY = 0x4B65796465736B  # "Keydesk"; the lock's number is ours to choose, and of this database alone


class Occupancy:
    """A place in the centre's data directory, until it is closed."""

    def __init__(self, directory: Path) -> None:
        """Hold no place yet. Raises KeysUnusable."""
        self.directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FolderLock(directory)
        except OSError as error:
            raise KeysUnusable(directory, str(error)) from error

    def share(self, longest: float = LONGEST_WAIT) -> None:
        """Work beside others, once nobody is alone there. Raises PreparedByAnother."""
        what = spoken().text("{directory} 里的密钥或表", directory=self.directory)
        _wait_for_one(self._lock.share, what, longest)

    def take(self, wanted: Callable[[], bool], longest: float = LONGEST_WAIT) -> bool:
        """Be alone, once nobody else is there; False once that is not wanted any more, and no place is held.

        Raises OthersAtWork, where no place is held either.
        """
        return _wait_for_others(self._lock.take, wanted, str(self.directory), longest)

    def settle(self) -> None:
        """Have what was being put back in its place, and work beside others. Raises OthersAtWork, PreparedByAnother, OSError."""

        def waits() -> bool:
            return replacement.is_waiting(self.directory)

        while waits():
            if self.take(waits):
                replacement.finish(self.directory)
            self.share()

    def close(self) -> None:
        """Leave; leaving again does nothing."""
        self._lock.close()


def is_centre(directory: Path) -> bool:
    """Whether a data directory holds a centre, also one that is only being put back."""
    names = (*KEY_FILES, configuration.SQLITE, replacement.RESTORE)
    return any((directory / name).exists() for name in names)


def require_centre(directory: Path) -> None:
    """Refuse a directory that holds none, before one is made of a mistyped name. Raises NoCentre."""
    if not is_centre(directory):
        raise NoCentre(directory)


def occupy(now: int, longest: float = LONGEST_WAIT) -> Occupancy:
    """A place in the data directory, the missing keys made, and what was being put back in its place.

    Raises KeysUnusable, CryptographyUnusable, NameInvalid, PreparedByAnother, OthersAtWork.
    """
    loaded = configuration.load()
    occupancy = Occupancy(loaded.directory)
    try:
        occupancy.share(longest)
        occupancy.settle()
        while keys_missing(loaded.directory):
            if occupancy.take(lambda: keys_missing(loaded.directory)):
                make_keys(loaded.directory, loaded.organisation, now)
            occupancy.share(longest)
        make_keys(loaded.directory, loaded.organisation, now)
    except BaseException:
        occupancy.close()
        raise
    return occupancy


def tell_django(directory: Path) -> None:
    """Have Django's settings, which may have been read before there was a key, have the one that was made."""
    settings.SECRET_KEY = (directory / DJANGO_KEY).read_text(encoding="ascii")


def migrate_when_due(occupancy: Occupancy) -> bool:
    """Apply the migrations that are missing, while nobody works with the tables; whether there were any.

    From then on every connection of this process works beside others. Raises PreparedByAnother, OthersAtWork, TablesNewer.
    """
    migrated = False
    _share_database(LONGEST_WAIT)
    while migrations_due():
        with tables_alone(occupancy, migrations_due) as alone:
            migrated = alone and apply_migrations()
    work_beside_others()
    return migrated


def apply_migrations() -> bool:
    """Apply the migrations that are missing; whether there were any. The caller is alone. Raises TablesNewer."""
    due = migrations_due()
    if due:
        call_command(migrate.Command(), interactive=False, verbosity=0)
    return due


def migrations_due() -> bool:
    """Whether migrations are missing. Raises TablesNewer."""
    executor = MigrationExecutor(connection)
    unknown = [each for each in executor.loader.applied_migrations if each not in executor.loader.graph.nodes]
    if unknown:
        raise TablesNewer([f"{app} {name}" for app, name in sorted(unknown)])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def work_beside_others() -> None:
    """Have the database know of every connection that this process makes from now on."""
    connection_created.connect(_share_new, dispatch_uid="keydesk-place")


@contextmanager
def tables_alone(
    occupancy: Occupancy, wanted: Callable[[], bool] = lambda: True, longest: float = LONGEST_WAIT
) -> Iterator[bool]:
    """Be the only one who has the tables, or not, once that is not wanted any more; afterwards one beside others.

    Raises OthersAtWork, PreparedByAnother.
    """

    def still() -> bool:
        try:
            return wanted()
        finally:
            connection.close()  # the database may be another file by the time that there is a place again

    if connection.vendor != "postgresql":
        yield occupancy.take(still, longest)
        occupancy.share()
        return
    # Who shares it may take it alone only where nobody else shares it: two that want both would wait for ever.
    _advisory("pg_advisory_unlock_all")()
    taking = _advisory("pg_try_advisory_lock", _ADVISORY)
    alone = _wait_for_others(taking, still, spoken().text("PostgreSQL 数据库"), longest)
    try:
        yield alone
    finally:
        if alone:
            _advisory("pg_advisory_unlock", _ADVISORY)()
    _share_database(LONGEST_WAIT)


@contextmanager
def serving_alone(directory: Path) -> Iterator[None]:
    """Be the one server of an SQLite database. Raises ServedAlready, OSError."""
    if connection.vendor == "postgresql":
        yield
        return
    with closing(FileLock(directory / SERVING)) as lock:
        if not lock.take():
            raise ServedAlready(directory)
        yield


def _share_database(longest: float) -> None:
    if connection.vendor == "postgresql":
        shared = _advisory("pg_try_advisory_lock_shared", _ADVISORY)
        _wait_for_one(shared, spoken().text("PostgreSQL 数据库里的表"), longest)


def _share_new(connection: BaseDatabaseWrapper, **_named: object) -> None:
    """Have a new connection share the place of this process at the database; it waits while another makes tables."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_ADVISORY])


def _advisory(function: str, *parameters: int) -> Callable[[], bool]:
    def call() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}({', '.join('%s' for _ in parameters)})", parameters)
            return bool(cursor.fetchone()[0])

    return call


def _wait_for_one(taken: Callable[[], bool], what: str, longest: float) -> None:
    """Wait for the one that is alone. Raises PreparedByAnother after the longest time."""
    waiting = spoken().text("另一个 keydesk-central 正在做 {what}，等它做完", what=what)
    _wait(taken, lambda: True, waiting, longest, PreparedByAnother(what, longest))


def _wait_for_others(
    taken: Callable[[], bool], wanted: Callable[[], bool], where: str, longest: float
) -> bool:
    """Wait for those that work there, or until that is not wanted any more. Raises OthersAtWork after the longest time."""
    waiting = spoken().text("等别的 keydesk-central 都不再用 {where}：请停下原来的服务程序", where=where)
    return _wait(taken, wanted, waiting, longest, OthersAtWork(where, longest))


def _wait(
    taken: Callable[[], bool],
    wanted: Callable[[], bool],
    waiting: str,
    longest: float,
    too_long: CentreError,
) -> bool:
    """Wait until it is taken, or not wanted any more (which is asked now and then), and say so when that takes a while."""
    began = asked = time.monotonic()
    told = False
    while not taken():
        now = time.monotonic()
        if now - began >= longest:
            raise too_long
        if now - asked >= _SILENT:
            if not wanted():
                return False
            asked = time.monotonic()
            if not told:
                told = True
                said = spoken().text("{waiting}，最多 {seconds} 秒", waiting=waiting, seconds=f"{longest:g}")
                sys.stderr.write(f"keydesk-central: {said}\n")
                sys.stderr.flush()
        time.sleep(_STEP)
    return True
