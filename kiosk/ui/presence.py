"""Detects an idle screen: the countdown, then the privacy screen or the end of the visit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kiosk.ui.shell import PageProtocol, Shell


class CountingDown(msgspec.Struct, frozen=True):
    """The screen will be cleared in so many seconds unless there is input."""

    seconds: int


class Active(msgspec.Struct, frozen=True):
    """There was input recently."""


class TimedOut(msgspec.Struct, frozen=True):
    """There was no input for the whole idle time and countdown."""


IdleState = Active | CountingDown | TimedOut


class IdleTimer:
    """Times the seconds since the last input: `idle` without a notice, then a visible `countdown`."""

    def __init__(self, idle: int, countdown: int, monotonic: Callable[[], float]) -> None:
        self._idle = idle
        self._countdown = countdown
        self._monotonic = monotonic
        self._touched = monotonic()

    def touch(self) -> None:
        """Restart the count after an input."""
        self._touched = self._monotonic()

    def state(self) -> IdleState:
        """The current state."""
        elapsed = self._monotonic() - self._touched
        if elapsed < self._idle:
            return Active()
        left = self._idle + self._countdown - elapsed
        if left <= 0:
            return TimedOut()
        return CountingDown(int(left) + (left != int(left)))


class IdleMonitor:
    """Acts on an idle screen: shows the privacy screen over a step that keeps its order, and resets any other."""

    def __init__(self, shell: Shell, idle: int, countdown: int, monotonic: Callable[[], float]) -> None:
        self._shell = shell
        self._watch = IdleTimer(idle, countdown, monotonic)

    def touch(self) -> None:
        """Restart the count after an input or a change of the step."""
        self._watch.touch()

    @property
    def counting(self) -> bool:
        """Whether the idle time is over, so that the countdown runs or has ended."""
        return not isinstance(self._watch.state(), Active)

    def countdown(self) -> str:
        """The status row's text during the countdown; empty before it and on screens that never time out."""
        shell = self._shell
        if not shell.pages or shell.pages[-1].NEVER_IDLE:
            return ""
        state = self._watch.state()
        if not isinstance(state, CountingDown):
            return ""
        return shell.text("{seconds} 秒后清屏，按任意键继续", seconds=state.seconds)

    async def check(self) -> None:
        """Act on the idle time; called every second."""
        shell = self._shell
        top = shell.pages[-1] if shell.pages else None
        if top is None or top.NEVER_IDLE:
            await self._clear_leftovers(top)
            return
        match self._watch.state():
            case CountingDown():
                shell.show_status()
            case TimedOut():
                await self._time_out()
            case Active():
                pass

    async def _clear_leftovers(self, top: PageProtocol | None) -> None:
        """On a screen that never times out, clear typed fields and reset the language, the colours and the call for staff."""
        if top is None or not isinstance(self._watch.state(), TimedOut):
            return
        self.touch()
        top.wipe()
        if top is self._shell.step and self._shell.needs_reset:
            await self._shell.reset()

    async def _time_out(self) -> None:
        """Hide a step that keeps its order, reset any other."""
        shell = self._shell
        if shell.step is None or not shell.step.KEEPS_WHEN_IDLE or shell.visit.session is None:
            await shell.reset()
        else:
            await shell.hide_step()
