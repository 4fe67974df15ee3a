"""Connections to the encrypted database, and its errors as the store's.

sqlcipher3 has the interface of the standard library's sqlite3, whose types stand in for the missing ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlcipher3.dbapi2 as driver  # type: ignore[import-untyped]  # the package has no types

from kiosk.store.errors import (
    DiskFull,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreUnavailable,
)
from kiosk.store.key_derivation import file_salt
from kiosk.store.shortage import shortage

if TYPE_CHECKING:
    from sqlite3 import Connection

BUSY_SECONDS = 5.0

# Result codes: https://www.sqlite.org/rescode.html
_PRIMARY = 0xFF
_BUSY, _LOCKED, _READ_ONLY, _IO_ERROR, _CORRUPT, _FULL = 5, 6, 8, 10, 11, 13
_CANNOT_OPEN, _PERMISSION, _AUTHORISATION, _NOT_A_DATABASE = 14, 3, 23, 26
_PROTOCOL = 15  # others recover the write-ahead log, for some ten seconds by now
_UNAVAILABLE = {_READ_ONLY, _IO_ERROR, _CANNOT_OPEN, _PERMISSION, _AUTHORISATION}


def connect(path: Path, key: bytes, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """A connection with the key set; nothing was read yet. It may change threads, but not be used by two at once."""
    connection: Connection = driver.connect(
        str(path), timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cipher_log_level = NONE")  # it would write over the screen
    connection.execute(f"PRAGMA key = \"x'{(key + file_salt(key)).hex()}'\"")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased stays in no page
    return connection


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn the database's errors about file, disk and locks into the store's."""
    try:
        yield
    except driver.Error as error:
        meaning = _meaning(error, path)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: Exception, path: Path) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code in {_BUSY, _LOCKED, _PROTOCOL}:
        return StoreBusy(path)
    if code == _FULL:
        return DiskFull(path)
    if code in {_CORRUPT, _NOT_A_DATABASE}:
        return StoreCorrupt(path, str(error))
    if code in _UNAVAILABLE:
        return shortage(path) or StoreUnavailable(path, str(error))
    return None


def is_io_error(error: BaseException | None) -> bool:
    """Whether the disk failed, so that nobody can say what of the last write is on it."""
    return isinstance(error, driver.Error) and getattr(error, "sqlite_errorcode", 0) & _PRIMARY == _IO_ERROR
