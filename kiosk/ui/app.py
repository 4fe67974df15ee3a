"""The kiosk's app: the language, the visit, the change of steps, idle timeouts and unexpected errors."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from queue import Full
from typing import TYPE_CHECKING, ClassVar

import structlog
from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from kiosk.desk.service import DeskService
from kiosk.desk.views import Refusal, Refused
from kiosk.settings import Display, Exchange
from kiosk.text.catalogue import Catalogue, Language
from kiosk.text.wording import REFUSALS
from kiosk.ui.page import Overlay, Page, detach_overlays, reattach_overlays
from kiosk.ui.presence import IdleMonitor
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
MIN_WIDTH = 80
MIN_HEIGHT = 24
NOTICE_SECONDS = 4.0
_LARGEST = 1000  # the most columns or rows that a terminal is believed to have
_MAX_ERRORS = 5
_LOOK_AGAIN = 0.5  # seconds
_USER_EVENTS = (events.Key, events.MouseDown, events.MouseScrollUp, events.MouseScrollDown, events.Paste)
_OWN_NAME = {Language.CHINESE: "中文", Language.ENGLISH: "English"}


class KioskDriver(LinuxDriver):
    """Textual's driver, which by itself ends the program (with exit status 0) at a byte that is no UTF-8."""

    def write(self, data: str) -> None:
        """Write to the terminal; nothing to one that is gone, where nobody takes from the writer's queue any more."""
        writer = self._writer_thread  # there is no public way to it
        while writer is not None and writer.is_alive():
            try:
                writer._queue.put(data, timeout=_LOOK_AGAIN)  # noqa: SLF001 - its own method waits without an end
            except Full:
                continue
            return

    def run_input_thread(self) -> None:
        """Read the keyboard; what cannot be read is left out."""
        while not self.exit_event.is_set():
            try:
                super().run_input_thread()
            except (ValueError, ArithmeticError) as error:
                structlog.get_logger().warning("odd input", error=str(error))

    def close(self) -> None:
        """End the reading too, which goes on for ever where the terminal went away before it could be restored."""
        self.exit_event.set()
        super().close()

    def process_message(self, message: Message) -> None:
        """Pass a message on, unless it tells of a terminal of an impossible size."""
        if isinstance(message, events.Resize) and not all(0 < side <= _LARGEST for side in message.size):
            return
        super().process_message(message)


class KeydeskApp(App[None], inherit_bindings=False):
    """The kiosk's app. `drawer` creates the demo's drawer and enables leaving; a real kiosk has neither."""

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
        super().__init__(driver_class=KioskDriver)
        self.service = service
        self._drawer = drawer
        self.settings = settings or Exchange()
        self.visit = Visit()
        self.status: DeskStatus | None = None
        self._unreadable = False
        self.staff_called = False
        self.error_code = ""
        display = display or Display()
        self._own_language = display.language
        self._catalogue = Catalogue(display.language)
        self._monotonic = monotonic
        self._idle_monitor = IdleMonitor(self, display.idle, display.countdown, monotonic)
        self._notice = ""
        self._notice_until: float | None = None
        self._step_hidden = False
        self._route_once_shown: Route | None = None
        self._too_small: Overlay[None] | None = None
        self._stops: list[Callable[[], None]] = []
        self._status_watch = StatusWatch(self, monotonic)
        self._error_count = 0
        self.register_theme(KEYDESK_THEME)
        self.theme = KEYDESK_THEME.name

    # Wording

    def text(self, message: str, /, **parameters: object) -> str:
        """The text in the current language."""
        return self._catalogue.text(message, **parameters)

    @property
    def language(self) -> Language:
        """The current language."""
        return self._catalogue.language

    @property
    def other_language(self) -> str:
        """The other language's own name."""
        return _OWN_NAME[self._other()]

    def _other(self) -> Language:
        return Language.ENGLISH if self.language is Language.CHINESE else Language.CHINESE

    def change_language(self) -> None:
        """Switch every screen to the other language, keeping the typed values."""
        self.call_later(self._change_language)

    async def _change_language(self) -> None:
        self._catalogue = Catalogue(self._other())
        self._notice, self._notice_until = "", None
        for page in self.pages:
            page.call_later(page.rebuild)  # in order with the messages of the screen itself

    @property
    def fits(self) -> bool:
        """Whether the terminal window is large enough."""
        return self.size.width >= MIN_WIDTH and self.size.height >= MIN_HEIGHT

    # From step to step

    @property
    def pages(self) -> list[Page[object]]:
        """The open pages, the lowest first."""
        return [screen for screen in self.screen_stack if isinstance(screen, Page)]

    @property
    def step(self) -> Page[object] | None:
        """The page of the current step, beneath any overlays."""
        return next((page for page in self.pages if not isinstance(page, Overlay)), None)

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo, with its drawer and a key to leave."""
        return self._drawer is not None

    # Overlays

    def show_layer(self, layer: Layer) -> None:
        """Show that overlay over the step, unless it is open already or overlays are not allowed now."""
        self._push_overlay(layer_of(layer))

    def open_drawer(self) -> None:
        """Open the demo's drawer, if there is one."""
        if self._drawer is not None:
            self._push_overlay(self._drawer())

    def _push_overlay(self, layer: Overlay[None]) -> None:
        is_open = any(type(page) is type(layer) for page in self.pages)
        if not is_open and not self._step_hidden and self.fits:
            self.push_screen(layer)

    def leave_demo(self) -> None:
        """Leave the demo after a confirmation; does nothing on a real kiosk."""
        question = question_before_leaving()
        if self.is_demo and self.fits and not isinstance(self.screen, type(question)):
            self.push_screen(question, self._leave)

    def _leave(self, answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
        if answer:
            self.exit()

    # A screen cannot await its own removal, so these requests are queued and run in the app's message loop.

    def go(self, route: Route) -> None:
        """Replace the current step, beneath any overlays; while a step is hidden, wait until it is shown again."""
        self.call_later(self._go, route, self.visit)

    def go_home(self, notice: str = "") -> None:
        """End the visit, discard its state, and show the home screen."""
        self.call_later(self._go_home, notice)

    def show_hidden_step(self) -> None:
        """Close the privacy screen and show the hidden step, or the step it has moved on to."""
        self.call_later(self._show_hidden_step)

    async def _go(self, route: Route, visit: Visit) -> None:
        if visit is not self.visit:
            return  # the visit that requested it has ended
        if self._step_hidden:
            self._route_once_shown = route
            return
        # The stack itself: the public `screen_stack` is a copy, and only the topmost screen can be switched.
        detached = detach_overlays(self._screen_stack, self.step)
        await self._close_overlays()
        await self.switch_screen(screen_of(route))
        self._reattach_overlays(detached)
        self._idle_monitor.touch()
        self._check_size(self.size)

    async def _close_overlays(self) -> None:
        while isinstance(self.screen, Overlay):
            await self.pop_screen()

    def _reattach_overlays(self, detached: list[Overlay[object]]) -> None:
        if detached:
            # The stack itself: the public `push_screen` would put a new result callback over the screen's own.
            reattach_overlays(self._screen_stack, detached)
            self.show_status()

    async def _show_hidden_step(self) -> None:
        self._step_hidden = False
        await self._close_overlays()
        self._idle_monitor.touch()
        route, self._route_once_shown = self._route_once_shown, None
        if route is not None:
            await self._go(route, self.visit)

    def discard_hidden_step(self) -> None:
        """Discard the hidden step, because another member signed in on the privacy screen."""
        self._step_hidden, self._route_once_shown = False, None

    async def _go_home(self, notice: str = "") -> None:
        if self.step is not None:
            self.step.visit_ended()
        self.visit = Visit()
        self.clear_clipboard_text()
        self.discard_hidden_step()
        await self._close_overlays()
        await self._go(Route.HOME, self.visit)
        if notice:
            self.announce(notice, for_seconds=NOTICE_SECONDS)

    def clear_clipboard_text(self) -> None:
        """Clear Textual's own copy of the clipboard."""
        # The public `copy_to_clipboard` would also overwrite the terminal's clipboard.
        self._clipboard = ""

    def _leaving_blocked(self) -> bool:
        return any(page.blocks_leaving() for page in self.pages)

    def set_aside(self) -> None:
        """Leave without cancelling anything, unless a page blocks leaving."""
        if self._leaving_blocked():
            return
        kept = self.visit.order is not None and self.visit.order.status.is_open
        notice = self.text("已暂存。凭账号和密码用「继续办理」接着办。") if kept else ""
        self.go_home(notice)

    # Status, idle time, window size

    async def on_mount(self) -> None:
        """Show the home screen and start watching the desk."""
        await self.push_screen(screen_of(Route.HOME))
        self._stops = [
            self.service.watch_tokens(self._post_tokens_changed),
            self.service.watch_scans(self._post_scanned),
        ]
        self.set_interval(1.0, self._tick)
        self._status_watch.read()

    def in_thread(self, work: Callable[[], object], group: str) -> None:
        """Run `work` in a thread that outlives the screen."""
        self.run_worker(work, thread=True, group=group)

    def _post_tokens_changed(self) -> None:
        self.post_message(TokensChanged())

    def _post_scanned(self, text: str) -> None:
        self.post_message(Scanned(text))

    def on_unmount(self) -> None:
        """Stop watching the desk."""
        for stop in self._stops:
            stop()
        self._stops = []

    async def _tick(self) -> None:
        self._status_watch.read()
        if self._notice_until is not None and self._monotonic() >= self._notice_until:
            self.announce("")
        await self._idle_monitor.check()

    def on_status_arrived(self, message: StatusArrived) -> None:
        """Show the desk's status in the status row; the last known one while it cannot be read."""
        self._status_watch.arrived()
        self._unreadable = isinstance(message.status, Refused)
        if not isinstance(message.status, Refused):
            self.status = message.status
            for page in self.pages:
                page.when_composed(page.status_changed)
        self.show_status()

    def on_tokens_changed(self) -> None:
        """Notify the pages and update the status row."""
        self._status_watch.read()
        for page in self.pages:
            page.when_composed(page.token_changed)

    def on_scanned(self, message: Scanned) -> None:
        """Pass a scanned text to the overlay on top if that takes one, else to the current step."""
        top = self.screen
        page = top if isinstance(top, Overlay) and top.TAKES_SCANS else self.step
        if page is not None and not self._step_hidden:
            page.when_composed(lambda: page.scanned(message.text))

    def announce(self, text: str, *, for_seconds: float | None = None) -> None:
        """Show a notice in the status row, for some time or until the next one; an empty text removes it."""
        self._notice = text
        self._notice_until = self._monotonic() + for_seconds if text and for_seconds else None
        self.show_status()

    def show_status(self) -> None:
        """Update every status row: with the countdown, else a notice, else the state of the devices."""
        unreadable = self.text(REFUSALS[Refusal.STORE_UNREADABLE]) if self._unreadable else ""
        notice = self._idle_monitor.countdown() or self._notice or unreadable
        for page in self.pages:
            for row in page.query(StatusRow):
                if notice:
                    row.show_notice(notice)
                else:
                    row.show_status(self.text, self.status)

    async def on_event(self, event: events.Event) -> None:
        """Restart the idle count on input."""
        if isinstance(event, _USER_EVENTS):
            counting = self._idle_monitor.counting
            self._idle_monitor.touch()
            if counting:
                self.show_status()
        await super().on_event(event)

    async def hide_step(self) -> None:
        """Show the privacy screen over the step and keep its order."""
        await self._close_overlays()
        if self.step is not None:
            self.step.wipe()
        self._idle_monitor.touch()
        self._step_hidden = True
        await self.push_screen(layer_of(Layer.PRIVACY))
        self._check_size(self.size)

    @property
    def needs_reset(self) -> bool:
        """Whether a member changed the language or called staff."""
        return self.staff_called or self.language is not self._own_language

    async def reset(self) -> None:
        """Discard the visit, the call for staff and the chosen language."""
        self.staff_called = False
        self._notice, self._notice_until = "", None
        self._catalogue = Catalogue(self._own_language)
        await self._go_home()

    def on_resize(self, event: events.Resize) -> None:
        """Check whether the window is large enough."""
        self._check_size(event.size)

    def _check_size(self, size: Size) -> None:
        small = size.width < MIN_WIDTH or size.height < MIN_HEIGHT
        shown = self.screen is self._too_small
        if small and not shown:
            self._too_small = layer_of(Layer.TOO_SMALL)
            self.push_screen(self._too_small)
        elif shown and not small:
            self.pop_screen()

    # Unexpected errors

    def report(self, error: Exception) -> None:
        """Log an unexpected error under a number and show only the number."""
        self.error_code = secrets.token_hex(2).upper()
        self._error_count += 1
        structlog.get_logger().error("unexpected error", code=self.error_code, exc_info=error)
        if self._error_count > _MAX_ERRORS or not self.is_running or not self.pages:
            self._give_up()
        else:
            self.call_later(self._show_error)

    async def _show_error(self) -> None:
        self._status_watch.arrived()
        self._notice, self._notice_until = "", None
        self.visit = Visit()
        self.discard_hidden_step()
        await self._close_overlays()
        await self._go(Route.ERROR, self.visit)

    def _give_up(self) -> None:
        """Exit with the number and without a traceback; the service manager restarts the program."""
        self.exit(return_code=70, message=self.text("错误编号 {code}", code=self.error_code))

    def _handle_exception(self, error: Exception) -> None:
        # Textual has no public hook for unexpected errors; it would print a traceback to the terminal and exit.
        self.report(error)

    async def _dispatch_message(self, message: Message) -> None:
        # No public hook surrounds every handler; without this an error in one would end the message loop.
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
