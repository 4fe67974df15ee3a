"""What a screen needs of the app that shows it, so that no screen has to know the app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.message import Message

from kiosk.desk.views import DeskStatus, Refused

if TYPE_CHECKING:
    from kiosk.desk.service import DeskService
    from kiosk.settings import Exchange
    from kiosk.ui.routes import Layer, Route
    from kiosk.ui.visit import Visit


class Shown(Protocol):
    """What is asked of a screen by others than itself."""

    KEEPS_WHEN_IDLE: ClassVar[bool]
    NEVER_IDLE: ClassVar[bool]

    def holds_still(self) -> bool:
        """Whether leaving is not possible just now."""
        ...

    def wipe(self) -> None:
        """Empty every field."""
        ...


class Shell(Protocol):
    """The app as the screens and its own helpers see it. All but `post_message` belongs to the app's thread."""

    visit: Visit
    staff_called: bool

    @property
    def service(self) -> DeskService:
        """The desk's verbs."""
        ...

    @property
    def settings(self) -> Exchange:
        """Names, telephone numbers and idle times."""
        ...

    @property
    def status(self) -> DeskStatus | None:
        """The desk's last status, None before the first."""
        ...

    @property
    def is_demo(self) -> bool:
        """Whether there is a drawer and a way to leave."""
        ...

    @property
    def trouble(self) -> str:
        """The number of the last unexpected error."""
        ...

    # Wording

    def text(self, message: str, /, **parameters: object) -> str:
        """The sentence in the language that is chosen."""
        ...

    @property
    def other_language(self) -> str:
        """The other language's own name."""
        ...

    def change_language(self) -> None:
        """Change to the other language in everything that is shown."""
        ...

    # From step to step

    @property
    def pages(self) -> Sequence[Shown]:
        """The desk's screens, the lowest first."""
        ...

    @property
    def step(self) -> Shown | None:
        """The screen of the step, beneath whatever lies over it."""
        ...

    @property
    def fits(self) -> bool:
        """Whether the window is large enough."""
        ...

    def go(self, route: Route) -> None:
        """Show another step."""
        ...

    def go_home(self, notice: str = "") -> None:
        """End the visit and show the first screen."""
        ...

    def set_aside(self) -> None:
        """Leave without cancelling anything."""
        ...

    def lay_over(self, layer: Layer) -> None:
        """Show that layer over the step, unless it lies there already."""
        ...

    def open_drawer(self) -> None:
        """Show the demo's drawer; nothing where there is none."""
        ...

    def leave_demo(self) -> None:
        """Leave the demo, after a question; nothing where there is none."""
        ...

    # When nobody uses the screen

    async def hide(self) -> None:
        """Cover the step; its order is kept."""
        ...

    def lift_cover(self) -> None:
        """Show the hidden step again."""
        ...

    def uncover(self) -> None:
        """Give the hidden step up."""
        ...

    @property
    def unlike_at_start(self) -> bool:
        """Whether a member left another language or a call for the staff behind."""
        ...

    async def reset(self) -> None:
        """Forget the visit, the staff's call and the language."""
        ...

    # The status row, threads and errors

    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Put a sentence into the status row, for a while or until the next."""
        ...

    def show_status(self) -> None:
        """Bring every status row up to date."""
        ...

    def in_thread(self, work: Callable[[], object], group: str) -> None:
        """Run `work` in a thread that outlives the screen."""
        ...

    def post_message(self, message: Message) -> bool:
        """Send the app a message, from any thread."""
        ...

    def report(self, error: Exception) -> None:
        """Log an unexpected error under a number and show the number alone."""
        ...


class StatusArrived(Message):
    """The desk's status, read in a thread, or why it could not be read."""

    def __init__(self, status: DeskStatus | Refused) -> None:
        super().__init__()
        self.status = status


class TokensChanged(Message):
    """A token was inserted or removed."""


class Scanned(Message):
    """The scanner read something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
