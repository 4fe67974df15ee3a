"""Reading the desk's status in a thread, and what is done meanwhile that nobody asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.desk.views import PrinterState, Refused
from kiosk.ui.messages import StatusArrived

if TYPE_CHECKING:
    from kiosk.desk.views import DeskStatus
    from kiosk.ui.shell import Shell

LOOK_AFTER_SECONDS = 20.0


class StatusWatch:
    """One question at a time; the answer comes as a message."""

    def __init__(self, shell: Shell, monotonic: Callable[[], float]) -> None:
        self._shell = shell
        self._monotonic = monotonic
        self._reading = False
        self._look_after_at = monotonic() + LOOK_AFTER_SECONDS

    def read(self) -> None:
        """Ask, unless an answer is still awaited."""
        if self._reading:
            return
        self._reading = True
        looks_after = self._monotonic() >= self._look_after_at
        if looks_after:
            self._look_after_at = self._monotonic() + LOOK_AFTER_SECONDS

        def work() -> None:
            status = self._shell.service.status()
            self._shell.post_message(StatusArrived(status))
            if looks_after and not isinstance(status, Refused):
                self._look_after(status)

        self._shell.in_thread(work, "status")

    def arrived(self) -> None:
        """The answer came, or the question failed."""
        self._reading = False

    def _look_after(self, status: DeskStatus) -> None:
        """End the orders whose time is over, print what waited for paper. In a thread.

        While a member is there the step of the moment prints, and nobody else's receipt comes out beside it.
        """
        shell = self._shell
        shell.service.expire_due()
        if shell.visit.session is None and status.receipts_waiting and status.printer is PrinterState.READY:
            shell.service.print_waiting()
