"""Emptying the database's pages of what was erased.

SQLite overwrites what is deleted (`PRAGMA secure_delete`); here its write-ahead log is emptied too. PostgreSQL leaves what is
deleted in its pages, and VACUUM leaves it in the room between the rows that stay: the two small tables are written anew.
"""

from __future__ import annotations

import logging

from django.db import OperationalError, connection

from sync.central.personal.keeping import COUNTER
from sync.central.personal.models import ErasedPages, RecordKey, SealedRecord

LOG = logging.getLogger("keydesk.central")
_PATIENCE = 2000
"""Milliseconds for which a table that is in use is waited for; whoever looks next tries again."""


def forget() -> bool:
    """Empty the pages of what was erased; False while others are in the way, or within a transaction. Tried again later."""
    row = ErasedPages.objects.filter(id=COUNTER).first()
    if row is None or row.erased == row.emptied:
        return True
    if connection.in_atomic_block:
        return False
    try:
        emptied = _rewritten() if connection.vendor == "postgresql" else _log_emptied()
    except OperationalError as error:
        LOG.info("erased pages are not emptied yet: %s", error)
        return False
    if emptied:
        ErasedPages.objects.filter(id=COUNTER).update(emptied=row.erased)
    return emptied


def _log_emptied() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, _, _) = cursor.fetchone()
    return not busy


def _rewritten() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {_PATIENCE}")
        try:
            for model in (RecordKey, SealedRecord):
                table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django's documented Meta API
                cursor.execute(f"VACUUM (FULL) {table}")
        finally:
            cursor.execute("RESET lock_timeout")
    return True
