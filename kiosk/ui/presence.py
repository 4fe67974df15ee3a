"""Who is there: an idle screen (the countdown, then the privacy screen or the end of the visit), and a key that was left."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from kiosk.desk.views.status import TokenStatus

if TYPE_CHECKING:
    from kiosk.desk.views.status import DeskStatus
    from kiosk.ui.shell import PageProtocol, Shell

BELL_SECONDS = 15.0
STAFF_SECONDS = 60.0


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


class KeyPatience(enum.Enum):
    """How a key that is to be taken away is asked for."""

    QUIET = enum.auto()
    BELL = enum.auto()
    OVER = enum.auto()


def key_patience(waited: float) -> KeyPatience:
    """How it is asked for after so many seconds."""
    if waited < BELL_SECONDS:
        return KeyPatience.QUIET
    return KeyPatience.BELL if waited < STAFF_SECONDS else KeyPatience.OVER


class KeyWait:
    """Waits until the key that is in at the end of a visit is taken, so that the next one does not find it.

    It rings once, and after a minute leaves the key to the staff and the screen to the next member: nothing locks it, be it
    a reader that hangs, or another program that holds the key.
    """

    def __init__(self, shell: Shell, monotonic: Callable[[], float], home: Callable[[], None]) -> None:
        self._shell = shell
        self._monotonic = monotonic
        self._home = home
        self._began: float | None = None
        self._rung = False
        self._called = False

    def begin(self) -> None:
        """Wait from now on, unless it waits already."""
        if self._began is None:
            self._began, self._rung = self._monotonic(), False

    def end(self) -> None:
        """Wait no longer: something else is shown."""
        self._began = None

    def check(self) -> None:
        """Ring, or give up; called every second."""
        if self._began is None:
            return
        match key_patience(self._monotonic() - self._began):
            case KeyPatience.BELL if not self._rung:
                self._rung = True
                self._shell.bell()
            case KeyPatience.OVER:
                called = not self._shell.staff_called
                self._shell.call_staff()
                self._called = called
                self._shell.service.leave_keys()
                if self._shell.step is not None:
                    self._shell.step.end_party()  # whose next operator is not there
                self._go_on()
            case _:
                pass

    def believe(self) -> None:
        """Go home although the readers tell of a key: it is said to be gone, and is nobody's should it be there."""
        self._shell.service.leave_keys()
        self._shell.service.see_to_left_keys()
        self._go_on()

    def staff_came(self) -> None:
        """The staff see to the key."""
        self._called = False
        if self._began is not None:
            self.believe()
        else:
            self._shell.service.see_to_left_keys()

    def forget_call(self) -> None:
        """The staff were called for something else."""
        self._called = False

    def keeps_call(self) -> bool:
        """Whether they are called for a key that is still in."""
        status = self._shell.status
        self._called = self._called and status is not None and status.key_left
        return self._called

    def status_arrived(self, status: DeskStatus) -> None:
        """Go on once the key is taken; the staff need not come then."""
        if status.token is TokenStatus.NO_DRIVER or status.key_to_take:
            return
        if self._began is not None:
            self._go_on()
        elif self._called and not status.key_left:
            self._called = False
            self._shell.dismiss_staff()

    def _go_on(self) -> None:
        self.end()
        self._home()
