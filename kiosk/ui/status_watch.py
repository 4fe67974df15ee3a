"""Reading the desk's status in a thread, and what is done meanwhile that nobody asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kiosk.desk.views import PrinterState
from kiosk.ui.messages import StatusArrived

if TYPE_CHECKING:
    from kiosk.desk.views import DeskStatus
    from kiosk.ui.app import KeydeskApp

LOOK_AFTER_SECONDS = 20.0


class StatusWatch:
    """One question at a time; the answer comes as a message."""

    def __init__(self, app: KeydeskApp, monotonic: Callable[[], float]) -> None:
        self._app = app
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
            status = self._app.service.status()
            self._app.post_message(StatusArrived(status))
            if looks_after:
                self._look_after(status)

        self._app.run_worker(work, thread=True, group="status")

    def arrived(self) -> None:
        """The answer came, or the question failed."""
        self._reading = False

    def _look_after(self, status: DeskStatus) -> None:
        """End the orders whose time is over, print what waited for paper. In a thread.

        While a member is there the step of the moment prints, and nobody else's receipt comes out beside it.
        """
        app = self._app
        app.service.expire_due()
        if app.visit.session is None and status.receipts_waiting and status.printer is PrinterState.READY:
            app.service.print_waiting()
