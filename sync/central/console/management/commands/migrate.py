"""Django's `migrate`, by one process at a time."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from sync.central.errors import PreparedByAnother
from sync.central.preparing import tables_alone


class Command(migrate.Command):
    """Django's own, once nobody else changes the tables."""

    def handle(self, *arguments: Any, **options: Any) -> str | None:
        """Do what Django's own does. Raises CommandError where another process does not end in time."""
        try:
            with tables_alone():
                return super().handle(*arguments, **options)
        except PreparedByAnother as error:
            raise CommandError(str(error)) from error
