"""A copy of all that a centre is, while it works: the database as it was at one moment, the keys, and what stands beside them.

SQLite: its own backup of a read transaction; where it has no write-ahead log, writers wait meanwhile. PostgreSQL: `pg_dump`, which reads
one snapshot. The file beside the database is copied last: what it knows more than the copy is taken over when that is put back.
The keys of personal records are in no copy, so that none outlives an erasure.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from kiosk.text.command_line import spoken
from sync.central.centre_keys import AWAY, KEY_FILES
from sync.central.configuration import SQLITE, STANDING, CentreConfiguration
from sync.central.errors import DumpFailed, NothingToBackUp

DUMP = "database.dump"
NAMES = (SQLITE, DUMP, *KEY_FILES, STANDING)
"""What a backup of a centre may hold."""
_PERSONAL_KEYS = "personal_recordkey"
_PATIENCE = 600.0  # seconds that a writer may hold the database


def copy_centre(configuration: CentreConfiguration, into: Path, *, keys_only: bool = False) -> None:
    """Copy the centre into an empty folder; with `keys_only` without the database.

    Raises NothingToBackUp, DumpFailed, sqlite3.Error, OSError.
    """
    directory = configuration.directory
    if not keys_only:
        if configuration.database:
            dump_database(configuration.database, into / DUMP)
        else:
            copy_database(directory / SQLITE, into / SQLITE)
    for name in (*KEY_FILES, AWAY, STANDING):
        if (directory / name).exists():
            shutil.copyfile(directory / name, into / name)


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as it is at one moment, whoever writes. Raises NothingToBackUp, sqlite3.Error."""
    if not source.exists():
        raise NothingToBackUp(source)
    address = f"file:{quote(str(source.resolve()))}?mode=rw"  # rw: what a crash left may have to be rolled back first
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the moment
        database.backup(copy)
        copy.execute("PRAGMA secure_delete = ON")
        if copy.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (_PERSONAL_KEYS,)).fetchone():
            copy.execute(f"DELETE FROM {_PERSONAL_KEYS}")  # noqa: S608 - a name of ours
            copy.commit()


def dump_database(address: str, target: Path) -> None:
    """Dump a PostgreSQL database, and read the dump through. Raises DumpFailed."""
    without = f"--exclude-table-data={_PERSONAL_KEYS}"
    _run(
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        without,
        f"--file={target}",
        address=address,
    )
    _run("pg_restore", "--file=/dev/null", str(target), address=address)


def _run(program: str, *arguments: str, address: str) -> None:
    """Run one of PostgreSQL's programs; the password is in its environment, where other users cannot read it."""
    found = shutil.which(program)
    if found is None:
        raise DumpFailed(spoken().text("没有 {program} 这个程序", program=program))
    parts = urlsplit(address)
    settings = {
        "PGHOST": parts.hostname,
        "PGPORT": None if parts.port is None else str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.strip("/"),
    }
    given = {name: unquote(value) for name, value in settings.items() if value}
    done = subprocess.run(
        [found, *arguments], env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip()[-500:]
        raise DumpFailed(
            spoken().text(
                "{program} 退出状态 {status}：{said}", program=program, status=done.returncode, said=said
            )
        )
