"""Whether a copy is sound: the file's pages, the strands, and the tables against a replay of the journals.

Django works on the copy by then, not on the centre that it was made of.
"""

from __future__ import annotations

import msgspec
from django.db import connection

from kiosk.text.command_line import spoken
from sync.central.errors import CopyUnsound
from sync.central.journal.chains import broken_strands
from sync.central.journal.models import Entry, Strand
from sync.central.ledger.replaying import differences

_SHOWN = 5


class Proof(msgspec.Struct, frozen=True):
    """What was proved: how many strands and entries there are, and whether the tables are what they make."""

    strands: int
    entries: int
    replayed: bool


def prove(*, replaying: bool) -> Proof:
    """Prove the database that Django works on. Raises CopyUnsound."""
    text = spoken().text
    _require(text("数据库文件已损坏"), _damaged_pages())
    _require(text("日志不连续"), broken_strands())
    if replaying:
        _require(text("各表与日志重放的不一致"), differences())
    return Proof(Strand.objects.count(), Entry.objects.count(), replaying)


def _damaged_pages() -> list[str]:
    if connection.vendor == "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        found = [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
        cursor.execute("PRAGMA foreign_key_check")
        return [
            *found,
            *(f"{row[0]} {row[1]} names a row of {row[2]} that is not there" for row in cursor.fetchall()),
        ]


def _require(what: str, flaws: list[str]) -> None:
    if flaws:
        raise CopyUnsound(f"{what} ({'; '.join(flaws[:_SHOWN])})")
