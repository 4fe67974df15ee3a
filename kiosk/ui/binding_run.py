"""How far a binding has come: what the bind screen and its thread have to agree on."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.desk.views import BindingProgress, TokenRefused, TokenTrouble
from kiosk.ui.widgets.progress import FIRST_STEP_TO_WAIT_FOR, STEPS

# The binding waits for the same key to come back, and goes on by itself.
_WAITS_FOR_KEY = {TokenTrouble.REMOVED, TokenTrouble.ABSENT}


@dataclass
class BindingRun:
    """The run of the moment, or the one that stopped. `done` and `current` are steps from 1, 0 for none.

    `serial` names the key that was chosen among several; `token_stale` says that a key went in or out meanwhile;
    `began` is when the current step began, UTC seconds.
    """

    running: bool = False
    done: int = 0
    current: int = 0
    began: int = 0
    waits_for_key: bool = False
    token_stale: bool = False
    serial: str | None = None

    def begin(self, now: int) -> None:
        """The desk begins, or goes on."""
        self.running, self.waits_for_key, self.token_stale = True, False, False
        self.done, self.current, self.began = 0, 1, now

    def moved(self, progress: BindingProgress, now: int) -> None:
        """The desk reports a step."""
        if progress.done:
            self.done = max(self.done, progress.step)
            self.current = min(progress.step + 1, len(STEPS))
        else:
            self.current = progress.step
        self.began = now

    def ended(self) -> None:
        """The desk answered."""
        self.running, self.current = False, 0

    def stopped_by(self, refused: TokenRefused) -> None:
        """The key stopped it; it goes on by itself when the key was only pulled."""
        self.waits_for_key = refused.trouble in _WAITS_FOR_KEY

    def seconds(self, now: int) -> int:
        """For how long the current step has been going on."""
        return now - self.began if self.began and now else 0

    @property
    def must_stay(self) -> bool:
        """Whether the certificate is on its way, so that the key must not be pulled."""
        return self.current >= FIRST_STEP_TO_WAIT_FOR
