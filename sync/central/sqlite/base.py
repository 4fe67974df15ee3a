"""The database engine `sync.central.sqlite`.

SQLite 3.7.0 to 3.51.2 can lose commits in WAL mode with two or more connections; 3.51.3 fixes that, and so do 3.50.7
and 3.44.6. With other versions (Debian 12 has 3.40.1) the rollback journal is used, which makes readers wait.
What is deleted is overwritten (`secure_delete`): an erased personal record stands in no page.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from hardware.disk import database_files, make_private

_FIXED = (3, 51, 3)
_BACKPORTED = {(3, 50): 7, (3, 44): 6}


def wal_keeps_commits(version: tuple[int, int, int]) -> bool:
    """Whether this version of SQLite keeps every commit in WAL mode with several connections."""
    back = _BACKPORTED.get(version[:2])
    return version >= _FIXED or (back is not None and version[2] >= back)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection with full durability."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Open a connection to files that are their owner's alone, and set its journal mode and `synchronous=FULL`."""
        make_private(*database_files(Path(conn_params["database"])))
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        version = sqlite3.sqlite_version_info
        journal = "WAL" if wal_keeps_commits((version[0], version[1], version[2])) else "TRUNCATE"
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        return connection
