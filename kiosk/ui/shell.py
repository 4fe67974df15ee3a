"""The interface of the app that the screens use, so that no screen imports the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.message import Message

from kiosk.desk.views.orders import PrintOutcome
from kiosk.desk.views.refusals import Refused
from kiosk.desk.views.status import DeskStatus

if TYPE_CHECKING:
    from kiosk.desk.service import DeskService
    from kiosk.settings import Exchange, TouchTyping
    from kiosk.text.forgotten import Forgotten
    from kiosk.ui.routes import Layer, Route
    from kiosk.ui.visit import Visit


class PageProtocol(Protocol):
    """The interface of a page that the app's helpers use."""

    KEEPS_WHEN_IDLE: ClassVar[bool]
    NEVER_IDLE: ClassVar[bool]

    def blocks_leaving(self) -> bool:
        """Whether the screen cannot be left at present."""
        ...

    def wipe(self) -> None:
        """Clear every field."""
        ...

    def end_party(self) -> None:
        """Let the enterprise go whose operators came one after another."""
        ...

    def leave(self) -> None:
        """Note that the visit goes on elsewhere, or is over."""
        ...


class Shell(Protocol):
    """The app, for its screens and helpers. Only `post_message` may be called from another thread."""

    visit: Visit
    staff_called: bool

    @property
    def service(self) -> DeskService:
        """The desk's service."""
        ...

    @property
    def settings(self) -> Exchange:
        """Names, telephone numbers and idle times."""
        ...

    @property
    def status(self) -> DeskStatus | None:
        """The desk's last known status; None before the first."""
        ...

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo, with its drawer and a key to leave."""
        ...

    @property
    def error_code(self) -> str:
        """The number of the last unexpected error; empty when there was none."""
        ...

    # Wording

    def text(self, message: str, /, **parameters: object) -> str:
        """The text in the current language."""
        ...

    @property
    def other_language(self) -> str:
        """The other language's own name."""
        ...

    def change_language(self) -> None:
        """Switch every screen to the other language."""
        ...

    def change_theme(self) -> None:
        """Change between the usual colours and high contrast."""
        ...

    @property
    def touch_typing(self) -> TouchTyping:
        """When the on-screen keyboard is shown."""
        ...

    @property
    def monotonic(self) -> float:
        """The seconds of a clock that nobody sets."""
        ...

    # From step to step

    @property
    def pages(self) -> Sequence[PageProtocol]:
        """The open pages, the lowest first."""
        ...

    @property
    def step(self) -> PageProtocol | None:
        """The page of the current step, beneath any overlays."""
        ...

    @property
    def fits(self) -> bool:
        """Whether the window is large enough."""
        ...

    def go(self, route: Route) -> None:
        """Show a step."""
        ...

    def go_home(self, notice: str = "", following: Visit | None = None) -> None:
        """End the visit and show the first screen, or the beginning of the following one; first wait until the key is taken away."""
        ...

    def set_aside(self) -> None:
        """Leave without cancelling anything."""
        ...

    def show_layer(self, layer: Layer) -> None:
        """Show that overlay over the step, unless it is open already."""
        ...

    def open_drawer(self) -> None:
        """Open the demo's drawer, if there is one."""
        ...

    def explain_forgotten(self, what: Forgotten) -> None:
        """Say what to do about something forgotten, and offer to call staff."""
        ...

    def leave_demo(self) -> None:
        """Leave the demo after a confirmation; does nothing on a real kiosk."""
        ...

    def await_key(self) -> None:
        """Wait from now on for the key that is in to be taken, unless that is awaited already."""
        ...

    def leave_key(self) -> None:
        """Go home although the readers tell of a key: it is said to be gone, and no member finds it should it be there."""
        ...

    # Staff

    def call_staff(self) -> None:
        """Ring and say so on every page, unless they are called already."""
        ...

    def staff_came(self) -> None:
        """A member of the staff signed in."""
        ...

    def dismiss_staff(self) -> None:
        """Take the call back: they are not needed any more."""
        ...

    def bell(self) -> None:
        """Ring."""
        ...

    # When the screen is idle

    async def hide_step(self) -> None:
        """Show the privacy screen over the step and keep its order."""
        ...

    def show_hidden_step(self) -> None:
        """Close the privacy screen and show the hidden step again."""
        ...

    def discard_hidden_step(self) -> None:
        """Discard the hidden step."""
        ...

    @property
    def needs_reset(self) -> bool:
        """Whether a member changed the language or the colours, called staff, or left a key in."""
        ...

    async def reset(self) -> None:
        """Discard the visit, the chosen language and colours, and the call for staff unless a key that was left waits for them."""
        ...

    # The status row, threads and errors

    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Show a notice in the status row, for some time or until the next one."""
        ...

    def show_status(self) -> None:
        """Update every status row."""
        ...

    def in_thread(self, work: Callable[[], object], group: str) -> None:
        """Run `work` in a thread that outlives the screen."""
        ...

    def post_message(self, message: Message) -> bool:
        """Send the app a message, from any thread."""
        ...

    def report(self, error: BaseException) -> None:
        """Log an unexpected error under a number and show only the number."""
        ...


@contextmanager
def reported(report: Callable[[BaseException], None]) -> Iterator[None]:
    """The last resort around a handler: what is raised is reported, and ends no message loop.

    Something that is awaited may have been cancelled without the task that awaits it, as a screen's own loop may: the app's
    loop would take that for its end, and end the desk without a word. What cancels the task itself goes on.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        report(cancelled)
    except Exception as error:  # noqa: BLE001 - it is logged under a number and shown as one
        report(error)


class StatusArrived(Message):
    """The desk's status, read in a thread, or why it could not be read."""

    def __init__(self, status: DeskStatus | Refused) -> None:
        super().__init__()
        self.status = status


class SlipPrinted(Message):
    """The slip of an enterprise's keys was printed, or was not."""

    def __init__(self, outcome: PrintOutcome) -> None:
        super().__init__()
        self.outcome = outcome


class TokensChanged(Message):
    """A token was inserted or removed."""


class Scanned(Message):
    """The scanner read something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
