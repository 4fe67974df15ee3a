"""Bringing the tables up to date, quickly when they are."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def migrate_when_due() -> bool:
    """Apply the migrations that are missing; whether there were any."""
    executor = MigrationExecutor(connection)
    due = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if due:
        call_command("migrate", interactive=False, verbosity=0)
    return bool(due)
