"""The desk's app: the language, the visit, the way from step to step, idle times and the last resort for errors."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

import structlog
from textual import events
from textual.app import App
from textual.geometry import Size
from textual.message import Message

from kiosk.desk.service import DeskService
from kiosk.desk.views import Refusal, Refused
from kiosk.settings import Display, Exchange
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.wording import REFUSALS
from kiosk.ui.page import Overlay, Page, lift_overlays, put_overlays_back
from kiosk.ui.presence import Attendance
from kiosk.ui.routes import Layer, Route
from kiosk.ui.screen_table import layer_of, question_before_leaving, screen_of
from kiosk.ui.shell import Scanned, StatusArrived, TokensChanged
from kiosk.ui.status_watch import StatusWatch
from kiosk.ui.theme import KEYDESK_THEME
from kiosk.ui.visit import Visit
from kiosk.ui.widgets.rows import StatusRow

if TYPE_CHECKING:
    from kiosk.configuration import Configuration
    from kiosk.desk.context import Desk
    from kiosk.desk.views import DeskStatus

_SCREENS = Path(__file__).parent / "screens"
LEAST_WIDTH = 80
LEAST_HEIGHT = 24
NOTICE_SECONDS = 4.0
_TROUBLES_TO_GIVE_UP = 5
_TOUCHES = (events.Key, events.MouseDown, events.MouseScrollUp, events.MouseScrollDown, events.Paste)
_OWN_NAME = {Language.CHINESE: "中文", Language.ENGLISH: "English"}


class KeydeskApp(App[None], inherit_bindings=False):
    """The kiosk's screens. `drawer` makes the demo's; with it there is a way to leave, without it there is neither."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    # The screens' own, too: a style sheet that is read later has all of them parsed again.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["keydesk.tcss", *sorted(_SCREENS.glob("**/*.tcss"))]
    TITLE = "Keydesk"
    BINDINGS: ClassVar[list[object]] = []  # type: ignore[assignment]

    def __init__(
        self,
        service: DeskService,
        drawer: Callable[[], Overlay[None]] | None = None,
        display: Display | None = None,
        settings: Exchange | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.service = service
        self._drawer = drawer
        self.settings = settings or Exchange()
        self.visit = Visit()
        self.status: DeskStatus | None = None
        self._unreadable = False
        self.staff_called = False
        self.trouble = ""
        display = display or Display()
        self._own_language = display.language
        self._catalogue = Catalogue(display.language)
        self._monotonic = monotonic
        self._attendance = Attendance(self, display.idle, display.countdown, monotonic)
        self._notice = ""
        self._notice_until: float | None = None
        self._covered = False
        self._after_cover: Route | None = None
        self._too_small: Overlay[None] | None = None
        self._stops: list[Callable[[], None]] = []
        self._status_watch = StatusWatch(self, monotonic)
        self._troubles = 0
        self.register_theme(KEYDESK_THEME)
        self.theme = KEYDESK_THEME.name

    # Wording

    def text(self, message: str, /, **parameters: object) -> str:
        """The sentence in the language of the moment."""
        return self._catalogue.text(message, **parameters)

    @property
    def language(self) -> Language:
        """The language of the moment."""
        return self._catalogue.language

    @property
    def other_language(self) -> str:
        """The other language's own name."""
        return _OWN_NAME[self._other()]

    def _other(self) -> Language:
        return Language.ENGLISH if self.language is Language.CHINESE else Language.CHINESE

    def change_language(self) -> None:
        """Change to the other language in everything that is shown, keeping what was typed."""
        self.call_later(self._change_language)

    async def _change_language(self) -> None:
        self._catalogue = Catalogue(self._other())
        self._notice, self._notice_until = "", None
        for page in self.pages:
            page.call_later(page.rebuild)  # among what the screen itself does, and not beside it

    @property
    def fits(self) -> bool:
        """Whether the window is large enough."""
        return self.size.width >= LEAST_WIDTH and self.size.height >= LEAST_HEIGHT

    # From step to step

    @property
    def pages(self) -> list[Page[object]]:
        """Our screens, the lowest first."""
        return [screen for screen in self.screen_stack if isinstance(screen, Page)]

    @property
    def step(self) -> Page[object] | None:
        """The screen of the step, beneath whatever lies over it."""
        return next((page for page in self.pages if not isinstance(page, Overlay)), None)

    @property
    def is_demo(self) -> bool:
        """Whether there is a drawer and a way to leave."""
        return self._drawer is not None

    # What lies over the step

    def lay_over(self, layer: Layer) -> None:
        """Show that layer over the step, unless it lies there already, or nothing may lie there now."""
        self._lay(layer_of(layer))

    def open_drawer(self) -> None:
        """Show the demo's drawer; nothing where there is none."""
        if self._drawer is not None:
            self._lay(self._drawer())

    def _lay(self, layer: Overlay[None]) -> None:
        lies = any(type(page) is type(layer) for page in self.pages)
        if not lies and not self._covered and self.fits:
            self.push_screen(layer)

    def leave_demo(self) -> None:
        """Leave the demo, after a question; nothing where there is none."""
        question = question_before_leaving()
        if self.is_demo and self.fits and not isinstance(self.screen, type(question)):
            self.push_screen(question, self._leave)

    def _leave(self, answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
        if answer:
            self.exit()

    # A screen cannot wait for its own removal, so the way on is asked for here and walked in the app's loop.

    def go(self, route: Route) -> None:
        """Show a step in place of the one of the moment, beneath what lies over it; once the cover is lifted."""
        self.call_later(self._go, route, self.visit)

    def go_home(self, notice: str = "") -> None:
        """End the visit: forget all of it and show the first screen."""
        self.call_later(self._go_home, notice)

    def lift_cover(self) -> None:
        """Show the hidden step again, or the one that it has led to meanwhile."""
        self.call_later(self._lift_cover)

    async def _go(self, route: Route, visit: Visit) -> None:
        if visit is not self.visit:
            return  # asked for by a visit that is over
        if self._covered:
            self._after_cover = route
            return
        lifted = lift_overlays(self._screen_stack, self.step)
        await self._close_overlays()
        await self.switch_screen(screen_of(route))
        self._lay_back(lifted)
        self._attendance.touch()
        self._check_size(self.size)

    async def _close_overlays(self) -> None:
        while isinstance(self.screen, Overlay):
            await self.pop_screen()

    def _lay_back(self, lifted: list[Overlay[object]]) -> None:
        if lifted:
            put_overlays_back(self._screen_stack, lifted)
            self.show_status()

    async def _lift_cover(self) -> None:
        self._covered = False
        await self._close_overlays()
        self._attendance.touch()
        route, self._after_cover = self._after_cover, None
        if route is not None:
            await self._go(route, self.visit)

    def uncover(self) -> None:
        """Give the hidden step up: somebody else goes on from the cover."""
        self._covered, self._after_cover = False, None

    async def _go_home(self, notice: str = "") -> None:
        if self.step is not None:
            self.step.left()
        self.visit = Visit()
        self.clear_clipboard_text()
        self.uncover()
        await self._close_overlays()
        await self._go(Route.HOME, self.visit)
        if notice:
            self.announce(notice, for_seconds=NOTICE_SECONDS)

    def clear_clipboard_text(self) -> None:
        """Forget what Textual keeps of copied text."""
        self._clipboard = ""

    def _held(self) -> bool:
        return any(page.holds_still() for page in self.pages)

    def set_aside(self) -> None:
        """Leave without cancelling anything; not while a binding runs."""
        if self._held():
            return
        kept = self.visit.order is not None and self.visit.order.status.is_open
        notice = self.text("已暂存。凭账号和密码用「继续办理」接着办。") if kept else ""
        self.go_home(notice)

    # Status, idle time, window size

    async def on_mount(self) -> None:
        """Show the first screen and begin to watch the desk."""
        await self.push_screen(screen_of(Route.HOME))
        self._stops = [
            self.service.watch_tokens(self._tell_tokens_changed),
            self.service.watch_scans(self._tell_scanned),
        ]
        self.set_interval(1.0, self._tick)
        self._status_watch.read()

    def in_thread(self, work: Callable[[], object], group: str) -> None:
        """Run `work` in a thread that outlives the screen."""
        self.run_worker(work, thread=True, group=group)

    def _tell_tokens_changed(self) -> None:
        self.post_message(TokensChanged())

    def _tell_scanned(self, text: str) -> None:
        self.post_message(Scanned(text))

    def on_unmount(self) -> None:
        """Stop watching."""
        for stop in self._stops:
            stop()
        self._stops = []

    async def _tick(self) -> None:
        self._status_watch.read()
        if self._notice_until is not None and self._monotonic() >= self._notice_until:
            self.announce("")
        await self._attendance.look()

    def on_status_arrived(self, message: StatusArrived) -> None:
        """Show the desk's status in the status row; what was read last while it cannot be read."""
        self._status_watch.arrived()
        self._unreadable = isinstance(message.status, Refused)
        if not isinstance(message.status, Refused):
            self.status = message.status
        self.show_status()

    def on_tokens_changed(self) -> None:
        """Tell the screens; the status row follows at once."""
        self._status_watch.read()
        for page in self.pages:
            page.when_whole(page.token_changed)

    def on_scanned(self, message: Scanned) -> None:
        """Tell the step what was scanned."""
        step = self.step
        if step is not None and not self._covered:
            step.when_whole(lambda: step.scanned(message.text))

    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Put a sentence into the status row, for a while or until the next; nothing takes it away."""
        self._notice = text
        self._notice_until = self._monotonic() + for_seconds if text and for_seconds else None
        self.show_status()

    def show_status(self) -> None:
        """Bring every status row up to date: a countdown, else a notice, else how the devices are."""
        unreadable = self.text(REFUSALS[Refusal.STORE_UNREADABLE]) if self._unreadable else ""
        notice = self._attendance.countdown() or self._notice or unreadable
        for page in self.pages:
            for row in page.query(StatusRow):
                if notice:
                    row.show_notice(notice)
                else:
                    row.show_status(self.text, self.status)

    async def on_event(self, event: events.Event) -> None:
        """Notice that somebody uses the screen."""
        if isinstance(event, _TOUCHES):
            counting = self._attendance.counting
            self._attendance.touch()
            if counting:
                self.show_status()
        await super().on_event(event)

    async def hide(self) -> None:
        """Cover the step; its order is kept."""
        await self._close_overlays()
        if self.step is not None:
            self.step.wipe()
        self._attendance.touch()
        self._covered = True
        await self.push_screen(layer_of(Layer.COVER))
        self._check_size(self.size)

    @property
    def unlike_at_start(self) -> bool:
        """Whether a member left another language or a call for the staff behind."""
        return self.staff_called or self.language is not self._own_language

    async def reset(self) -> None:
        """Forget the visit, the staff's call and the language."""
        self.staff_called = False
        self._notice, self._notice_until = "", None
        self._catalogue = Catalogue(self._own_language)
        await self._go_home()

    def on_resize(self, event: events.Resize) -> None:
        """Look whether the window is large enough."""
        self._check_size(event.size)

    def _check_size(self, size: Size) -> None:
        small = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        shown = self.screen is self._too_small
        if small and not shown:
            self._too_small = layer_of(Layer.TOO_SMALL)
            self.push_screen(self._too_small)
        elif shown and not small:
            self.pop_screen()

    # The last resort

    def report(self, error: Exception) -> None:
        """Log an unexpected error under a number and show the number alone."""
        self.trouble = secrets.token_hex(2).upper()
        self._troubles += 1
        structlog.get_logger().error("unexpected error", code=self.trouble, exc_info=error)
        if self._troubles > _TROUBLES_TO_GIVE_UP or not self.is_running or not self.pages:
            self._give_up()
        else:
            self.call_later(self._show_trouble)

    async def _show_trouble(self) -> None:
        self._status_watch.arrived()
        self._notice, self._notice_until = "", None
        self.visit = Visit()
        self.uncover()
        await self._close_overlays()
        await self._go(Route.TROUBLE, self.visit)

    def _give_up(self) -> None:
        """End with the number, without a traceback; the system starts the program again."""
        self.exit(return_code=70, message=self.text("错误编号 {code}", code=self.trouble))

    def _handle_exception(self, error: Exception) -> None:
        # Textual would print a traceback into the terminal here and end.
        self.report(error)

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged under a number and shown as one
            self.report(error)


def run_app(
    desk: Desk,
    configuration: Configuration,
    drawer: Callable[[], Overlay[None]] | None = None,
    leave_when: Callable[[Callable[[], None]], None] | None = None,
) -> int:
    """Run the app; its exit status. `drawer` makes the demo's drawer; `leave_when` gets what closes the app."""
    app = KeydeskApp(DeskService(desk), drawer, configuration.screen, configuration.exchange)

    def leave() -> None:
        app.call_from_thread(app.exit)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: app.exit())
    if leave_when is not None:
        leave_when(leave)
    app.run()
    return app.return_code or 0
