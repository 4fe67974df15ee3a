"""`keydesk-central restored`: a person says that the database was put back from a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from sync.central.context import centre_now
from sync.central.fleet import standing
from sync.central.journal.incarnations import begin_by_hand
from sync.central.preparing import migrate_when_due


class Command(BaseCommand):
    """Take over what the file beside the database has, and begin another incarnation."""

    help = "Say that the database was put back from a backup, before anybody works with it again."

    def handle(self, *_arguments: object, **_options: Any) -> None:
        """Do both, and say what is to be looked at."""
        migrate_when_due()
        now = centre_now()
        taken = standing.take_over(now)
        life = begin_by_hand(now)
        standing.record()
        self.stdout.write(
            f"Incarnation {life.number} begins; {taken} retirements, revocations and incarnations were taken from "
            "the file beside the database. Enrolment tokens and sessions are void; the kiosks read and upload anew. "
            "The alarms in the console say what to look at."
        )
