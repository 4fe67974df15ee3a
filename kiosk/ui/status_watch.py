"""Reads the desk's status in a thread, and runs the periodic upkeep there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import PrinterState
from kiosk.ui.shell import StatusArrived

if TYPE_CHECKING:
    from kiosk.desk.views.status import DeskStatus
    from kiosk.ui.shell import Shell

UPKEEP_SECONDS = 20.0


class StatusWatch:
    """One read at a time; the result arrives as a message."""

    def __init__(self, shell: Shell, monotonic: Callable[[], float]) -> None:
        self._shell = shell
        self._monotonic = monotonic
        self._reading = False
        self._next_upkeep = monotonic() + UPKEEP_SECONDS

    def read(self) -> None:
        """Start a read, unless one is running."""
        if self._reading:
            return
        self._reading = True
        upkeep_due = self._monotonic() >= self._next_upkeep
        if upkeep_due:
            self._next_upkeep = self._monotonic() + UPKEEP_SECONDS

        def work() -> None:
            status = self._shell.service.status()
            self._shell.post_message(StatusArrived(status))
            if upkeep_due and not isinstance(status, Refused):
                self._run_upkeep(status)

        self._shell.in_thread(work, "status")

    def arrived(self) -> None:
        """The read ended or failed."""
        self._reading = False

    def _run_upkeep(self, status: DeskStatus) -> None:
        """Expire overdue orders and print the receipts that waited for paper. Runs in a thread.

        While a member is signed in only the current step prints, so that no other receipt comes out with theirs.
        """
        shell = self._shell
        shell.service.expire_due()
        if shell.visit.session is None and status.receipts_waiting and status.printer is PrinterState.READY:
            shell.service.print_waiting()
