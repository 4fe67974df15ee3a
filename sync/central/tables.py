"""The tables: their primary keys and texts, and their migrations.

Keys begin with the kiosk, so that a fleet's data can be split by it.
"""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_SEQUENCE_BITS = 32
_STRAND_BITS = 16
LAST = (1 << _SEQUENCE_BITS) - 1
LAST_STRAND = (1 << _STRAND_BITS) - 1


def row_key(kiosk: int, number: int) -> int:
    """The key of a numbered row of a kiosk: kiosk (15 bits) ‖ number (32 bits)."""
    return kiosk << _SEQUENCE_BITS | number


def strand_number(kiosk: int, strand: int) -> int:
    """What begins the keys of a strand's entries: kiosk (15 bits) ‖ strand (16 bits)."""
    return kiosk << _STRAND_BITS | strand


def entry_key(kiosk: int, strand: int, sequence: int) -> int:
    """The key of an entry: kiosk (15 bits) ‖ strand (16 bits) ‖ sequence (32 bits)."""
    return row_key(strand_number(kiosk, strand), sequence)


def fact_key(kiosk: int, sequence: int, digest: bytes) -> str:
    """The key of an entry's fact, on a strand or in quarantine: kiosk, sequence and 16 hex digits of the entry's hash."""
    return f"{kiosk:05d}-{sequence:010d}-{digest[:8].hex()}"


def column_text(text: str, length: int) -> str:
    """The first `length` characters, without NUL, which PostgreSQL does not store."""
    return text.replace("\x00", "")[:length]


def migrate_when_due() -> bool:
    """Apply the migrations that are missing; the result says whether there were any."""
    executor = MigrationExecutor(connection)
    due = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if due:
        call_command("migrate", interactive=False, verbosity=0)
    return bool(due)
