"""Whether somebody is there: the countdown, and what becomes of a step that nobody uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kiosk.ui.shell import Shell, Shown


class Counting(msgspec.Struct, frozen=True):
    """The screen will be wiped in so many seconds unless somebody touches it."""

    seconds: int


class Active(msgspec.Struct, frozen=True):
    """Somebody used the screen lately."""


class Over(msgspec.Struct, frozen=True):
    """Nobody did for too long."""


IdleState = Active | Counting | Over


class IdleWatch:
    """Counts the seconds since the last touch: `idle` of them quietly, then `countdown` of them aloud."""

    def __init__(self, idle: int, countdown: int, monotonic: Callable[[], float]) -> None:
        self._idle = idle
        self._countdown = countdown
        self._monotonic = monotonic
        self._touched = monotonic()

    def touch(self) -> None:
        """Somebody used the screen."""
        self._touched = self._monotonic()

    def state(self) -> IdleState:
        """Where the count stands."""
        still = self._monotonic() - self._touched
        if still < self._idle:
            return Active()
        left = self._idle + self._countdown - still
        if left <= 0:
            return Over()
        return Counting(int(left) + (left != int(left)))


class Attendance:
    """Watches one shell: hides a step whose order is kept, wipes any other, tidies where there is nothing to leave."""

    def __init__(self, shell: Shell, idle: int, countdown: int, monotonic: Callable[[], float]) -> None:
        self._shell = shell
        self._watch = IdleWatch(idle, countdown, monotonic)

    def touch(self) -> None:
        """Somebody used the screen, or the screen moved on by itself."""
        self._watch.touch()

    @property
    def counting(self) -> bool:
        """Whether nobody was there for so long that it is said, or longer."""
        return not isinstance(self._watch.state(), Active)

    def countdown(self) -> str:
        """What the status row says while the seconds are counted; nothing before, and where nothing is left."""
        shell = self._shell
        if not shell.pages or shell.pages[-1].NEVER_IDLE:
            return ""
        state = self._watch.state()
        if not isinstance(state, Counting):
            return ""
        return shell.text("{seconds} 秒后清屏，按任意键继续", seconds=state.seconds)

    async def look(self) -> None:
        """Act on how long nobody was there; called every second."""
        shell = self._shell
        top = shell.pages[-1] if shell.pages else None
        if top is None or top.NEVER_IDLE:
            await self._tidy(top)
            return
        match self._watch.state():
            case Counting():
                shell.show_status()
            case Over():
                await self._nobody_there()
            case Active():
                pass

    async def _tidy(self, top: Shown | None) -> None:
        """Where there is nothing to leave: empty half-typed fields, and take back language and call for staff."""
        if top is None or not isinstance(self._watch.state(), Over):
            return
        self.touch()
        top.wipe()
        if top is self._shell.step and self._shell.unlike_at_start:
            await self._shell.reset()

    async def _nobody_there(self) -> None:
        """Hide a step whose order is kept, wipe any other."""
        shell = self._shell
        if shell.step is None or not shell.step.KEEPS_WHEN_IDLE or shell.visit.session is None:
            await shell.reset()
        else:
            await shell.hide()
